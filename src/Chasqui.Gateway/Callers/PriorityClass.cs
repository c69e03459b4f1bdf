namespace Chasqui.Gateway;

/// <summary>How urgent a request is. One of a class runs before all of the classes after it, but that nobody waits for ever.</summary>
public enum PriorityClass
{
    /// <summary>Somebody looks at the screen.</summary>
    Interactive,

    /// <summary>As everybody.</summary>
    Normal,

    /// <summary>Whenever there is room.</summary>
    Batch,
}
