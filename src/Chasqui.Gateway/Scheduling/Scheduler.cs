using Chasqui.Gateway.Catalogue;

namespace Chasqui.Gateway.Scheduling;

/// <summary>
/// Decides which request runs next, and where: in line by class, within a class by what each caller has had for its weight, and on nodes so that models are
/// swapped as little as the bound allows. Knows no sockets, no threads and no clock: time is what it is told, and may stand still but not go back. Not thread-safe.
/// </summary>
/// <param name="options">The bounds.</param>
/// <param name="random">For what is equal.</param>
public sealed partial class Scheduler(QueueOptions options, Random random)
{
    private readonly List<NodeSlots> _nodes = [];
    private readonly Dictionary<ISlotNode, NodeSlots> _byNode = [];
    private readonly Dictionary<LaneKey, Lane> _lanes = [];
    private readonly Dictionary<string, List<Lane>> _byModel = new(ModelNames.Comparer);
    private readonly Shares _shares = new();
    private readonly Deadlines _deadlines = new();
    private readonly List<Ticket> _granted = [];

    // Nodes that are cleared for somebody since a moment ago, or no longer, and so may be of use.
    private readonly Stack<NodeSlots> _unsettled = [];
    private TimeSpan _now;

    /// <summary>The bounds; may be replaced at any time.</summary>
    public QueueOptions Options { get; set; } = options;

    /// <summary>Requests in line.</summary>
    public int Waiting { get; private set; }

    /// <summary>Requests with a slot.</summary>
    public int Running { get; private set; }

    /// <summary>Loads that were begun for a request.</summary>
    public long Loads { get; private set; }

    /// <summary>Replaces the nodes. Requests of those that are gone keep what they have.</summary>
    public void Use(IReadOnlyList<ISlotNode> nodes, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        _nodes.Clear();
        foreach (var node in nodes)
        {
            if (!_byNode.TryGetValue(node, out var slots))
                _byNode.Add(node, slots = new NodeSlots(node));
            _nodes.Add(slots);
        }
        foreach (var (node, slots) in _byNode)
        {
            if (!_nodes.Contains(slots))
                _byNode.Remove(node);
        }
        Changed(now);
    }

    /// <summary>A request comes. It has a slot at once, or waits, or is refused.</summary>
    /// <param name="ticket">The request, new.</param>
    /// <param name="now">The time.</param>
    /// <returns>Why it is refused; null where it is not.</returns>
    public Refusal? Enqueue(Ticket ticket, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        if (ticket.State != TicketState.New)
            throw new InvalidOperationException("The request has come before.");
        Tick(now);
        ticket.Since = _now;
        var share = _shares.Of(ticket.Caller);
        var key = LaneKey.Of(ticket);
        // Nobody is passed over by one who comes later: where somebody waits, the slots that are free are of no use to him, or there are none.
        var lane = _lanes.Count == 0 ? null : _lanes.GetValueOrDefault(key);
        if (lane is null && TryChoose(ticket, null, out var slots, out var reason))
        {
            ticket.Share = share;
            Grant(ticket, slots, reason);
            return null;
        }
        if (Refuse(ticket, share, lane) is { } refusal)
        {
            ticket.State = TicketState.Gone;
            return refusal;
        }
        if (lane is null)
        {
            _lanes.Add(key, lane = Lane.Of(ticket));
            if (!_byModel.TryGetValue(key.Model, out var lanes))
                _byModel.Add(key.Model, lanes = []);
            lanes.Add(lane);
        }
        ticket.State = TicketState.Waiting;
        ticket.Share = share;
        lane.Add(ticket, share);
        _shares.Waits(share, 1);
        Waiting++;
        var most = ticket.MaxWait is { } own && own < Options.MaxWait ? own : Options.MaxWait;
        _deadlines.Add(ticket, _now > TimeSpan.MaxValue - most ? TimeSpan.MaxValue : _now + most, Waiting);
        Pump(lane);
        Settle();
        if (ticket.State == TicketState.Waiting)
            ticket.Cause = CauseOf(lane);
        return null;
    }

    /// <summary>A request leaves the line. Does nothing to one that is not in it.</summary>
    /// <returns>Whether it was.</returns>
    public bool Cancel(Ticket ticket, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        Tick(now);
        if (ticket.State != TicketState.Waiting)
            return false;
        Drop(ticket);
        return true;
    }

    /// <summary>The node has begun to answer, so that the model is in its memory.</summary>
    public void Began(Ticket ticket, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        Tick(now);
        if (ticket is not { State: TicketState.Granted, Loads: true, Slots: { } slots } || !slots.IsBeingLoaded(ticket.Model))
            return;
        slots.Loaded(ticket.Model, _now);
        Pump(slots);
        Settle();
    }

    /// <summary>A request gives its slot back. Does nothing to one that has none.</summary>
    /// <param name="ticket">The request.</param>
    /// <param name="tokens">Tokens that it took in truth; null where nobody knows.</param>
    /// <param name="succeeded">Whether it was answered.</param>
    /// <param name="now">The time.</param>
    public void Release(Ticket ticket, long? tokens, bool succeeded, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        Tick(now);
        if (ticket.State != TicketState.Granted)
            return;
        ticket.State = TicketState.Gone;
        var slots = ticket.Slots!;
        slots.End(ticket, _now, succeeded);
        Running--;
        var share = ticket.Share!;
        _shares.Charge(share, Math.Max(0, tokens ?? ticket.Charged) - ticket.Charged);
        _shares.Runs(share, -1);
        Pump(slots);
        Settle();
    }

    /// <summary>A node was asked what it has in memory.</summary>
    /// <param name="node">The node.</param>
    /// <param name="models">All that is there.</param>
    /// <param name="asOf">When it was asked.</param>
    /// <param name="now">The time.</param>
    public void Reported(ISlotNode node, IEnumerable<string> models, TimeSpan asOf, TimeSpan now)
    {
        Tick(now);
        if (_byNode.TryGetValue(node, out var slots) && slots.Reported(models, asOf))
            Changed(now);
    }

    /// <summary>Something about the nodes has changed.</summary>
    public void Changed(TimeSpan now)
    {
        Tick(now);
        if (Waiting == 0)
            return;
        ClearForOverdue();
        foreach (var slots in _nodes)
            Pump(slots);
        Settle();
    }

    /// <summary>Time has passed: whatever waits for time to pass is looked at.</summary>
    public void Elapsed(TimeSpan now) => Changed(now);

    /// <summary>When time alone changes something next; null for never.</summary>
    public TimeSpan? NextWake()
    {
        TimeSpan? next = null;
        foreach (var lane in _lanes.Values)
        {
            if (lane.OldestSince is not { } since || IsResidentAnywhere(lane))
                continue;
            var due = Max(since + Options.SwapBound, _nodes.Count == 0 ? TimeSpan.Zero : _nodes.Min(slots => slots.LoadedAt == TimeSpan.MinValue ? TimeSpan.Zero : slots.LoadedAt + Options.SwapBound));
            if (due > _now && (next is null || due < next))
                next = due;
        }
        return next;
    }

    /// <summary>Those that have been given a slot since this was asked last, in order.</summary>
    public IReadOnlyList<Ticket> TakeGranted()
    {
        if (_granted.Count == 0)
            return [];
        Ticket[] granted = [.. _granted];
        _granted.Clear();
        return granted;
    }

    /// <summary>Takes somebody out of the line who has waited for as long as he may.</summary>
    /// <returns>Null when there is nobody more.</returns>
    public Ticket? TakeLate(TimeSpan now)
    {
        Tick(now);
        if (_deadlines.TakeDue(_now) is not { } ticket)
            return null;
        Drop(ticket);
        return ticket;
    }

    /// <summary>Takes somebody out of the line whom no node can serve now.</summary>
    /// <returns>Null when there is nobody more.</returns>
    public Ticket? TakeStranded(TimeSpan now)
    {
        Tick(now);
        foreach (var lane in _lanes.Values)
        {
            if (CauseOf(lane) != WaitCause.Nodes)
                continue;
            var ticket = lane.Head(_now, Options.AgingAfter)!;
            Drop(ticket);
            return ticket;
        }
        return null;
    }

    /// <summary>Gives a request a slot of a certain node beside the line, or none.</summary>
    /// <returns>Whether there was one.</returns>
    public bool TryTake(Ticket ticket, ISlotNode node, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        Tick(now);
        if (ticket.State != TicketState.New || !_byNode.TryGetValue(node, out var slots) || !IsFree(slots, ticket) || !slots.FitsBesideRunning(ticket.Model))
            return false;
        ticket.Since = _now;
        ticket.Share = _shares.Of(ticket.Caller);
        Grant(ticket, slots, ReasonOf(ticket, slots));
        return true;
    }

    /// <summary>How many models and requests wait, lane by lane.</summary>
    public IEnumerable<LaneView> Lanes() => _lanes.Values.Select(lane => new LaneView(
        lane.Model, lane.Key.Node, lane.Classes[0].Count, lane.Classes[1].Count, lane.Classes[2].Count, _now - (lane.OldestSince ?? _now), CauseOf(lane)));

    /// <summary>The nodes, in the order of their list.</summary>
    public IEnumerable<NodeView> Nodes() => _nodes.Select(slots => new NodeView(slots.Node.Name, slots.Running, [.. slots.Resident], slots.ClearingFor?.Model));

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private void Tick(TimeSpan now)
    {
        // A clock that jumps back stands still instead.
        if (now > _now)
            _now = now;
    }

    private void Drop(Ticket ticket)
    {
        Leave(ticket);
        ticket.State = TicketState.Gone;
        ticket.Waited = _now - ticket.Since;
        Settle();
    }

    private void Settle()
    {
        while (_unsettled.TryPop(out var slots))
            Pump(slots);
    }

    private void Leave(Ticket ticket)
    {
        var lane = ticket.Lane!;
        lane.Remove(ticket);
        _shares.Waits(ticket.Share!, -1);
        Waiting--;
        if (lane.Count > 0)
            return;
        _lanes.Remove(lane.Key);
        var lanes = _byModel[lane.Model];
        lanes.Remove(lane);
        if (lanes.Count == 0)
            _byModel.Remove(lane.Model);
        foreach (var slots in _nodes)
        {
            if (slots.ClearingFor != lane)
                continue;
            slots.ClearingFor = null;
            _unsettled.Push(slots);
        }
    }

    /// <summary>Gives a slot to whoever is next in a lane.</summary>
    private void GrantNext(Lane lane, Ticket ticket, NodeSlots slots, in RouteReason reason)
    {
        ticket.Cause = ticket.Cause == WaitCause.None ? CauseOf(lane) : ticket.Cause;
        lane.Taking(ticket, _now, Options.AgingAfter);
        Leave(ticket);
        Grant(ticket, slots, reason);
        _granted.Add(ticket);
    }

    private void Grant(Ticket ticket, NodeSlots slots, in RouteReason reason)
    {
        ticket.State = TicketState.Granted;
        ticket.Waited = _now - ticket.Since;
        ticket.Slots = slots;
        ticket.Granted = slots.Node;
        ticket.Reason = reason;
        if (!slots.IsResident(ticket.Model))
            Loads++;
        slots.Begin(ticket, _now);
        if (slots.ClearingFor is { } lane && ModelNames.Comparer.Equals(lane.Model, ticket.Model))
            slots.ClearingFor = null;
        ticket.Charged = Math.Max(1, ticket.Tokens);
        _shares.Runs(ticket.Share!, 1);
        _shares.Charge(ticket.Share!, ticket.Charged);
        Running++;
    }
}
