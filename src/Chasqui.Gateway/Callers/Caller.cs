namespace Chasqui.Gateway;

/// <summary>Who asks: whoever has the same key is the same caller. Immutable.</summary>
public sealed record Caller
{
    /// <summary>Whoever has no key, while none is asked for.</summary>
    public static Caller Anonymous { get; } = new() { Id = "anonymous" };

    /// <summary>Its name: the key's id, which is no secret.</summary>
    public required string Id { get; init; }

    /// <summary>Whose it is: answers are shared within a tenant and never beyond it. Default empty.</summary>
    public string Tenant { get; init; } = "";

    /// <summary>Its share beside others', 0.01 to 1,000. Default 1.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>The class of its requests that say nothing of it. Default <see cref="PriorityClass.Normal"/>.</summary>
    public PriorityClass Priority { get; init; } = PriorityClass.Normal;

    /// <summary>The most urgent class that its requests may ask for. Default <see cref="PriorityClass.Interactive"/>.</summary>
    public PriorityClass MostUrgent { get; init; } = PriorityClass.Interactive;
}
