namespace Chasqui.Engines.Http1;

/// <summary>How connections to a node are kept for later requests.</summary>
public sealed record ConnectionLimits
{
    /// <summary>Connections that are kept while no request uses them, 0 to 20,000. Default 512.</summary>
    public int MaxIdle { get; init; } = 512;

    /// <summary>How long one is kept while no request uses it, 1 s to 1 hour. Default 60 s.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long one is used at all, 1 s to 24 hours, so that a node which moved to another address is found again; a request that runs is never cut for it. Default 10 minutes.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(10);
}
