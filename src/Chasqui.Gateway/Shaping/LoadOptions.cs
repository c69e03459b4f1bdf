namespace Chasqui.Gateway;

/// <summary>What requests may hold of the gateway while they come and run.</summary>
public sealed record LoadOptions
{
    /// <summary>Bytes of request bodies that are held in memory at a time, of all callers together, 1 MiB to 1 TiB. Default null: 256 MiB, or a quarter of the memory where that is less.</summary>
    public long? BodyBytes { get; init; }

    /// <summary>The same of one caller, 64 KiB to 1 TiB. Default null: a quarter of all.</summary>
    public long? BodyBytesPerCaller { get; init; }

    /// <summary>How long a body may wait for room instead of being refused, 0 to 1 minute. Default 2 seconds.</summary>
    public TimeSpan BodyDelay { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a body may bring no byte, 1 s to 1 hour. Default 30 seconds.</summary>
    public TimeSpan BodyIdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a body may take in all, 1 s to 24 hours. Default 5 minutes.</summary>
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Requests of one caller that may run or wait at a time, 1 to 1,000,000. Default 4,096.</summary>
    public int RequestsPerCaller { get; init; } = 4_096;

    /// <summary>Event streams of one caller that may be open at a time, 0 to 1,000,000. Default 1,024.</summary>
    public int SubscriptionsPerCaller { get; init; } = 1_024;

    /// <summary>Connections of HTTP and of MCP, each, that one address other than the machine's own may have open at a time, 1 to 1,000,000. Default 2,000.</summary>
    public int ConnectionsPerAddress { get; init; } = 2_000;
}
