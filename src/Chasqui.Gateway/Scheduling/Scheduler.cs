
namespace Chasqui.Gateway.Scheduling;

/// <summary>
/// Decides which request runs next, and where: in line by class, within a class by what each caller has had for its weight, and on nodes so that models are
/// swapped as little as the bound allows. Knows no sockets, no threads and no clock: time is what it is told, and may stand still but not go back. Not thread-safe.
/// </summary>
public sealed class Scheduler
{
    private readonly SchedulerState _state;
    private readonly Swaps _swaps;
    private readonly Placement _placement;
    private readonly Forecast _forecast;
    private readonly List<Ticket> _granted = [];

    /// <param name="options">The bounds.</param>
    /// <param name="random">For what is equal.</param>
    public Scheduler(QueueOptions options, Random random)
    {
        _state = new SchedulerState(options, random);
        _swaps = new Swaps(_state);
        _placement = new Placement(_state, _swaps);
        _forecast = new Forecast(_state);
    }

    /// <summary>The bounds; may be replaced at any time.</summary>
    public QueueOptions Options
    {
        get => _state.Options;
        set => _state.Options = value;
    }

    /// <summary>Requests in line.</summary>
    public int Waiting => _state.Line.Count;

    /// <summary>Requests with a slot.</summary>
    public int Running { get; private set; }

    /// <summary>Loads that were begun for a request.</summary>
    public long Loads { get; private set; }

    /// <summary>Replaces the nodes. Requests of those that are gone keep what they have.</summary>
    public void Use(IReadOnlyList<ISlotNode> nodes, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        _state.Nodes.Use(nodes);
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
        _state.Tick(now);
        ticket.Since = _state.Now;
        var share = _state.Line.Shares.Of(ticket.Caller);
        if (IsOneTooMany(share))
        {
            ticket.State = TicketState.Gone;
            return new Refusal(RefusalCause.Unread, 1, share.Unread.OneAtATimeUntil - _state.Now);
        }
        // Nobody is passed over by one who comes later: where somebody waits, the slots that are free are of no use to him, or there are none.
        var lane = _state.Line.Find(LaneKey.Of(ticket));
        if (lane is null && _placement.TryChoose(ticket, null, out var slots, out var reason))
        {
            ticket.Share = share;
            Grant(ticket, slots, reason);
            return null;
        }
        if (_forecast.Refuse(ticket, share, lane) is { } refusal)
        {
            ticket.State = TicketState.Gone;
            return refusal;
        }
        var most = ticket.MaxWait is { } own && own < Options.MaxWait ? own : Options.MaxWait;
        lane = _state.Line.Add(ticket, share, _state.Now > TimeSpan.MaxValue - most ? TimeSpan.MaxValue : _state.Now + most);
        Pump(lane);
        Settle();
        if (ticket.State == TicketState.Waiting)
            ticket.Cause = _state.CauseOf(lane);
        return null;
    }

    /// <summary>A request leaves the line. Does nothing to one that is not in it.</summary>
    /// <returns>Whether it was.</returns>
    public bool Cancel(Ticket ticket, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        _state.Tick(now);
        if (ticket.State != TicketState.Waiting)
            return false;
        Drop(ticket);
        return true;
    }

    /// <summary>The node has begun to answer, so that the model is in its memory.</summary>
    public void Began(Ticket ticket, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        _state.Tick(now);
        if (ticket is not { State: TicketState.Granted, Loads: true, Slots: { } slots } || !slots.IsBeingLoaded(ticket.Model))
            return;
        slots.Loaded(ticket.Model, _state.Now);
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
        _state.Tick(now);
        if (ticket.State != TicketState.Granted)
            return;
        ticket.State = TicketState.Gone;
        var slots = ticket.Slots!;
        slots.End(ticket, _state.Now, succeeded);
        Running--;
        _state.Line.Shares.End(ticket, tokens);
        Pump(slots);
        Settle();
    }

    /// <summary>Whether a request of another caller waits for the slot that this one has. Those without a key are not told apart, and count as many.</summary>
    public bool IsWanted(Ticket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        if (ticket is not { State: TicketState.Granted, Slots: { } slots, Share: { } share })
            return false;
        var many = ticket.Caller.Id == Caller.Anonymous.Id;
        return _state.Line.Lanes.Any(lane => lane.Allows(slots.Node) && slots.Node.Has(lane.Model)
            && (slots.Node.SharesSlots || ModelNames.Comparer.Equals(lane.Model, ticket.Model)) && (many || lane.HasOther(share)));
    }

    /// <summary>A request's client has not taken its answer while others waited for its slot. A caller of whom that is told several times has one request at a time for a while.</summary>
    /// <returns>Requests of that caller that may not wait any more, and when they may come again.</returns>
    public IReadOnlyList<(Ticket Ticket, Refusal Why)> Unread(Ticket ticket, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        _state.Tick(now);
        if (ticket.Share is not { } share || ticket.Caller.Id == Caller.Anonymous.Id)
            return [];
        share.Unread.Add(_state.Now);
        if (!IsOneTooMany(share))
            return [];
        var refused = share.Queues.SelectMany(queue => queue.All()).ToList();
        foreach (var waiting in refused)
            Drop(waiting);
        return [.. refused.Select(waiting => (waiting, new Refusal(RefusalCause.Unread, 1, share.Unread.OneAtATimeUntil - _state.Now)))];
    }

    /// <summary>A node was asked what it has in memory.</summary>
    /// <param name="node">The node.</param>
    /// <param name="models">All that is there.</param>
    /// <param name="asOf">When it was asked.</param>
    /// <param name="now">The time.</param>
    public void Reported(ISlotNode node, IEnumerable<string> models, TimeSpan asOf, TimeSpan now)
    {
        _state.Tick(now);
        if (_state.Nodes.Find(node)?.Reported(models, asOf) == true)
            Changed(now);
    }

    /// <summary>Something about the nodes has changed, or time has passed: whatever waits for that is looked at.</summary>
    public void Changed(TimeSpan now)
    {
        _state.Tick(now);
        if (Waiting == 0)
            return;
        _swaps.ClearForOverdue();
        foreach (var slots in _state.Nodes.All)
            Pump(slots);
        Settle();
    }

    /// <summary>When time alone changes something next; null for never.</summary>
    public TimeSpan? NextWake()
    {
        TimeSpan? next = null;
        foreach (var lane in _state.Line.Lanes)
        {
            if (lane.OldestSince is not { } since || _state.IsResidentAnywhere(lane))
                continue;
            var swappable = TimeSpan.MaxValue;
            foreach (var slots in _state.Nodes.All)
                swappable = Min(swappable, slots.LoadedAt == TimeSpan.MinValue ? TimeSpan.Zero : slots.LoadedAt + Options.SwapBound);
            var due = swappable == TimeSpan.MaxValue || since + Options.SwapBound > swappable ? since + Options.SwapBound : swappable;
            if (due > _state.Now && (next is null || due < next))
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
        _state.Tick(now);
        if (_state.Line.NextDue(_state.Now) is not { } ticket)
            return null;
        Drop(ticket);
        return ticket;
    }

    /// <summary>Takes somebody out of the line whom no node can serve now.</summary>
    /// <returns>Null when there is nobody more.</returns>
    public Ticket? TakeStranded(TimeSpan now)
    {
        _state.Tick(now);
        foreach (var lane in _state.Line.Lanes)
        {
            if (_state.CauseOf(lane) != WaitCause.Nodes)
                continue;
            var ticket = _state.Head(lane)!;
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
        _state.Tick(now);
        if (ticket.State != TicketState.New || _state.Nodes.Find(node) is not { } slots || !Placement.IsFree(slots, ticket) || !slots.FitsBesideRunning(ticket.Model))
            return false;
        var share = _state.Line.Shares.Of(ticket.Caller);
        if (IsOneTooMany(share))
            return false;
        ticket.Since = _state.Now;
        ticket.Share = share;
        Grant(ticket, slots, _placement.ReasonOf(ticket, slots));
        return true;
    }

    /// <summary>Where a request in line is, and how long it will wait from now on; its own place is counted by what its class and its caller's share let before it.</summary>
    public (int Position, TimeSpan ExpectedWait) Estimate(Ticket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        return _forecast.Estimate(ticket);
    }

    /// <summary>How many models and requests wait, lane by lane.</summary>
    public IEnumerable<LaneView> Lanes() => _state.Line.Lanes.Select(lane => new LaneView(
        lane.Model, lane.Key.Node, lane.Classes[0].Count, lane.Classes[1].Count, lane.Classes[2].Count, _state.Now - (lane.OldestSince ?? _state.Now), _state.CauseOf(lane)));

    /// <summary>The nodes, in the order of their list.</summary>
    public IEnumerable<NodeView> Nodes() => _state.Nodes.All.Select(slots => new NodeView(slots.Node.Name, slots.Running, [.. slots.Resident], slots.ClearingFor?.Model));

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private bool IsOneTooMany(CallerShare share) => share.Unread.OneAtATimeUntil > _state.Now && share.IsActive;

    private void Drop(Ticket ticket)
    {
        Leave(ticket);
        ticket.State = TicketState.Gone;
        ticket.Waited = _state.Now - ticket.Since;
        Settle();
    }

    private void Settle()
    {
        while (_swaps.TakeUnsettled(out var slots))
            Pump(slots!);
    }

    private void Leave(Ticket ticket)
    {
        var lane = _state.Line.Remove(ticket);
        if (lane.Count == 0)
            _swaps.Emptied(lane);
    }

    /// <summary>Gives out what is free to those who wait in a lane.</summary>
    private void Pump(Lane lane)
    {
        while (_state.Head(lane) is { } next && _placement.TryChoose(next, lane, out var slots, out var reason))
            GrantNext(lane, next, slots, reason);
        if (lane.Count > 0 && lane.ClearedOn is null && !_state.IsResidentAnywhere(lane))
            _swaps.ClearUnneeded(lane);
    }

    /// <summary>Gives out what is free on a node.</summary>
    private void Pump(NodeSlots slots)
    {
        if (Waiting == 0)
            return;
        _swaps.ClearForOverdue();
        while (slots.Node.IsUsable && Waiting > 0)
        {
            if (slots.ClearingFor is { } cleared)
            {
                if (slots.Free(cleared.Model) <= 0 || !slots.FitsBesideRunning(cleared.Model) || _state.Head(cleared) is not { } first)
                    return;
                GrantNext(cleared, first, slots, _placement.ReasonOf(first, slots));
                continue;
            }
            if (NextResident(slots, out var lane) is { } next)
            {
                // Where several nodes are free, it is not always this one that is best for it.
                if (!_placement.TryChoose(next, lane, out var best, out var reason))
                    return;
                GrantNext(lane!, next, best, reason);
                continue;
            }
            if (_swaps.BestToLoad(slots) is not { } toLoad)
                return;
            if (!slots.FitsBesideRunning(toLoad.Model))
            {
                Swaps.Clear(slots, toLoad);
                return;
            }
            var head = _state.Head(toLoad)!;
            GrantNext(toLoad, head, slots, _placement.ReasonOf(head, slots));
        }
    }

    /// <summary>Whoever is next among those whose model the node has: the most urgent, then the one who has had least, then who came first.</summary>
    private Ticket? NextResident(NodeSlots slots, out Lane? lane)
    {
        Ticket? next = null;
        lane = null;
        foreach (var model in slots.Resident)
        {
            var lanes = _state.Line.For(model);
            if (lanes.Count == 0 || slots.Free(model) <= 0)
                continue;
            foreach (var one in lanes)
            {
                if (one.Allows(slots.Node) && _state.Head(one) is { } head && (next is null || IsBefore(head, next)))
                    (next, lane) = (head, one);
            }
        }
        return next;
    }

    private bool IsBefore(Ticket a, Ticket b)
    {
        if (a.Priority != b.Priority && !IsAged(a) && !IsAged(b))
            return a.Priority < b.Priority;
        if (a.Share!.VirtualTime != b.Share!.VirtualTime)
            return a.Share.VirtualTime < b.Share.VirtualTime;
        return a.Since < b.Since;
    }

    private bool IsAged(Ticket ticket) => _state.Now - ticket.Since >= Options.AgingAfter;

    /// <summary>Gives a slot to whoever is next in a lane.</summary>
    private void GrantNext(Lane lane, Ticket ticket, NodeSlots slots, in RouteReason reason)
    {
        ticket.Cause = ticket.Cause == WaitCause.None ? _state.CauseOf(lane) : ticket.Cause;
        lane.Taking(ticket, _state.Now, Options.AgingAfter);
        Leave(ticket);
        Grant(ticket, slots, reason);
        _granted.Add(ticket);
    }

    private void Grant(Ticket ticket, NodeSlots slots, in RouteReason reason)
    {
        ticket.State = TicketState.Granted;
        ticket.Waited = _state.Now - ticket.Since;
        ticket.Slots = slots;
        ticket.Granted = slots.Node;
        ticket.Reason = reason;
        if (!slots.IsResident(ticket.Model))
            Loads++;
        slots.Begin(ticket, _state.Now);
        if (slots.ClearingFor is { } lane && ModelNames.Comparer.Equals(lane.Model, ticket.Model))
            Swaps.NoLonger(slots);
        _state.Line.Shares.Begin(ticket);
        Running++;
    }
}
