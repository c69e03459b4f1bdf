using System.Buffers;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Routing;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Dispatch;

/// <summary>The way of one request: from node to node until one answers. For one caller.</summary>
public sealed class Route
{
    private readonly Dispatcher _dispatcher;
    private readonly RouteRequest _request;
    private List<Node>? _tried;

    internal Route(Dispatcher dispatcher, RouteRequest request)
    {
        _dispatcher = dispatcher;
        _request = request;
    }

    /// <summary>Told while it waits for a slot; null where nobody wants to know.</summary>
    public ISilence? Silence { get; set; }

    /// <summary>Nodes it was sent to so far.</summary>
    public int Attempts { get; private set; }

    /// <summary>The next node.</summary>
    /// <param name="cancellationToken">The caller.</param>
    /// <exception cref="ModelNotFoundException">No node has the model.</exception>
    /// <exception cref="EngineUnavailableException">No node that has it can be used now.</exception>
    public async ValueTask<NodeLease> NextAsync(CancellationToken cancellationToken)
    {
        var measure = RequestMeasure.Current;
        measure?.QueueEntered();
        var having = await _dispatcher.HavingAsync(_request, cancellationToken).ConfigureAwait(false);
        var lease = await LeaseAsync(having, cancellationToken).ConfigureAwait(false);
        lease.Attempt = measure?.NodeChosen(lease.Node.Name, lease.Node.Provider, lease.Node.Host, lease.Node.Port, Attempts > 1 ? AttemptKind.Retry : AttemptKind.First);
        return lease;
    }

    /// <summary>Whether the request may go to another node after this failure; if so, <see cref="NextAsync"/> will leave out those that were tried while there are others.</summary>
    /// <param name="lease">The attempt, of whose answer nothing was passed on.</param>
    /// <param name="failure">How it failed.</param>
    public bool MayRetry(NodeLease lease, EngineException failure)
    {
        ArgumentNullException.ThrowIfNull(lease);
        var isNodes = failure is EngineUnavailableException or EngineFailedException or EngineOverloadedException or ModelNotFoundException or ModelLoadException or InsufficientMemoryException;
        if (!isNodes || Attempts >= _dispatcher.Options.MaxAttempts)
            return false;
        (_tried ??= []).Add(lease.Node);
        var others = false;
        foreach (var node in _dispatcher.Nodes.Catalogue.Having(_request.Model, _request.Node))
            others |= !_tried.Contains(node) && node.Health.Share > 0;
        // A node that was closed off gets nothing more, so that what it still had when it failed, e.g. was killed, is moved free of charge, however much it is.
        return others && (lease.Node.Health.State == NodeState.Paused || _dispatcher.Budget.TryWithdraw());
    }

    /// <summary>
    /// Whether another node may go on with the answer after this failure: one that has the same weights, so that it would have said the same. If so, <see cref="NextAsync"/> chooses
    /// among those.
    /// </summary>
    /// <param name="lease">The attempt, of whose answer a part was passed on.</param>
    /// <param name="failure">How it failed.</param>
    public bool MayContinue(NodeLease lease, EngineException failure)
    {
        ArgumentNullException.ThrowIfNull(lease);
        if (!_dispatcher.Options.Continue || failure is not (EngineUnavailableException or EngineFailedException or EngineOverloadedException) || Attempts >= _dispatcher.Options.MaxAttempts)
            return false;
        if (lease.Node.Find(_request.Model)?.Digest is not { Length: > 0 } digest)
            return false;
        (_tried ??= []).Add(lease.Node);
        var others = false;
        foreach (var node in _dispatcher.Nodes.Catalogue.Having(_request.Model, _request.Node))
        {
            if (_tried.Contains(node))
                continue;
            if (node.Find(_request.Model)?.Digest == digest)
                others |= node.Health.Share > 0;
            else
                _tried.Add(node);
        }
        return others;
    }

    /// <summary>Whether there is a second node with the same weights at all, so that it is worth remembering what is passed on.</summary>
    public bool CouldContinue(NodeLease lease)
    {
        ArgumentNullException.ThrowIfNull(lease);
        if (!_dispatcher.Options.Continue || lease.Node.Find(_request.Model)?.Digest is not { Length: > 0 } digest)
            return false;
        foreach (var node in _dispatcher.Nodes.Catalogue.Having(_request.Model, _request.Node))
        {
            if (node != lease.Node && node.Find(_request.Model)?.Digest == digest)
                return true;
        }
        return false;
    }

    /// <summary>
    /// A second node for a request whose first one is slow, to be asked beside it: another one that has the model in memory and is well, within the budget for
    /// retries. The first to fail or to lose is told by <see cref="NodeLease.Ended"/> or <see cref="NodeLease.Superseded"/>.
    /// </summary>
    /// <param name="slow">The attempt that is slow.</param>
    /// <param name="cancellationToken">The second attempt's.</param>
    /// <returns>Null where nobody shall be asked, e.g. because <see cref="RoutingOptions.HedgeAfter"/> is zero.</returns>
    public NodeLease? TryHedge(NodeLease slow, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(slow);
        if (_dispatcher.Options.HedgeAfter <= TimeSpan.Zero || Attempts >= _dispatcher.Options.MaxAttempts || slow.HasBegun)
            return null;
        var others = _dispatcher.Nodes.Catalogue.Having(_request.Model, _request.Node)
            .Where(node => node != slow.Node && _tried?.Contains(node) != true && node.Resident(_request.Model) is not null
                && node.Health.State is NodeState.Up or NodeState.Returning && node.Health.Share > 0 && !_dispatcher.Nodes.IsStalled(node)).ToList();
        if (others.Count == 0 || !_dispatcher.Budget.TryWithdraw())
            return null;
        var candidates = others.Select(Candidate).ToArray();
        var node = others[RouteChoice.Choose(candidates, _request.PromptTokens, Random.Shared, out var reason)];
        if (_dispatcher.Queue.TryTake(_request, node) is not { } slot)
            return null;
        node.Health.TryBegin(out var trial);
        Attempts++;
        // Whatever comes of it, it was tried.
        (_tried ??= []).Add(node);
        var lease = new NodeLease(node, _request, reason with { Kind = "hedge", Attempt = Attempts }, _dispatcher.Time, cancellationToken, trial) { Slot = slot };
        lease.Attempt = RequestMeasure.Current?.NodeChosen(node.Name, node.Provider, node.Host, node.Port, AttemptKind.Hedge);
        return lease;
    }

    /// <summary>What needs a slot waits for one, unless there is no node that could ever give it.</summary>
    private async ValueTask<NodeLease> LeaseAsync(IReadOnlyList<Node> having, CancellationToken cancellationToken)
    {
        var queue = _dispatcher.Queue;
        while (_request.Loads && IsAnyUsable(having))
        {
            var (node, slot) = await queue.EnterAsync(_request, _tried is not null && IsAnyUsable(having, _tried) ? _tried : [], Silence, cancellationToken).ConfigureAwait(false);
            if (Begin(node, slot.Ticket.Reason, slot, cancellationToken) is { } lease)
                return lease;
            slot.Release(null, succeeded: false);
            having = await _dispatcher.HavingAsync(_request, cancellationToken).ConfigureAwait(false);
        }
        return Lease(having, cancellationToken);
    }

    private bool IsAnyUsable(IReadOnlyList<Node> having, List<Node>? without = null)
    {
        foreach (var node in having)
        {
            if (QueuedNode.IsOpen(node) && node.Find(_request.Model) is not null && without?.Contains(node) != true)
                return true;
        }
        return false;
    }

    private NodeLease Lease(IReadOnlyList<Node> having, CancellationToken cancellationToken)
    {
        var candidates = ArrayPool<RouteCandidate>.Shared.Rent(having.Count);
        try
        {
            while (true)
            {
                var count = Candidates(having, candidates);
                if (count == 0)
                    count = Desperate(having, candidates);
                var index = RouteChoice.Choose(candidates.AsSpan(0, count), _request.PromptTokens, Random.Shared, out var reason);
                var node = having[index];
                if (Begin(node, reason, null, cancellationToken) is { } lease)
                    return lease;
            }
        }
        finally
        {
            ArrayPool<RouteCandidate>.Shared.Return(candidates);
        }
    }

    /// <returns>Null where somebody else has taken the one request that the node takes on trial.</returns>
    private NodeLease? Begin(Node node, RouteReason reason, ISlot? slot, CancellationToken cancellationToken)
    {
        // The engine in the house is asked all the same, as nobody else could find out.
        if (!node.Health.TryBegin(out var trial) && node.Health.State == NodeState.Trial && node.Options.Kind != NodeKind.Embedded)
            return null;
        Attempts++;
        if (Attempts == 1)
            _dispatcher.Budget.Deposit();
        if (_request.Node is not null)
            reason = reason with { Kind = "named" };
        if (Attempts > 1)
            reason = reason with { Kind = "retry" };
        _dispatcher.Prefixes(node)?.Touch(_request.Blocks.Span);
        return new NodeLease(node, _request, reason with { Attempt = Attempts }, _dispatcher.Time, cancellationToken, trial) { Slot = slot };
    }

    private int Candidates(IReadOnlyList<Node> having, RouteCandidate[] candidates)
    {
        var count = 0;
        var suspects = 0;
        for (var i = 0; i < having.Count; i++)
        {
            var node = having[i];
            var share = node.Health.Share;
            if (share <= 0 || _tried?.Contains(node) == true)
                continue;
            // A node that returns is offered only to its part of the requests.
            if (share < 1 && having.Count > 1 && Random.Shared.NextDouble() > share && node.Health.State is NodeState.Returning or NodeState.Trial)
                continue;
            if (_dispatcher.Nodes.IsStalled(node))
                suspects++;
            candidates[count++] = Candidate(node, i);
        }
        if (suspects == 0 || suspects == count)
            return count;
        var kept = 0;
        for (var i = 0; i < count; i++)
        {
            if (!_dispatcher.Nodes.IsStalled(having[candidates[i].Index]))
                candidates[kept++] = candidates[i];
        }
        return kept;
    }

    /// <summary>When no node is free to choose: one that was only passed over by chance, or one that is full and may say so itself, or the engine in the house.</summary>
    /// <exception cref="EngineUnavailableException">All are broken.</exception>
    private int Desperate(IReadOnlyList<Node> having, RouteCandidate[] candidates)
    {
        var count = 0;
        for (var pass = 0; pass < 2 && count == 0; pass++)
        {
            for (var i = 0; i < having.Count; i++)
            {
                if (_tried?.Contains(having[i]) == true && pass == 0)
                    continue;
                if (having[i].Health.Share > 0 || having[i].Options.Kind == NodeKind.Embedded || (having[i].Health.State == NodeState.Paused && having[i].Health.IsBusy))
                    candidates[count++] = Candidate(having[i], i);
            }
        }
        if (count > 0)
            return count;
        var soonest = having.MinBy(node => node.Health.PauseLeft)!;
        if (_request.Node is not null)
            throw DownNodes.Named(soonest);
        var seconds = Math.Ceiling(soonest.Health.PauseLeft.TotalSeconds);
        throw new EngineUnavailableException(FormattableString.Invariant(
            $"all nodes that have model '{_request.Model}' are down ({DownNodes.List(having)}); {soonest.Name} is tried again in {seconds} s"))
        {
            WithoutNames = FormattableString.Invariant($"all nodes that have model '{_request.Model}' are down; one is tried again in {seconds} s"),
        };
    }

    private RouteCandidate Candidate(Node node, int index) => _dispatcher.Describe(node, _request, index, node.Resident(_request.Model) is not null);
}
