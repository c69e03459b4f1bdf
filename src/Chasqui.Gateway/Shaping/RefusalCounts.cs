namespace Chasqui.Gateway.Shaping;

/// <summary>Why something was refused, or ended, because it would hold too much of the gateway.</summary>
public enum RefusalReason
{
    /// <summary>All bodies together.</summary>
    BodyBytes,

    /// <summary>The bodies of one caller.</summary>
    CallerBodyBytes,

    /// <summary>A body that brought no byte for too long, or took too long.</summary>
    BodyTimeout,

    /// <summary>The requests of one caller.</summary>
    Requests,

    /// <summary>The event streams of one caller.</summary>
    Subscriptions,

    /// <summary>All connections together.</summary>
    Connections,

    /// <summary>The connections of one address.</summary>
    AddressConnections,
}

/// <summary>Counts them. Thread-safe.</summary>
public sealed class RefusalCounts
{
    private readonly long[] _counts = new long[Enum.GetValues<RefusalReason>().Length];

    /// <summary>One more.</summary>
    public void Add(RefusalReason reason) => Interlocked.Increment(ref _counts[(int)reason]);

    /// <summary>How many there were.</summary>
    public long Of(RefusalReason reason) => Volatile.Read(ref _counts[(int)reason]);

    /// <summary>A reason as metrics name it.</summary>
    public static string NameOf(RefusalReason reason) => reason switch
    {
        RefusalReason.BodyBytes => "body_bytes",
        RefusalReason.CallerBodyBytes => "caller_body_bytes",
        RefusalReason.BodyTimeout => "body_timeout",
        RefusalReason.Requests => "caller_requests",
        RefusalReason.Subscriptions => "caller_subscriptions",
        RefusalReason.Connections => "connections",
        _ => "address_connections",
    };
}
