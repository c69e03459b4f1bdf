namespace Chasqui.Storage;

/// <summary>How long a PostgreSQL is waited for. Immutable.</summary>
public sealed record PostgresTimes
{
    /// <summary>How long it is tried to reach one that is not there yet; zero for once only. Default zero.</summary>
    public TimeSpan StartWait { get; init; }

    /// <summary>How long between two tries at the start. Default 1 s.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a write waits for a session that another one writes to, in whole milliseconds. Default 5 s.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long one statement may take, in whole milliseconds; less than the 30 s after which its connection is given up. Default 25 s.</summary>
    public TimeSpan StatementTimeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>After how long a silence the connection that hears of others' changes is tried. Default 5 s.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the answer to that may take, in whole seconds. Default 5 s.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
