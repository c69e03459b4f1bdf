namespace Chasqui.Gateway;

/// <summary>How requests wait for a node that has a slot for them.</summary>
public sealed record QueueOptions
{
    /// <summary>Requests that may wait at once, 0 to 1,000,000; one more is refused with 503. Default 10,000.</summary>
    public int MaxWaiting { get; init; } = 10_000;

    /// <summary>Requests of one caller that may wait at once, 0 to 1,000,000; one more is refused with 429. Default 2,000.</summary>
    public int MaxWaitingPerCaller { get; init; } = 2_000;

    /// <summary>A request that would have to wait longer than this is refused at once, as is one that has waited for so long; 10 ms to 24 hours. Default 5 minutes.</summary>
    public TimeSpan MaxWait { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How much longer a model waits because others are in memory already, zero to 1 hour: for so long requests for resident models run before those that need a load,
    /// and for so long at least a model that was loaded stays while requests for it wait. Zero runs them in the order of fairness alone. Default 5 s.
    /// </summary>
    public TimeSpan SwapBound { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>From then on one of eight free slots goes to the request, whatever is more urgent; 10 ms to 24 hours. Default 15 s.</summary>
    public TimeSpan AgingAfter { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long an answer may wait for its client to take it while requests of others wait for its slot; 100 ms to 1 hour. Default 2 s.</summary>
    public TimeSpan StallGrace { get; init; } = TimeSpan.FromSeconds(2);
}
