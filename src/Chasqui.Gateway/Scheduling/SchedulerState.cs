namespace Chasqui.Gateway.Scheduling;

/// <summary>What all parts of a scheduler see: its bounds, the time, the nodes and those who wait.</summary>
internal sealed class SchedulerState(QueueOptions options, Random random)
{
    public QueueOptions Options { get; set; } = options;

    public Random Random => random;

    /// <summary>The time as it was told last.</summary>
    public TimeSpan Now { get; private set; }

    public NodePool Nodes { get; } = new();

    public WaitingLine Line { get; } = new();

    public void Tick(TimeSpan now)
    {
        // A clock that jumps back stands still instead.
        if (now > Now)
            Now = now;
    }

    /// <summary>Whoever is next in a lane; null for nobody.</summary>
    public Ticket? Head(Lane lane) => lane.Head(Now, Options.AgingAfter);

    /// <summary>Whether the model is in the memory of a node that may serve the lane.</summary>
    public bool IsResidentAnywhere(Lane lane)
    {
        foreach (var slots in Nodes.With(lane.Model))
        {
            if (slots.Node.IsUsable && lane.Allows(slots.Node) && (slots.ClearingFor is null || slots.ClearingFor == lane))
                return true;
        }
        return false;
    }

    /// <summary>Whether somebody waits for a model that the node has.</summary>
    public bool IsAwaited(NodeSlots slots)
    {
        foreach (var model in slots.Resident)
        {
            foreach (var lane in Line.For(model))
            {
                if (lane.Allows(slots.Node))
                    return true;
            }
        }
        return false;
    }

    /// <summary>Why those in a lane wait.</summary>
    public WaitCause CauseOf(Lane lane)
    {
        if (IsResidentAnywhere(lane))
            return WaitCause.Slots;
        foreach (var slots in Nodes.All)
        {
            if (slots.Node.IsUsable && slots.Node.Has(lane.Model) && lane.Allows(slots.Node))
                return WaitCause.Swap;
        }
        return WaitCause.Nodes;
    }
}
