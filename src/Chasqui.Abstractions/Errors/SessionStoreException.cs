namespace Chasqui;

/// <summary>What is wrong with a store.</summary>
public enum StoreFault
{
    /// <summary>It cannot be reached, or is gone.</summary>
    Unavailable,

    /// <summary>Somebody else has it locked, for longer than we wait.</summary>
    Locked,

    /// <summary>There is no room left.</summary>
    Full,

    /// <summary>What is in it cannot be read.</summary>
    Corrupt,
}

/// <summary>The store of sessions cannot do what it was asked to; nothing was changed.</summary>
public sealed class SessionStoreException : EngineException
{
    /// <param name="fault">What is wrong.</param>
    /// <param name="message">The same for people, with what to do.</param>
    /// <param name="cause">Where it comes from.</param>
    public SessionStoreException(StoreFault fault, string message, Exception? cause = null)
        : base(message, cause) => Fault = fault;

    /// <summary>What is wrong.</summary>
    public StoreFault Fault { get; }
}
