namespace Chasqui.Gateway.Scheduling;

/// <summary>
/// What a caller has had: a virtual time that goes on by tokens over weight, so that whoever is behind is next (Sheng et al., "Fairness in Serving Large Language Models",
/// OSDI 2024). Whoever has been away comes back at the time of those who wait, and has saved up nothing.
/// </summary>
internal sealed class CallerShare(string id, int number) : IShareOrdered
{
    // A weight that is no weight would stop the clock.
    private const double LeastWeight = 0.001;

    public string Id => id;

    /// <summary>Orders those that are equal.</summary>
    public int Number => number;

    public double VirtualTime { get; private set; }

    CallerShare IShareOrdered.Share => this;

    int IShareOrdered.At { get; set; } = -1;

    public double Weight { get; private set; } = 1;

    /// <summary>Requests in line.</summary>
    public int Waiting { get; set; }

    /// <summary>Requests with a slot.</summary>
    public int Running { get; set; }

    /// <summary>Answers that it did not take while others waited, of the last minute or so.</summary>
    public UnreadAnswers Unread { get; } = new();

    /// <summary>Whether it waits or runs.</summary>
    public bool IsActive => Waiting > 0 || Running > 0;

    /// <summary>Its lines, in whatever lane and class.</summary>
    public List<ShareQueue> Queues { get; } = [];

    public void Weigh(double weight)
    {
        weight = double.IsFinite(weight) ? Math.Max(LeastWeight, weight) : 1;
        if (weight == Weight)
            return;
        foreach (var queue in Queues)
            queue.Line.Reweigh(weight - Weight);
        Weight = weight;
    }

    /// <summary>Never back in time.</summary>
    public void CatchUp(double virtualTime) => VirtualTime = Math.Max(VirtualTime, virtualTime);

    /// <summary>Tokens were taken, or given back where negative.</summary>
    public void Charge(long tokens)
    {
        VirtualTime += tokens / Weight;
        foreach (var queue in Queues)
            queue.Line.Changed(queue);
    }
}
