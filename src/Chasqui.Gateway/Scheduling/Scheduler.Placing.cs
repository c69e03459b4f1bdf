using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Chasqui.Gateway.Catalogue;
using Chasqui.Gateway.Routing;

namespace Chasqui.Gateway.Scheduling;

/// <summary>Which node a request gets, and which model a node loads.</summary>
public sealed partial class Scheduler
{
    /// <summary>Gives out what is free to those who wait in a lane.</summary>
    private void Pump(Lane lane)
    {
        while (lane.Head(_now, Options.AgingAfter) is { } next && TryChoose(next, lane, out var slots, out var reason))
            GrantNext(lane, next, slots, reason);
        if (lane.Count > 0 && !IsResidentAnywhere(lane) && !IsClearedFor(lane))
            ClearUnneeded(lane);
    }

    /// <summary>Gives out what is free on a node.</summary>
    private void Pump(NodeSlots slots)
    {
        if (Waiting == 0)
            return;
        ClearForOverdue();
        while (slots.Node.IsUsable && Waiting > 0)
        {
            if (slots.ClearingFor is { } cleared)
            {
                if (slots.Free(cleared.Model) <= 0 || !slots.FitsBesideRunning(cleared.Model) || cleared.Head(_now, Options.AgingAfter) is not { } first)
                    return;
                GrantNext(cleared, first, slots, ReasonOf(first, slots));
                continue;
            }
            if (NextResident(slots, out var lane) is { } next)
            {
                // Where several nodes are free, it is not always this one that is best for it.
                if (!TryChoose(next, lane, out var best, out var reason))
                    return;
                GrantNext(lane!, next, best, reason);
                continue;
            }
            if (BestToLoad(slots) is not { } toLoad)
                return;
            if (!slots.FitsBesideRunning(toLoad.Model))
            {
                slots.ClearingFor = toLoad;
                return;
            }
            var head = toLoad.Head(_now, Options.AgingAfter)!;
            GrantNext(toLoad, head, slots, ReasonOf(head, slots));
        }
    }

    /// <summary>The node with a free slot where a request is answered soonest: one that has its model, else one that may load it.</summary>
    private bool TryChoose(Ticket ticket, Lane? lane, [NotNullWhen(true)] out NodeSlots? chosen, out RouteReason reason)
    {
        chosen = null;
        reason = default;
        var candidates = ArrayPool<RouteCandidate>.Shared.Rent(Math.Max(1, _nodes.Count));
        try
        {
            var count = 0;
            for (var i = 0; i < _nodes.Count; i++)
            {
                if (IsFree(_nodes[i], ticket) && _nodes[i].IsResident(ticket.Model))
                    candidates[count++] = Describe(ticket, i);
            }
            for (var i = 0; i < _nodes.Count && (count == 0 || candidates[0].LoadSeconds > 0); i++)
            {
                if (IsFree(_nodes[i], ticket) && !_nodes[i].IsResident(ticket.Model) && MayLoad(_nodes[i], ticket.Model, lane) && _nodes[i].FitsBesideRunning(ticket.Model))
                    candidates[count++] = Describe(ticket, i);
            }
            if (count == 0)
                return false;
            chosen = _nodes[RouteChoice.Choose(candidates.AsSpan(0, count), ticket.PromptTokens, random, out reason)];
            return true;
        }
        finally
        {
            ArrayPool<RouteCandidate>.Shared.Return(candidates);
        }
    }

    private static bool IsFree(NodeSlots slots, Ticket ticket) =>
        slots.Free(ticket.Model) > 0 && slots.Node.IsUsable && slots.Node.Has(ticket.Model) && (slots.ClearingFor is null || ModelNames.Comparer.Equals(slots.ClearingFor.Model, ticket.Model))
        && (ticket.Node is null || ticket.Node == slots.Node.Name) && !ticket.Tried.Contains(slots.Node);

    private RouteCandidate Describe(Ticket ticket, int index)
    {
        var slots = _nodes[index];
        var total = Math.Max(1, slots.Node.Slots(ticket.Model));
        return slots.Node.Describe(ticket, index, slots.IsResident(ticket.Model)) with { Slots = total, InFlight = total - slots.Free(ticket.Model) };
    }

    private RouteReason ReasonOf(Ticket ticket, NodeSlots slots)
    {
        var candidate = Describe(ticket, _nodes.IndexOf(slots));
        RouteChoice.Choose([candidate], ticket.PromptTokens, random, out var reason);
        return reason;
    }

    /// <summary>Whoever is next among those whose model the node has: the most urgent, then the one who has had least, then who came first.</summary>
    private Ticket? NextResident(NodeSlots slots, out Lane? lane)
    {
        Ticket? next = null;
        lane = null;
        foreach (var model in slots.Resident)
        {
            if (!_byModel.TryGetValue(model, out var lanes) || slots.Free(model) <= 0)
                continue;
            foreach (var one in lanes)
            {
                if (one.Allows(slots.Node) && one.Head(_now, Options.AgingAfter) is { } head && (next is null || IsBefore(head, next)))
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

    private bool IsAged(Ticket ticket) => _now - ticket.Since >= Options.AgingAfter;

    /// <summary>What a node had best load: what has waited for too long, else where the most tokens wait for each second of loading.</summary>
    private Lane? BestToLoad(NodeSlots slots)
    {
        Lane? best = null;
        var gain = 0.0;
        foreach (var lane in _lanes.Values)
        {
            if (!lane.Allows(slots.Node) || !slots.Node.Has(lane.Model) || slots.IsResident(lane.Model) || slots.Free(lane.Model) <= 0
                || IsClearedFor(lane) || !MayLoad(slots, lane.Model, lane))
                continue;
            var waited = (_now - lane.OldestSince!.Value).TotalSeconds;
            // Late is more than any gain, and later more than late.
            var late = waited >= Options.SwapBound.TotalSeconds ? 1e12 * (1 + waited) : 0;
            var gains = late + (lane.Tokens / Math.Max(0.05, slots.Node.LoadSeconds(lane.Model)));
            if (gains > gain)
                (best, gain) = (lane, gains);
        }
        return best;
    }

    /// <summary>Whether a load is worth its time, and takes nobody's model away who waits.</summary>
    private bool MayLoad(NodeSlots slots, string model, Lane? lane)
    {
        if (!slots.Node.Fits(model, []) || (!slots.FitsBesideAll(model) && IsAwaited(slots)))
            return false;
        // Elsewhere it is in memory already, or will be soon: who waits may be served there before this load is done.
        double places = 0, service = 0, left = double.MaxValue;
        foreach (var other in _nodes)
        {
            if (other == slots || !other.Node.IsUsable || !other.IsResident(model) || lane?.Allows(other.Node) == false)
                continue;
            var own = Math.Max(1, other.Node.Slots(model) - other.Node.Foreign);
            places += own;
            service += own * other.ServiceSeconds(model, _now);
            left = Math.Min(left, other.LoadLeft(model, _now));
        }
        return places == 0 || left + (Math.Max(1, lane?.Count ?? 0) * service / (places * places)) > slots.Node.LoadSeconds(model);
    }

    /// <summary>Whether somebody waits for a model that the node has.</summary>
    private bool IsAwaited(NodeSlots slots)
    {
        foreach (var model in slots.Resident)
        {
            if (!_byModel.TryGetValue(model, out var lanes))
                continue;
            foreach (var lane in lanes)
            {
                if (lane.Allows(slots.Node))
                    return true;
            }
        }
        return false;
    }

    /// <summary>Lets a node run dry for each model that has waited for its bound and is nowhere in memory, the longest wait first.</summary>
    private void ClearForOverdue()
    {
        List<Lane>? overdue = null;
        foreach (var lane in _lanes.Values)
        {
            if (lane.OldestSince <= _now - Options.SwapBound && !IsClearedFor(lane) && !IsResidentAnywhere(lane))
                (overdue ??= []).Add(lane);
        }
        if (overdue is null)
            return;
        overdue.Sort(static (a, b) => a.OldestSince!.Value.CompareTo(b.OldestSince!.Value));
        foreach (var lane in overdue)
        {
            NodeSlots? best = null;
            foreach (var slots in _nodes)
            {
                if (CanClear(slots, lane) && (slots.LoadedAt <= _now - Options.SwapBound || !IsAwaited(slots)) && (best is null || slots.Running < best.Running))
                    best = slots;
            }
            ClearFor(best, lane);
        }
    }

    private void ClearFor(NodeSlots? slots, Lane lane)
    {
        if (slots is null)
            return;
        slots.ClearingFor = lane;
        // It may have run dry already.
        _unsettled.Push(slots);
    }

    /// <summary>Lets a node run dry whose models nobody waits for.</summary>
    private void ClearUnneeded(Lane lane)
    {
        NodeSlots? best = null;
        foreach (var slots in _nodes)
        {
            if (CanClear(slots, lane) && !IsAwaited(slots) && (best is null || slots.Running < best.Running))
                best = slots;
        }
        ClearFor(best, lane);
    }

    private static bool CanClear(NodeSlots slots, Lane lane) => slots.ClearingFor is null && slots.Node.IsUsable && slots.Node.Has(lane.Model)
        && lane.Allows(slots.Node) && !slots.IsLoading && slots.Node.Fits(lane.Model, []) && slots.Node.Slots(lane.Model) > slots.Node.Foreign;

    private bool IsClearedFor(Lane lane)
    {
        foreach (var slots in _nodes)
        {
            if (slots.ClearingFor == lane)
                return true;
        }
        return false;
    }

    private bool IsResidentAnywhere(Lane lane)
    {
        foreach (var slots in _nodes)
        {
            if (slots.IsResident(lane.Model) && slots.Node.IsUsable && lane.Allows(slots.Node) && (slots.ClearingFor is null || slots.ClearingFor == lane))
                return true;
        }
        return false;
    }

    private WaitCause CauseOf(Lane lane)
    {
        if (IsResidentAnywhere(lane))
            return WaitCause.Slots;
        foreach (var slots in _nodes)
        {
            if (slots.Node.IsUsable && slots.Node.Has(lane.Model) && lane.Allows(slots.Node))
                return WaitCause.Swap;
        }
        return WaitCause.Nodes;
    }
}
