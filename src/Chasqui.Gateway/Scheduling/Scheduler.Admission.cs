namespace Chasqui.Gateway.Scheduling;

/// <summary>Who may wait, and how long it will take.</summary>
public sealed partial class Scheduler
{
    /// <summary>Where a request in line is, and how long it will wait from now on; its own place is counted by what its class and its caller's share let before it.</summary>
    public (int Position, TimeSpan ExpectedWait) Estimate(Ticket ticket)
    {
        ArgumentNullException.ThrowIfNull(ticket);
        if (ticket.State != TicketState.Waiting)
            return (0, TimeSpan.Zero);
        var lane = ticket.Lane!;
        var line = lane.Line(ticket.Priority);
        var position = PositionOf(lane, line, ticket.Share!, ticket.Queue!.Before(ticket), ticket.Priority, line.Count);
        return (position, WaitOf(ticket, lane, position));
    }

    private Refusal? Refuse(Ticket ticket, CallerShare share, Lane? lane)
    {
        var line = lane?.Line(ticket.Priority);
        ticket.Position = PositionOf(lane, line, share, line?.Of(share) ?? 0, ticket.Priority, line?.Count + 1 ?? 1);
        ticket.ExpectedWait = WaitOf(ticket, lane, ticket.Position);
        var cause = Waiting >= Options.MaxWaiting ? RefusalCause.Full
            : share.Waiting >= Options.MaxWaitingPerCaller ? RefusalCause.CallerFull
            : ticket.ExpectedWait > ticket.MaxWait ? RefusalCause.Deadline
            : ticket.ExpectedWait > Options.MaxWait ? RefusalCause.TooLong
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
        double places = 0, possible = 0, service = 0, load = 0, known = 0, left = double.MaxValue;
        foreach (var slots in _nodes)
        {
            var node = slots.Node;
            if (!node.IsUsable || !node.Has(ticket.Model) || (lane is not null ? !lane.Allows(node) : ticket.Tried.Contains(node) || (ticket.Node is { } name && name != node.Name)))
                continue;
            var own = Math.Max(1, node.Slots(ticket.Model) - node.Foreign);
            if (slots.IsResident(ticket.Model))
            {
                places += own;
                left = Math.Min(left, slots.LoadLeft(ticket.Model, _now));
            }
            else
            {
                load = load == 0 ? node.LoadSeconds(ticket.Model) : Math.Min(load, node.LoadSeconds(ticket.Model));
            }
            possible += own;
            service += slots.ServiceSeconds(ticket.Model, _now);
            known++;
        }
        if (known == 0)
            return TimeSpan.Zero;
        service /= known;
        var seconds = places > 0 ? left + (position * service / places) : load + ((position - 1) * service / possible) + SwapWait(ticket.Model);
        return TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.MaxValue.TotalSeconds / 2));
    }

    /// <summary>Until a node is free of what it runs and of those who come first.</summary>
    private double SwapWait(string model)
    {
        var soonest = double.MaxValue;
        foreach (var slots in _nodes)
        {
            if (!slots.Node.IsUsable || !slots.Node.Has(model))
                continue;
            var wait = slots.FitsBesideRunning(model) && !IsAwaited(slots) ? 0
                : (IsAwaited(slots) ? Options.SwapBound.TotalSeconds : 0) + (slots.Running > 0 ? slots.Node.ServiceSeconds(model) : 0);
            soonest = Math.Min(soonest, wait);
        }
        return soonest == double.MaxValue ? 0 : soonest;
    }
}
