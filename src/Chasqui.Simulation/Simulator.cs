using Chasqui.Gateway;
using Chasqui.Gateway.Scheduling;

namespace Chasqui.Simulation;

/// <summary>
/// Runs the gateway's own scheduler over a trace in virtual time: requests come when the trace says, hold a slot for as long as their tokens take, and models load when they are not in memory.
/// The same plan and trace give the same result, to the last digit.
/// </summary>
public sealed class Simulator
{
    private const int CheckEvery = 10_000;

    private readonly SimulationPlan _plan;
    private readonly Dictionary<string, SimulatedModel> _models;
    private readonly SimulatedNode[] _nodes;
    private readonly Scheduler _scheduler;
    private readonly PriorityQueue<(Ticket Ticket, bool Began), (TimeSpan, long)> _events = new();
    private readonly Statistics _statistics;
    private readonly Drawing _drawing;
    private readonly Dictionary<string, double> _lengths = [];
    private TimeSpan _now;
    private long _number;

    private Simulator(SimulationPlan plan)
    {
        _plan = plan;
        _models = plan.Models.ToDictionary(model => model.Name);
        _nodes = [.. Enumerable.Range(0, plan.Nodes).Select(i => new SimulatedNode(FormattableString.Invariant($"n{i}"), plan.Slots, plan.Memory, _models))];
        _scheduler = new Scheduler(plan.Queue, new Random(plan.Seed));
        _scheduler.Use(_nodes, TimeSpan.Zero);
        _statistics = new Statistics(plan);
        _drawing = new Drawing(plan);
    }

    /// <summary>Runs it.</summary>
    /// <param name="trace">Requests in the order of their arrival; one that is out of order comes with the one before it.</param>
    /// <param name="plan">What it runs on.</param>
    /// <param name="progress">Told now and then how many requests have come.</param>
    /// <param name="cancellationToken">Stops it within some thousands of requests.</param>
    /// <exception cref="InvalidRequestException">The trace names a model that the plan does not, or one that fits on no node.</exception>
    public static SimulationResult Run(IEnumerable<TraceRequest> trace, SimulationPlan plan, IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(plan);
        return new Simulator(plan).Run(trace, progress, cancellationToken);
    }

    private SimulationResult Run(IEnumerable<TraceRequest> trace, IProgress<int>? progress, CancellationToken cancellationToken)
    {
        var count = 0;
        foreach (var request in trace)
        {
            if (count++ % CheckEvery == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(count - 1);
            }
            Until(TimeSpan.FromSeconds(request.At / _plan.Speed));
            Arrive(request);
        }
        Until(TimeSpan.MaxValue);
        progress?.Report(count);
        return _statistics.Result(_now, _scheduler.Loads, _nodes.Sum(node => node.BusySeconds) / (_now.TotalSeconds * _plan.Nodes * _plan.Slots));
    }

    private void Arrive(TraceRequest request)
    {
        var model = request.Model.Length > 0 ? request.Model : _drawing.Model();
        if (!_models.TryGetValue(model, out var costs))
            throw new InvalidRequestException($"the trace asks for model \"{model}\", but --models names {string.Join(", ", _models.Keys)}");
        if (costs.Bytes > _plan.Memory)
            throw new InvalidRequestException(FormattableString.Invariant($"model \"{model}\" takes {costs.Bytes} bytes, but a node has {_plan.Memory}"));
        var caller = new Caller { Id = request.Caller.Length > 0 ? request.Caller : _drawing.Caller(), Weight = request.Weight };
        var ticket = new Ticket
        {
            Model = model,
            Caller = caller,
            Priority = request.Priority,
            PromptTokens = request.PromptTokens,
            // What the gateway would think: the prompt, and an answer as long as usual.
            Tokens = Math.Max(1, request.PromptTokens + (int)_lengths.GetValueOrDefault(model, 128)),
            MaxWait = request.MaxWait is { } wait ? TimeSpan.FromSeconds(wait) : null,
            Owner = request,
        };
        if (_scheduler.Enqueue(ticket, _now) is { } refusal)
            _statistics.Refused(refusal.Cause);
        else if (ticket.State == TicketState.Granted && ticket.Position == 0)
            Begin(ticket);
        Drain();
        _statistics.Waiting(_now, _scheduler.Waiting);
    }

    /// <summary>Lets everything happen that is due by then.</summary>
    private void Until(TimeSpan end)
    {
        while (true)
        {
            var next = _events.TryPeek(out _, out var key) ? key.Item1 : TimeSpan.MaxValue;
            if (_scheduler.Waiting > 0 && _scheduler.NextWake() is { } wake && wake < next && wake <= end)
            {
                Advance(wake);
                _scheduler.Changed(_now);
            }
            else if (next <= end && next != TimeSpan.MaxValue)
            {
                Advance(next);
                var (ticket, began) = _events.Dequeue();
                if (began)
                    _scheduler.Began(ticket, _now);
                else
                    Finish(ticket);
            }
            else
            {
                break;
            }
            Drain();
            _statistics.Waiting(_now, _scheduler.Waiting);
        }
        if (end != TimeSpan.MaxValue)
            Advance(end);
    }

    private void Advance(TimeSpan now) => _now = now > _now ? now : _now;

    private void Drain()
    {
        while (_scheduler.TakeLate(_now) is not null)
            _statistics.Refused(RefusalCause.TooLong);
        foreach (var ticket in _scheduler.TakeGranted())
            Begin(ticket);
    }

    private void Begin(Ticket ticket)
    {
        var request = (TraceRequest)ticket.Owner!;
        var model = _models[ticket.Model];
        var node = (SimulatedNode)ticket.Granted!;
        node.Running++;
        var load = ticket.Loads ? Math.Max(0, Loaded(node, model) - _now.TotalSeconds) : 0;
        var first = load + model.FirstTokenSeconds(request.PromptTokens);
        var all = load + model.ServiceSeconds(request.PromptTokens, request.OutputTokens);
        node.BusySeconds += all;
        _statistics.Began(ticket, request, ticket.Waited.TotalSeconds, ticket.Waited.TotalSeconds + first);
        if (ticket.Loads)
            Schedule(ticket, load, began: true);
        Schedule(ticket, all, began: false);
    }

    private readonly Dictionary<(SimulatedNode, string), double> _loadedAt = [];

    /// <summary>When the model is there: the first request begins the load, and the others wait for the same.</summary>
    private double Loaded(SimulatedNode node, SimulatedModel model)
    {
        if (_loadedAt.TryGetValue((node, model.Name), out var at) && at > _now.TotalSeconds)
            return at;
        return _loadedAt[(node, model.Name)] = _now.TotalSeconds + model.LoadSeconds;
    }

    private void Schedule(Ticket ticket, double seconds, bool began) => _events.Enqueue((ticket, began), (_now + TimeSpan.FromSeconds(seconds), _number++));

    private void Finish(Ticket ticket)
    {
        var request = (TraceRequest)ticket.Owner!;
        var node = (SimulatedNode)ticket.Granted!;
        node.Running--;
        var service = _models[ticket.Model].ServiceSeconds(request.PromptTokens, request.OutputTokens);
        node.Served(ticket.Model, service);
        var length = _lengths.GetValueOrDefault(ticket.Model, request.OutputTokens);
        _lengths[ticket.Model] = length + ((request.OutputTokens - length) / 10);
        _statistics.Finished(ticket, request);
        _scheduler.Release(ticket, request.PromptTokens + request.OutputTokens, succeeded: true, _now);
    }
}
