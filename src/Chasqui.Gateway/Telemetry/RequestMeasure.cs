using System.Collections;
using System.Diagnostics;
using Chasqui.Gateway.Caching;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Policies;
using Chasqui.Gateway.Scheduling;
using Chasqui.Gateway.Shaping;

namespace Chasqui.Gateway.Telemetry;

/// <summary>
/// One request, measured and traced from its arrival to its end. It is for one request's code, which may run on several threads one after the other; of the methods only
/// <see cref="NodeChosen"/>, <see cref="FirstToken"/> and what a <see cref="NodeAttempt"/> has may be called at the same time. As a scope of a logger it is the field <c>RequestId</c>.
/// </summary>
public sealed partial class RequestMeasure : RequestContext, IReadOnlyList<KeyValuePair<string, object?>>
{
    private const int MaxTraceState = 512;

    private readonly GatewayTelemetry _telemetry;
    private readonly RequestOrigin _origin;
    private readonly long _began;
    private readonly string? _givenParent;
    private readonly string? _givenState;
    private readonly Activity? _server;
    private Activity? _queue;
    private long _queued;
    private long _firstToken;
    private string? _operation;
    private readonly bool _isShared;
    private IDisposable? _held;
    private int _ended;

    private RequestMeasure(RequestMeasure leader)
    {
        _isShared = true;
        _telemetry = leader._telemetry;
        _origin = leader._origin;
        _began = _telemetry.Time.GetTimestamp();
        _server = leader._server;
        (_givenParent, _givenState) = (leader._givenParent, leader._givenState);
        // Whoever it stands for was let in by himself.
        (RequestId, Caller, Priority, MaxWait, Limits) = (leader.RequestId, leader.Caller, leader.Priority, leader.MaxWait, leader.Limits);
        GivenScope = leader.GivenScope;
        (_operation, Model, ResponseModel) = (leader._operation, leader.Model, leader.ResponseModel);
        _tokens.Expected = leader._tokens.Expected;
    }

    internal RequestMeasure(GatewayTelemetry telemetry, in RequestOrigin origin)
    {
        _telemetry = telemetry;
        _origin = origin;
        _began = telemetry.Time.GetTimestamp();
        RequestId = RequestIds.Of(origin.RequestId);
        ActivityContext parent = default;
        if (origin.TraceParent is { } given && ActivityContext.TryParse(given, null, isRemote: true, out parent))
        {
            _givenParent = given;
            _givenState = IsSaneState(origin.TraceState) ? origin.TraceState : null;
        }

        if (origin.Traced && telemetry.Source.HasListeners())
            _server = RequestSpan.Start(telemetry, origin, RequestId, _givenState, parent);
        if (telemetry.Instruments.Active.Enabled)
            telemetry.Instruments.Active.Add(1, new KeyValuePair<string, object?>(TelemetryNames.Transport, origin.Transport));
    }

    /// <summary>The request that runs here; null outside of one.</summary>
    public static new RequestMeasure? Current => RequestContext.Current as RequestMeasure;

    /// <inheritdoc/>
    public override string RequestId { get; }

    /// <inheritdoc/>
    public override string? TraceParent => Innermost is { } span ? span.Id : _givenParent;

    /// <inheritdoc/>
    public override string? TraceState => Innermost is { } span ? span.TraceStateString : _givenState;

    /// <summary>Who asks.</summary>
    public Caller Caller { get; set; } = Caller.Anonymous;

    /// <summary>How urgent it is; null for what is usual for its caller.</summary>
    public PriorityClass? Priority { get; set; }

    /// <summary>How long it may wait for a slot; null for as long as anybody.</summary>
    public TimeSpan? MaxWait { get; set; }

    /// <summary>Whether another engine may go on with its answer when one fails in the middle. Default true.</summary>
    public bool Continues { get; set; } = true;

    /// <summary>
    /// Ends the request although its client has not left, with the reason; it reads nothing of its answer. Null where that is not possible.
    /// </summary>
    public Action<string>? GiveUp { get; set; }

    /// <summary>The time it waited for slots, of all attempts.</summary>
    public TimeSpan QueueWait { get; private set; }

    /// <summary>Why it waited; of several attempts the last that did.</summary>
    public WaitCause QueueCause { get; private set; }

    /// <summary>Its place in line when it came there, from 1; 0 where it never waited.</summary>
    public int QueuePosition { get; private set; }
    /// <summary>The limits that hold for it; null where there are none, and before they were asked.</summary>
    public LimitView? Limits { get; set; }

    /// <summary>What it was let in with, which is settled at its end; null where no limit holds.</summary>
    public Admission? Admission { get; set; }

    /// <summary>The span of the whole request; null where it has none.</summary>
    public Activity? Span => _server;

    /// <summary>The path or the operation; <see cref="TelemetryNames.OtherModel"/> for what there is not.</summary>
    public string Route => _origin.Route;

    /// <summary>The model that was asked for; empty before <see cref="Asks"/>.</summary>
    public string Model { get; private set; } = "";

    /// <summary>The model that answers, where its name is another than <see cref="Model"/> (an alias); null where it is not.</summary>
    public string? ResponseModel { get; set; }

    /// <summary>The node that was chosen last; null for none.</summary>
    public NodeAttempt? Node { get; private set; }

    /// <summary>Why it failed, once it has: a code, e.g. <c>model_not_found</c>.</summary>
    public string? Error { get; private set; }

    /// <summary>Time since its arrival.</summary>
    public TimeSpan Elapsed => _telemetry.Time.GetElapsedTime(_began);

    internal GatewayTelemetry Telemetry => _telemetry;

    internal string Operation => _operation ?? "";

    private Activity? Innermost => _server is null ? null : Activity.Current is { } current && current != _server && current.TraceId == _server.TraceId ? current : Node?.LiveSpan ?? _server;

    int IReadOnlyCollection<KeyValuePair<string, object?>>.Count => 1;

    KeyValuePair<string, object?> IReadOnlyList<KeyValuePair<string, object?>>.this[int index] => index == 0
        ? new("RequestId", RequestId)
        : throw new ArgumentOutOfRangeException(nameof(index));

    /// <summary>What it wants of the cache, and what it got; null for what is usual.</summary>
    public CacheControl? Cache { get; set; }

    /// <summary>How an answer of the engine over all nodes came about; null before there is one.</summary>
    public AnswerOrigin? Origin { get; private set; }

    /// <summary>A node has answered.</summary>
    internal void Answered(NodeLease lease, IReadOnlyList<OptionChange> changes)
    {
        Node = lease.Attempt ?? Node;
        Origin = new AnswerOrigin(lease.Reason, changes);
    }

    /// <summary>Counts what was looked for among what is kept.</summary>
    /// <param name="kind"><c>vectors</c> or <c>generation</c>.</param>
    /// <param name="hits">What was there.</param>
    /// <param name="misses">What was not.</param>
    public void CacheLooked(string kind, int hits, int misses)
    {
        var lookups = _telemetry.Instruments.CacheLookups;
        if (hits > 0)
            lookups.Add(hits, Tag(TelemetryNames.CacheKind, kind), Tag(TelemetryNames.Outcome, "hit"));
        if (misses > 0)
            lookups.Add(misses, Tag(TelemetryNames.CacheKind, kind), Tag(TelemetryNames.Outcome, "miss"));
    }

    /// <summary>Counts a call upstream that is made for several.</summary>
    internal void Merged(int callers, int inputs)
    {
        var instruments = _telemetry.Instruments;
        if (!instruments.MergedInputs.Enabled && !instruments.MergedCalls.Enabled)
            return;
        var model = Tag(TelemetryNames.RequestModel, _telemetry.Label(Model, succeeded: false));
        instruments.MergedCalls.Add(1, model);
        instruments.MergedRequests.Add(callers, model);
        instruments.MergedInputs.Record(inputs, model);
    }

    /// <summary>Tells what is asked of which model. Without it the request is none for a model, and is only counted.</summary>
    /// <param name="operation"><c>chat</c>, <c>text_completion</c> or <c>embeddings</c>.</param>
    /// <param name="model">The model's name as it was asked for.</param>
    public void Asks(string operation, string model)
    {
        _operation = operation;
        Model = model;
    }

    /// <summary>It begins to wait for a node.</summary>
    public void QueueEntered()
    {
        if (_queued != 0)
            return;
        _queued = _telemetry.Time.GetTimestamp();
        _telemetry.Instruments.QueueLength.Add(1);
        _queue = StartSpan("queue", ActivityKind.Internal);
    }

    /// <summary>It waits no longer, whether a node was found or not. <see cref="NodeChosen"/> and <see cref="Ended"/> imply it.</summary>
    public void QueueLeft()
    {
        if (_queued == 0)
            return;
        var instruments = _telemetry.Instruments;
        instruments.QueueLength.Add(-1);
        if (instruments.QueueWait.Enabled)
        {
            instruments.QueueWait.Record(_telemetry.Time.GetElapsedTime(_queued).TotalSeconds,
                new KeyValuePair<string, object?>(TelemetryNames.RequestModel, _telemetry.Label(Model, succeeded: false)));
        }

        _queued = 0;
        _queue?.Dispose();
        _queue = null;
    }

    /// <summary>It has a slot.</summary>
    /// <param name="position">Its place in line when it came, from 1; 0 where it did not wait.</param>
    /// <param name="expected">How long it was expected to wait then.</param>
    /// <param name="waited">How long it has waited.</param>
    /// <param name="cause">Why.</param>
    public void Queued(int position, TimeSpan expected, TimeSpan waited, WaitCause cause)
    {
        if (position == 0 || cause == WaitCause.None)
            return;
        QueueWait += waited;
        (QueueCause, QueuePosition) = (cause, position);
        _queue?.SetTag("chasqui.queue.position", position).SetTag("chasqui.queue.expected", expected.TotalSeconds).SetTag("chasqui.queue.cause", cause.ToString());
        var error = _telemetry.Instruments.QueueError;
        if (error.Enabled)
            error.Record((waited - expected).TotalSeconds, Tag("cause", cause.ToString()));
    }

    /// <summary>A node was chosen, and is now asked.</summary>
    /// <param name="node">Its name.</param>
    /// <param name="provider">Its kind: <c>ollama</c>, <c>openai</c>, <c>chasqui</c>, <c>llama.cpp</c>.</param>
    /// <param name="address">Its host, or the path of its socket; null where it is in this process.</param>
    /// <param name="port">Its port; 0 for none.</param>
    /// <param name="kind">Whether it is the first one.</param>
    /// <returns>The attempt, to be ended. Its span is <see cref="Activity.Current"/> of the caller.</returns>
    public NodeAttempt NodeChosen(string node, string provider = TelemetryNames.Self, string? address = null, int port = 0, AttemptKind kind = AttemptKind.First)
    {
        QueueLeft();
        return Node = new NodeAttempt(this, node, provider, address, port, kind);
    }

    /// <summary>The first piece of the answer is there; further calls change nothing.</summary>
    public void FirstToken()
    {
        if (_firstToken != 0)
            return;
        _firstToken = _telemetry.Time.GetTimestamp();
        if (!_isShared)
            _server?.AddEvent(new ActivityEvent("first_token"));
    }

    /// <summary>Bytes of bodies: received from the client, and sent to it.</summary>
    public void Bytes(long received, long sent)
    {
        if (!_telemetry.Instruments.Bytes.Enabled)
            return;
        if (received > 0)
            _telemetry.Instruments.Bytes.Add(received, Tag(TelemetryNames.Transport, _origin.Transport), Tag(TelemetryNames.Direction, "receive"));
        if (sent > 0)
            _telemetry.Instruments.Bytes.Add(sent, Tag(TelemetryNames.Transport, _origin.Transport), Tag(TelemetryNames.Direction, "transmit"));
    }

    /// <summary>Notes why it failed, before its end; the first reason counts.</summary>
    /// <param name="code">One of a known set.</param>
    public void Failed(string code) => Error ??= code;

    /// <summary>Gives something back when it has ended; at most one thing, and the last one that was named.</summary>
    public void Holds(IDisposable held) => _held = held;

    /// <summary>It has ended; further calls change nothing.</summary>
    /// <param name="outcome">How.</param>
    /// <param name="code">Why it did not succeed where <see cref="Failed"/> has not said it: one of a known set, e.g. a status; null where it did.</param>
    public void Ended(RequestOutcome outcome, string? code = null)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            return;
        QueueLeft();
        _held?.Dispose();
        if (outcome != RequestOutcome.Ok)
            Error ??= code ?? outcome.Text();
        Node?.Ended(Error);
        Settle(outcome);
        if (_isShared)
            return;
        var now = _telemetry.Time.GetTimestamp();
        var instruments = _telemetry.Instruments;
        if (instruments.Active.Enabled)
            instruments.Active.Add(-1, Tag(TelemetryNames.Transport, _origin.Transport));
        if (instruments.Requests.Enabled)
            instruments.Requests.Add(1, Tag(TelemetryNames.Transport, _origin.Transport), Tag(TelemetryNames.Route, _origin.Route), Tag(TelemetryNames.Outcome, outcome.Text()));
        if (_operation is not null)
            RequestFigures.Record(this, _began, _firstToken, now);
        if (_server is not null)
            RequestSpan.End(_server, this);
        RequestContext.Current = null;
    }

    /// <summary>The field's name and value, for loggers of text.</summary>
    public override string ToString() => "RequestId:" + RequestId;

    IEnumerator<KeyValuePair<string, object?>> IEnumerable<KeyValuePair<string, object?>>.GetEnumerator()
    {
        yield return new("RequestId", RequestId);
    }

    IEnumerator IEnumerable.GetEnumerator() => ((IEnumerable<KeyValuePair<string, object?>>)this).GetEnumerator();

    /// <summary>A span within this request's; null where it has none.</summary>
    internal Activity? StartSpan(string name, ActivityKind kind) =>
        Innermost is { } parent ? _telemetry.Source.StartActivity(name, kind, parent.Context) : null;

    private static KeyValuePair<string, object?> Tag(string name, object? value) => new(name, value);

    private static bool IsSaneState(string? state) => state is { Length: > 0 and <= MaxTraceState } && !state.AsSpan().ContainsAnyExceptInRange(' ', '~');
}
