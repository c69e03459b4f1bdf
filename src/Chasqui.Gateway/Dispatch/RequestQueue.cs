using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Scheduling;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Dispatch;

/// <summary>Where requests wait for a slot of a node: the scheduler, with the nodes, the clock and those who wait. Thread-safe.</summary>
public sealed class RequestQueue
{
    private static readonly TimeSpan _tell = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dispatcher _dispatcher;
    private readonly NodeSet _nodes;
    private readonly TimeProvider _time;
    private readonly Scheduler _scheduler;
    private readonly AnswerLengths _lengths = new();
    private readonly HashSet<Ticket> _told = [];
    private readonly long _start;
    private Dictionary<Node, QueuedNode> _known = [];
    private IReadOnlyList<Node>? _all;
    private TimeSpan _toldAt;
    private int _waiting;

    internal RequestQueue(Dispatcher dispatcher, NodeSet nodes, TimeProvider time)
    {
        _dispatcher = dispatcher;
        _nodes = nodes;
        _time = time;
        _start = time.GetTimestamp();
        _scheduler = new Scheduler(nodes.Settings.Queue, Random.Shared);
        nodes.Watched = Elapsed;
        nodes.Reported = Reported;
    }

    /// <summary>Requests in line.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    private TimeSpan Now => _time.GetElapsedTime(_start);

    /// <summary>Those who wait, model by model, and what is known of the nodes.</summary>
    public (IReadOnlyList<LaneView> Lanes, IReadOnlyList<NodeView> Nodes) Look()
    {
        lock (_gate)
        {
            Sync();
            return ([.. _scheduler.Lanes()], [.. _scheduler.Nodes()]);
        }
    }

    /// <summary>Waits for a slot.</summary>
    /// <param name="request">The request.</param>
    /// <param name="tried">Nodes that shall not have it.</param>
    /// <param name="silence">Told while it waits.</param>
    /// <param name="cancellationToken">The caller.</param>
    /// <exception cref="QueueRefusedException">It would wait, or has waited, for too long, or too many wait already.</exception>
    /// <exception cref="EngineUnavailableException">No node that could run it can be used any more.</exception>
    internal async ValueTask<(Node Node, SlotGrant Slot)> EnterAsync(RouteRequest request, IReadOnlyList<Node> tried, ISilence? silence, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var queued = new QueuedRequest(request, silence) { Measure = RequestMeasure.Current };
        Ticket ticket;
        Refusal? refusal;
        lock (_gate)
        {
            Sync();
            ticket = TicketOf(request, tried, queued);
            refusal = _scheduler.Enqueue(ticket, Now);
            if (ticket.State == TicketState.Waiting)
            {
                queued.Waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                if (silence is not null)
                    _told.Add(ticket);
            }
            Complete();
        }
        if (refusal is not null)
            throw QueueRefusals.Of(refusal, ticket, _nodes.Settings.Queue);
        if (queued.Waiter is { } waiter)
        {
            using var registration = cancellationToken.UnsafeRegister(static (state, token) => ((Leaving)state!).Leave(token), new Leaving(this, ticket, waiter));
            await waiter.Task.ConfigureAwait(false);
        }
        if (RequestMeasure.Current is { } measure)
            measure.Queued(ticket.Position, ticket.ExpectedWait, ticket.Waited, ticket.Cause);
        return (((QueuedNode)ticket.Granted!).Node, new SlotGrant(this, ticket));
    }

    /// <summary>A slot of a certain node, if one is free.</summary>
    internal SlotGrant? TryTake(RouteRequest request, Node node)
    {
        lock (_gate)
        {
            Sync();
            var ticket = TicketOf(request, [], new QueuedRequest(request, null) { Measure = RequestMeasure.Current });
            return _known.TryGetValue(node, out var queued) && _scheduler.TryTake(ticket, queued, Now) ? new SlotGrant(this, ticket) : null;
        }
    }

    internal void Began(Ticket ticket)
    {
        if (!ticket.Loads)
            return;
        lock (_gate)
        {
            _scheduler.Began(ticket, Now);
            Complete();
        }
        // How many slots it has there is told by the node.
        _nodes.Outdated();
    }

    internal void Release(Ticket ticket, long? tokens, bool succeeded)
    {
        if (tokens is { } taken && succeeded)
            _lengths.Add(ticket.Model, (int)Math.Max(0, taken - ticket.PromptTokens));
        lock (_gate)
        {
            _scheduler.Release(ticket, tokens, succeeded, Now);
            Complete();
        }
    }

    private void Reported(Node node, long askedAt)
    {
        lock (_gate)
        {
            Sync();
            if (_known.TryGetValue(node, out var queued))
                _scheduler.Reported(queued, node.ResidentNames, _time.GetElapsedTime(_start, askedAt), Now);
            _scheduler.Changed(Now);
            Complete();
        }
    }

    /// <summary>Some time has passed.</summary>
    private void Elapsed()
    {
        List<(ISilence, QueuePlace)>? told = null;
        List<RequestMeasure>? unread = null;
        lock (_gate)
        {
            if (_scheduler.Waiting == 0)
                return;
            Sync();
            var now = Now;
            _scheduler.Changed(now);
            unread = GiveUpUnread(now);
            while (_scheduler.TakeLate(now) is { } late)
                Fail(late, QueueRefusals.Late(late));
            while (_scheduler.TakeStranded(now) is { } stranded)
                Fail(stranded, new EngineUnavailableException($"no node can run model '{stranded.Model}' any more; the last one failed while the request waited for it"));
            if (now - _toldAt >= _tell)
            {
                _toldAt = now;
                told = [];
                foreach (var ticket in _told)
                {
                    var (position, expected) = _scheduler.Estimate(ticket);
                    told.Add((((QueuedRequest)ticket.Owner!).Silence!, new QueuePlace(position, expected, now - ticket.Since)));
                }
            }
            Complete();
        }
        foreach (var (silence, place) in told ?? [])
            silence.Waits(place);
        foreach (var measure in unread ?? [])
            measure.GiveUp?.Invoke(FormattableString.Invariant($"the client took nothing of its answer for {_nodes.Settings.Queue.StallGrace.TotalSeconds:0.###} s while others waited for its slot"));
    }

    /// <summary>Finds the requests that keep a slot which others wait for while their clients take nothing.</summary>
    private List<RequestMeasure>? GiveUpUnread(TimeSpan now)
    {
        List<RequestMeasure>? unread = null;
        foreach (var lease in _nodes.All.Where(node => node.InFlight > 0).SelectMany(node => node.Load.Snapshot()))
        {
            if (lease.ClientWaitNow < _nodes.Settings.Queue.StallGrace || lease.Slot is not SlotGrant { Ticket: var ticket }
                || ticket.Owner is not QueuedRequest { IsGivenUp: false, Measure: { GiveUp: not null } measure } owner || !_scheduler.IsWanted(ticket))
                continue;
            owner.IsGivenUp = true;
            (unread ??= []).Add(measure);
            foreach (var (refused, why) in _scheduler.Unread(ticket, now))
                Fail(refused, QueueRefusals.Of(why, refused, _nodes.Settings.Queue));
        }
        return unread;
    }

    private void Leave(Ticket ticket, TaskCompletionSource waiter, CancellationToken token)
    {
        lock (_gate)
        {
            if (!_scheduler.Cancel(ticket, Now))
                return;
            _told.Remove(ticket);
            Volatile.Write(ref _waiting, _scheduler.Waiting);
        }
        waiter.TrySetCanceled(token);
    }

    private Ticket TicketOf(RouteRequest request, IReadOnlyList<Node> tried, QueuedRequest owner)
    {
        var measure = RequestMeasure.Current;
        var caller = measure?.Caller ?? Caller.Anonymous;
        return new Ticket
        {
            Model = request.Model,
            Caller = caller,
            Sharers = measure?.Sharers ?? [],
            Priority = measure?.Priority ?? caller.Priority,
            MaxWait = measure?.MaxWait,
            PromptTokens = request.PromptTokens,
            Tokens = Math.Max(1, request.PromptTokens + (request.MaxTokens is > 0 and var most ? Math.Min(most, _lengths.Of(request.Model)) : _lengths.Of(request.Model))),
            Node = request.Node,
            Tried = tried.Count == 0 ? [] : [.. tried.Select(node => _known.GetValueOrDefault(node)).OfType<QueuedNode>()],
            Owner = owner,
        };
    }

    /// <summary>Takes new nodes and settings in.</summary>
    private void Sync()
    {
        if (!ReferenceEquals(_scheduler.Options, _nodes.Settings.Queue))
            _scheduler.Options = _nodes.Settings.Queue;
        if (ReferenceEquals(_all, _nodes.All))
            return;
        _all = _nodes.All;
        _known = _all.ToDictionary(node => node, node => _known.GetValueOrDefault(node) ?? new QueuedNode(node, _dispatcher));
        _scheduler.Use([.. _all.Select(node => _known[node])], Now);
    }

    /// <summary>Wakes those that have got a slot.</summary>
    private void Complete()
    {
        Volatile.Write(ref _waiting, _scheduler.Waiting);
        foreach (var ticket in _scheduler.TakeGranted())
        {
            _told.Remove(ticket);
            ((QueuedRequest)ticket.Owner!).Waiter?.TrySetResult();
        }
    }

    private void Fail(Ticket ticket, EngineException why)
    {
        _told.Remove(ticket);
        ((QueuedRequest)ticket.Owner!).Waiter?.TrySetException(why);
    }

    private sealed record Leaving(RequestQueue Queue, Ticket Ticket, TaskCompletionSource Waiter)
    {
        public void Leave(CancellationToken token) => Queue.Leave(Ticket, Waiter, token);
    }
}
