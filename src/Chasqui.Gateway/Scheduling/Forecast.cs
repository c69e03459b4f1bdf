namespace Chasqui.Gateway.Scheduling;

/// <summary>Who may wait, and how long it will take.</summary>
internal sealed class Forecast(SchedulerState state)
{
    // To look at each of so many nodes for each request costs more than a forecast is worth that is a moment younger.
    private const int ManyNodes = 32;
    private static readonly TimeSpan _fresh = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<string, (TimeSpan At, int Epoch, Outlook Outlook)> _kept = [];

    /// <summary>Where a request in line is, and how long it will wait from now on; its own place is counted by what its class and its caller's share let before it.</summary>
    public (int Position, TimeSpan ExpectedWait) Estimate(Ticket ticket)
    {
        if (ticket.State != TicketState.Waiting)
            return (0, TimeSpan.Zero);
        var lane = ticket.Lane!;
        var line = lane.Line(ticket.Priority);
        var position = PositionOf(lane, line, ticket.Share!, ticket.Queue!.Before(ticket), ticket.Priority, line.Count);
        return (position, WaitOf(ticket, lane, position));
    }

    /// <summary>Tells a request that is new where it will stand, and whether it may.</summary>
    public Refusal? Refuse(Ticket ticket, CallerShare share, Lane? lane)
    {
        var line = lane?.Line(ticket.Priority);
        ticket.Position = PositionOf(lane, line, share, line?.Of(share) ?? 0, ticket.Priority, line?.Count + 1 ?? 1);
        ticket.ExpectedWait = WaitOf(ticket, lane, ticket.Position);
        var cause = state.Line.Count >= state.Options.MaxWaiting ? RefusalCause.Full
            : share.Waiting >= state.Options.MaxWaitingPerCaller ? RefusalCause.CallerFull
            : ticket.ExpectedWait > ticket.MaxWait ? RefusalCause.Deadline
            : ticket.ExpectedWait > state.Options.MaxWait ? RefusalCause.TooLong
            : (RefusalCause?)null;
        return cause is { } why ? new Refusal(why, ticket.Position, ticket.ExpectedWait) : null;
    }

    /// <summary>The place of a request before which its caller has <paramref name="own"/> others in line: of the others in its class each caller gets as much for its weight meanwhile.</summary>
    private static int PositionOf(Lane? lane, ClassLine? line, CallerShare share, int own, PriorityClass priority, int most)
    {
        if (lane is null || line is null)
            return 1;
        var before = 0;
        for (var urgent = 0; urgent < (int)priority; urgent++)
            before += lane.Classes[urgent].Count;
        var weight = line.Of(share) > 0 ? line.Weight : line.Weight + share.Weight;
        return before + (int)Math.Clamp(Math.Ceiling((own + 1) * weight / share.Weight), 1, Math.Max(1, most));
    }

    /// <summary>
    /// All places are taken, and one becomes free every <c>service / places</c> seconds in the mean; what has to be loaded waits for its bound, or until nobody waits
    /// for what is there, and for the load.
    /// </summary>
    private TimeSpan WaitOf(Ticket ticket, Lane? lane, int position)
    {
        var outlook = OutlookOf(ticket, lane);
        if (outlook.Service < 0)
            return TimeSpan.Zero;
        var seconds = outlook.Places > 0
            ? outlook.LoadLeft + (position * outlook.Service / outlook.Places)
            : outlook.Load + ((position - 1) * outlook.Service / outlook.Possible) + SwapWait(ticket.Model);
        return TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.MaxValue.TotalSeconds / 2));
    }

    private Outlook OutlookOf(Ticket ticket, Lane? lane)
    {
        if (state.Nodes.All.Count < ManyNodes || ticket.Node is not null || ticket.Tried.Count > 0)
            return Look(ticket, lane);
        if (_kept.TryGetValue(ticket.Model, out var kept) && kept.Epoch == state.Nodes.Epoch && state.Now - kept.At < _fresh)
            return kept.Outlook;
        var outlook = Look(ticket, lane);
        // Names of models come from callers; those that nobody has are not kept for ever.
        if (_kept.Count >= 1_000)
            _kept.Clear();
        _kept[ticket.Model] = (state.Now, state.Nodes.Epoch, outlook);
        return outlook;
    }

    private Outlook Look(Ticket ticket, Lane? lane)
    {
        double places = 0, possible = 0, service = 0, load = 0, known = 0, left = double.MaxValue;
        foreach (var slots in state.Nodes.All)
        {
            var node = slots.Node;
            if (!node.IsUsable || !node.Has(ticket.Model) || (lane is not null ? !lane.Allows(node) : ticket.Tried.Contains(node) || (ticket.Node is { } name && name != node.Name)))
                continue;
            var own = Math.Max(1, node.Slots(ticket.Model) - node.Foreign);
            if (slots.IsResident(ticket.Model))
            {
                places += own;
                left = Math.Min(left, slots.LoadLeft(ticket.Model, state.Now));
            }
            else
            {
                load = load == 0 ? node.LoadSeconds(ticket.Model) : Math.Min(load, node.LoadSeconds(ticket.Model));
            }
            possible += own;
            service += slots.ServiceSeconds(ticket.Model, state.Now);
            known++;
        }
        return new Outlook(places, possible, known == 0 ? -1 : service / known, load, left);
    }

    /// <summary>Until a node is free of what it runs and of those who come first.</summary>
    private double SwapWait(string model)
    {
        var soonest = double.MaxValue;
        foreach (var slots in state.Nodes.All)
        {
            if (!slots.Node.IsUsable || !slots.Node.Has(model))
                continue;
            var isAwaited = state.IsAwaited(slots);
            var wait = !isAwaited && slots.FitsBesideRunning(model) ? 0
                : (isAwaited ? state.Options.SwapBound.TotalSeconds : 0) + (slots.Running > 0 ? slots.Node.ServiceSeconds(model) : 0);
            soonest = Math.Min(soonest, wait);
            if (soonest == 0)
                break;
        }
        return soonest == double.MaxValue ? 0 : soonest;
    }

    /// <param name="Places">Slots of nodes that have the model.</param>
    /// <param name="Possible">Slots of all nodes that could.</param>
    /// <param name="Service">Seconds for which a request holds a slot; negative where there is no such node.</param>
    /// <param name="Load">Seconds of the quickest load.</param>
    /// <param name="LoadLeft">Seconds until the first load that is under way has ended.</param>
    private readonly record struct Outlook(double Places, double Possible, double Service, double Load, double LoadLeft);
}
