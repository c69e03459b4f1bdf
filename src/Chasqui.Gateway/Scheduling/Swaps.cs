namespace Chasqui.Gateway.Scheduling;

/// <summary>What the other nodes can do for those who wait for a model.</summary>
/// <param name="WaitSeconds">Seconds until all are served there; infinite where the model is in no memory.</param>
internal readonly record struct Elsewhere(double WaitSeconds);

/// <summary>Which model a node loads, and when it runs dry for that.</summary>
internal sealed class Swaps(SchedulerState state)
{
    // Nodes that are cleared for somebody since a moment ago, or no longer, and so may be of use.
    private readonly Stack<NodeSlots> _unsettled = [];

    /// <summary>A node whose clearing has changed since this was asked last.</summary>
    public bool TakeUnsettled(out NodeSlots? slots) => _unsettled.TryPop(out slots);

    /// <summary>Nobody waits in a lane any more: whatever was cleared for it is free for others.</summary>
    public void Emptied(Lane lane)
    {
        if (lane.ClearedOn is not { } slots)
            return;
        NoLonger(slots);
        _unsettled.Push(slots);
    }

    /// <summary>The model that a node was cleared for is being loaded there.</summary>
    public static void NoLonger(NodeSlots slots)
    {
        if (slots.ClearingFor is { } lane)
            lane.ClearedOn = null;
        slots.ClearingFor = null;
    }

    /// <summary>What a node had best load: what has waited for too long, else where the most tokens wait for each second of loading.</summary>
    public Lane? BestToLoad(NodeSlots slots)
    {
        Lane? best = null;
        var gain = 0.0;
        foreach (var lane in state.Line.Lanes)
        {
            if (slots.IsResident(lane.Model) || lane.ClearedOn is not null || !lane.Allows(slots.Node) || !slots.Node.Has(lane.Model) || slots.Free(lane.Model) <= 0)
                continue;
            var waited = (state.Now - lane.OldestSince!.Value).TotalSeconds;
            // Late is more than any gain, and later more than late.
            var late = waited >= state.Options.SwapBound.TotalSeconds ? 1e12 * (1 + waited) : 0;
            var gains = late + (lane.Tokens / Math.Max(0.05, slots.Node.LoadSeconds(lane.Model)));
            if (gains > gain && MayLoad(slots, lane.Model, Elsewhere(lane.Model, lane)))
                (best, gain) = (lane, gains);
        }
        return best;
    }

    /// <summary>Whether a load is worth its time, and takes nobody's model away who waits.</summary>
    /// <param name="slots">A node that does not have the model.</param>
    /// <param name="model">The model.</param>
    /// <param name="elsewhere">What the others can do.</param>
    public bool MayLoad(NodeSlots slots, string model, in Elsewhere elsewhere) =>
        elsewhere.WaitSeconds > slots.Node.LoadSeconds(model) && slots.Node.Fits(model, []) && (slots.FitsBesideAll(model) || !state.IsAwaited(slots));

    /// <summary>Where a model is in memory already, or will be soon, who waits may be served before a load elsewhere is done.</summary>
    /// <param name="model">The model.</param>
    /// <param name="lane">Who waits; null for one that has just come.</param>
    public Elsewhere Elsewhere(string model, Lane? lane)
    {
        double places = 0, service = 0, left = double.MaxValue;
        foreach (var slots in state.Nodes.With(model))
        {
            if (!slots.Node.IsUsable || lane?.Allows(slots.Node) == false)
                continue;
            var own = Math.Max(1, slots.Node.Slots(model) - slots.Node.Foreign);
            places += own;
            service += own * slots.ServiceSeconds(model, state.Now);
            left = Math.Min(left, slots.LoadLeft(model, state.Now));
        }
        return new Elsewhere(places == 0 ? double.PositiveInfinity : left + (Math.Max(1, lane?.Count ?? 0) * service / (places * places)));
    }

    /// <summary>Lets a node run dry for each model that has waited for its bound and is nowhere in memory, the longest wait first.</summary>
    public void ClearForOverdue()
    {
        List<Lane>? overdue = null;
        var bound = state.Now - state.Options.SwapBound;
        foreach (var lane in state.Line.Lanes)
        {
            if (lane.ClearedOn is null && lane.OldestSince <= bound && !state.IsResidentAnywhere(lane))
                (overdue ??= []).Add(lane);
        }
        if (overdue is null)
            return;
        overdue.Sort(static (a, b) => a.OldestSince!.Value.CompareTo(b.OldestSince!.Value));
        foreach (var lane in overdue)
            Clear(lane, slots => slots.LoadedAt <= bound || !state.IsAwaited(slots));
    }

    /// <summary>Lets a node run dry whose models nobody waits for.</summary>
    public void ClearUnneeded(Lane lane) => Clear(lane, slots => !state.IsAwaited(slots));

    /// <summary>Lets a node run dry for a lane.</summary>
    public static void Clear(NodeSlots slots, Lane lane) => (slots.ClearingFor, lane.ClearedOn) = (lane, slots);

    private void Clear(Lane lane, Predicate<NodeSlots> may)
    {
        NodeSlots? best = null;
        foreach (var slots in state.Nodes.All)
        {
            if ((best is null || slots.Running < best.Running) && CanClear(slots, lane) && may(slots))
                best = slots;
        }
        if (best is null)
            return;
        Clear(best, lane);
        // It may have run dry already.
        _unsettled.Push(best);
    }

    private static bool CanClear(NodeSlots slots, Lane lane) => slots.ClearingFor is null && slots.Node.IsUsable && slots.Node.Has(lane.Model)
        && lane.Allows(slots.Node) && !slots.IsLoading && slots.Node.Fits(lane.Model, []) && slots.Node.Slots(lane.Model) > slots.Node.Foreign;
}
