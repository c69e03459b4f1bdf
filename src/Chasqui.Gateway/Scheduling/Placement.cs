using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Chasqui.Gateway.Routing;

namespace Chasqui.Gateway.Scheduling;

/// <summary>Which node with a free slot a request gets.</summary>
internal sealed class Placement(SchedulerState state, Swaps swaps)
{
    /// <summary>Nodes that are weighed against each other at most, from a place in the list that is drawn.</summary>
    private const int MaxCandidates = 64;

    /// <summary>The node with a free slot where a request is answered soonest: one that has its model, else one that may load it.</summary>
    /// <param name="ticket">The request.</param>
    /// <param name="lane">Where it waits; null where nobody like it does.</param>
    /// <param name="chosen">The node.</param>
    /// <param name="reason">Why.</param>
    public bool TryChoose(Ticket ticket, Lane? lane, [NotNullWhen(true)] out NodeSlots? chosen, out RouteReason reason)
    {
        chosen = null;
        reason = default;
        var candidates = ArrayPool<RouteCandidate>.Shared.Rent(MaxCandidates);
        try
        {
            var count = AddResident(ticket, candidates, out var isReady);
            // A load that is under way may take longer than one that is begun elsewhere.
            if (!isReady)
                count = AddLoadable(ticket, lane, candidates, count);
            if (count == 0)
                return false;
            chosen = state.Nodes.All[RouteChoice.Choose(candidates.AsSpan(0, count), ticket.PromptTokens, state.Random, out reason)];
            return true;
        }
        finally
        {
            ArrayPool<RouteCandidate>.Shared.Return(candidates);
        }
    }

    /// <summary>Whether a node has a slot for a request, and may give it.</summary>
    public static bool IsFree(NodeSlots slots, Ticket ticket) =>
        slots.Free(ticket.Model) > 0 && slots.Node.IsUsable && slots.Node.Has(ticket.Model) && (slots.ClearingFor is null || ModelNames.Comparer.Equals(slots.ClearingFor.Model, ticket.Model))
        && (ticket.Node is null || ticket.Node == slots.Node.Name) && !ticket.Tried.Contains(slots.Node);

    /// <summary>Why a request gets a certain node.</summary>
    public RouteReason ReasonOf(Ticket ticket, NodeSlots slots)
    {
        var candidate = Describe(ticket, slots);
        RouteChoice.Choose(new ReadOnlySpan<RouteCandidate>(in candidate), ticket.PromptTokens, state.Random, out var reason);
        return reason;
    }

    private int AddResident(Ticket ticket, RouteCandidate[] candidates, out bool isReady)
    {
        isReady = false;
        var count = 0;
        var nodes = state.Nodes.With(ticket.Model);
        for (int i = 0, at = Start(nodes); i < nodes.Count && count < MaxCandidates; i++, at++)
        {
            var slots = nodes[at < nodes.Count ? at : at -= nodes.Count];
            if (!IsFree(slots, ticket))
                continue;
            candidates[count] = Describe(ticket, slots);
            isReady |= candidates[count++].LoadSeconds == 0;
        }
        return count;
    }

    private int AddLoadable(Ticket ticket, Lane? lane, RouteCandidate[] candidates, int count)
    {
        Elsewhere? elsewhere = null;
        var nodes = state.Nodes.All;
        for (int i = 0, at = Start(nodes); i < nodes.Count && count < MaxCandidates; i++, at++)
        {
            var slots = nodes[at < nodes.Count ? at : at -= nodes.Count];
            if (!IsFree(slots, ticket) || slots.IsResident(ticket.Model))
                continue;
            elsewhere ??= swaps.Elsewhere(ticket.Model, lane);
            if (swaps.MayLoad(slots, ticket.Model, elsewhere.Value) && slots.FitsBesideRunning(ticket.Model))
                candidates[count++] = Describe(ticket, slots);
        }
        return count;
    }

    private int Start(List<NodeSlots> nodes) => nodes.Count > MaxCandidates ? state.Random.Next(nodes.Count) : 0;

    private static RouteCandidate Describe(Ticket ticket, NodeSlots slots)
    {
        var total = Math.Max(1, slots.Node.Slots(ticket.Model));
        return slots.Node.Describe(ticket, slots.Index, slots.IsResident(ticket.Model)) with { Slots = total, InFlight = total - slots.Free(ticket.Model) };
    }
}
