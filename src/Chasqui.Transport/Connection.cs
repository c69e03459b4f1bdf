using System.IO.Pipelines;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Microsoft.Extensions.Logging;

namespace Chasqui.Transport;

/// <summary>
/// One symmetric connection: either side opens streams, each with messages both ways. Thread-safe. After <see cref="OpenAsync"/> it lives until the
/// peer or this side ends it; <see cref="Closed"/> then says why.
/// </summary>
public sealed partial class Connection : IAsyncDisposable
{
    private const int MaxReusable = 256;

    private static Settings _lastPeer = new();

    private readonly IDuplexPipe _pipe;
    private readonly ConnectionRole _role;
    private readonly FrameLoop _loop;
    private readonly Dictionary<uint, Call> _calls = [];
    private TaskCompletionSource? _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<CloseReason> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _started;
    private Stack<UnaryCall>? _reusable;
    private Queue<TaskCompletionSource>? _openWaiters;
    private ReadyQueue? _ready;
    private Heartbeat _heartbeat;
    private uint _nextId;
    private uint _outgoing;
    private uint _incoming;
    private bool _begun;
    private bool _goodbyeSent;
    private bool _draining;
    private CloseReason? _reason;

    private Connection(IDuplexPipe pipe, ConnectionRole role, ConnectionOptions options, StreamHandler? handler)
    {
        (_pipe, _role, Options, Handler) = (pipe, role, options, handler);
        _nextId = role == ConnectionRole.Connector ? 1u : 2u;
        _started = options.Time.GetTimestamp();
        Outbox = new Outbox(this, pipe.Output);
        Scheduler = new Scheduler(this);
        Flow = new Flow(this);
        Sender = new Sender(this);
        _loop = new FrameLoop(this, pipe.Input, role);
    }

    /// <summary>Completes when all is over: no more handlers are told anything, and the pipe is completed. Never fails.</summary>
    public Task<CloseReason> Closed => _closed.Task;

    /// <summary>The peer's hello; null until it has come.</summary>
    public Settings? Peer { get; private set; }

    /// <summary>Whom <see cref="ConnectionOptions.Authenticate"/> knew by the peer's credential; null until then.</summary>
    public object? Identity { get; private set; }

    /// <summary>What <see cref="ConnectionOptions.BudgetOf"/> said; null for none, and until the peer is known.</summary>
    public IMessageBudget? Budget { get; private set; }

    /// <summary>Where the connection comes from, for who asks about it; to be set before <see cref="OpenAsync"/>. Default null.</summary>
    public object? Origin { get; set; }

    /// <summary>Streams that are open, of both sides.</summary>
    public int ActiveStreams
    {
        get
        {
            lock (Gate)
                return _calls.Count;
        }
    }

    /// <summary>Whether a new stream may be opened now: the hello is done, and neither side is saying goodbye.</summary>
    public bool IsHealthy => Peer is not null && _reason is null && !_draining;

    /// <summary>Which side this is.</summary>
    public ConnectionRole Role => _role;

    internal Lock Gate { get; } = new();

    internal ConnectionOptions Options { get; }

    internal StreamHandler? Handler { get; }

    internal Outbox Outbox { get; }

    internal Scheduler Scheduler { get; }

    internal Flow Flow { get; }

    internal Sender Sender { get; }

    internal ReadyQueue Ready => _ready ?? Interlocked.CompareExchange(ref _ready, new ReadyQueue(this), null) ?? _ready;

    internal int ClockIndex { get; set; } = -1;

    internal bool MaySend => _reason is null && Peer is not null;

    internal bool IsOver => _reason is not null;

    internal bool IsDraining => _draining;

    internal bool GoodbyeSent => _goodbyeSent;

    internal Dictionary<uint, Call> Calls => _calls;

    internal void ReleaseReady() => _ready?.Release();

    /// <summary>Makes a connection over a pipe, which it then owns. Nothing is read or written before <see cref="OpenAsync"/>.</summary>
    /// <param name="pipe">The transport.</param>
    /// <param name="role">Which side this is.</param>
    /// <param name="options">Limits and credentials.</param>
    /// <param name="handler">Answers the streams the peer opens; without one they are refused.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static Connection Create(IDuplexPipe pipe, ConnectionRole role, ConnectionOptions options, StreamHandler? handler = null)
    {
        ArgumentNullException.ThrowIfNull(pipe);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return new Connection(pipe, role, options, handler);
    }

    /// <summary>Exchanges the hellos. To be called once.</summary>
    /// <param name="ct">Gives up, which closes the connection.</param>
    /// <exception cref="ConnectionClosedException">The connection ended before; its code says why (UNAUTHENTICATED, HANDSHAKE_TIMEOUT, BAD_MAGIC …).</exception>
    public async Task OpenAsync(CancellationToken ct = default)
    {
        if (_begun)
            throw new InvalidOperationException("The connection has already been opened.");
        _begun = true;
        var interval = TimeSpan.FromMilliseconds(Options.Settings.HeartbeatMs);
        _heartbeat = new Heartbeat((long)(interval.TotalSeconds * Options.Time.TimestampFrequency), _started);
        var shortest = new[] { interval, Options.HandshakeTimeout, Options.ProgressTimeout }.Min();
        ConnectionClock.For(Options.Time).Add(this, shortest);
        if (_role == ConnectionRole.Connector)
        {
            lock (Gate)
                Outbox.Frames.AppendHello(Hello());
            Outbox.Flush();
        }

        _loop.Start();
        try
        {
            await _opened!.Task.WaitAsync(ct).ConfigureAwait(false);
            _opened = null;
        }
        catch (OperationCanceledException)
        {
            Abort(ErrorCode.Cancelled, "the opening was given up");
            throw;
        }
    }

    /// <summary>Opens a stream. Waits while the peer's max_streams are open.</summary>
    /// <param name="headers">The request's headers; not kept.</param>
    /// <param name="firstMessage">The first message; must not change until this completes, which is when it has left.</param>
    /// <param name="end">Whether it is also the last. An empty message that is also the last is none: the peer sees only the end.</param>
    /// <param name="priority">The share of the turns.</param>
    /// <param name="ct">Also cancels the stream later.</param>
    /// <exception cref="ConnectionClosedException">The connection is over or draining.</exception>
    /// <exception cref="StreamException">Too many calls wait (REFUSED).</exception>
    public async ValueTask<OutgoingCall> StartAsync(
        HeaderList headers, ReadOnlyMemory<byte> firstMessage, bool end, StreamPriority priority = StreamPriority.Normal, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        var call = new OutgoingCall(this, priority);
        var wait = TryOpen(call, headers, firstMessage, end);
        while (wait is not null)
        {
            await WaitForStream(wait, ct).ConfigureAwait(false);
            wait = TryOpen(call, headers, firstMessage, end, granted: true);
        }

        Outbox.Flush();
        try
        {
            await Sender.OpenedAsync(call, ct).ConfigureAwait(false);
        }
        catch
        {
            await call.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        if (ct.CanBeCanceled)
        {
            call.Registration = ct.UnsafeRegister(
                static (state, token) => ((Call)state!).Connection.ResetByUs((Call)state, ErrorCode.Cancelled, "", new OperationCanceledException(token)), call);
        }

        call.Given();
        return call;
    }

    /// <summary>One message each way. The fast path: nothing is allocated but the reply, its headers and its bytes.</summary>
    /// <param name="headers">The request's headers; not kept.</param>
    /// <param name="message">The message; must not change until the reply is there.</param>
    /// <param name="priority">The share of the turns.</param>
    /// <param name="ct">Cancels the call; the peer's handler is told.</param>
    /// <returns>The reply, to be disposed. To be awaited once. The code behind it runs on the read loop (<see cref="ConnectionOptions.InlineReplies"/>).</returns>
    /// <exception cref="StreamException">The peer reset the stream.</exception>
    /// <exception cref="ConnectionClosedException">The connection is over or draining.</exception>
    public ValueTask<Reply> CallAsync(
        HeaderList headers, ReadOnlyMemory<byte> message, StreamPriority priority = StreamPriority.Normal, CancellationToken ct = default)
    {
        if (ct.IsCancellationRequested)
            return ValueTask.FromCanceled<Reply>(ct);
        UnaryCall? call = null;
        lock (Gate)
            _reusable?.TryPop(out call);
        call ??= new UnaryCall(this, Options.InlineReplies);
        call.Priority = priority;
        if (TryOpen(call, headers, message, end: true) is { } wait)
            return CallLaterAsync(call, wait, headers, message, ct);
        var task = call.Task;
        call.CancelWith(ct);
        Outbox.Flush();
        return task;
    }

    /// <summary>Ends the connection in order: no more streams are opened or taken, those under way run to their end.</summary>
    /// <param name="drain">How long they may take; what is not over then is reset: UNAVAILABLE where the peer opened it, else CANCELLED.</param>
    /// <param name="ct">Cuts them off at once.</param>
    public async Task GoodbyeAsync(TimeSpan drain, CancellationToken ct = default)
    {
        SayGoodbye();
        try
        {
            await Closed.WaitAsync(drain, Options.Time, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            CutOff("the time for draining is over");
            await Closed.ConfigureAwait(false);
        }
    }

    /// <summary>Ends the connection at once; all streams end with that code. Does nothing if it is over.</summary>
    /// <param name="code">What the peer is told.</param>
    /// <param name="reason">For people, at most 1,024 bytes; no secrets.</param>
    public void Abort(ErrorCode code, string reason) => End(new CloseReason(code, reason, ByPeer: false));

    /// <summary>Ends the connection at once, with NO_ERROR if it was not over.</summary>
    public async ValueTask DisposeAsync()
    {
        End(new CloseReason(ErrorCode.NoError, "", ByPeer: false));
        if (_begun)
            await Closed.ConfigureAwait(false);
    }

    /// <summary>The peer's hello has come.</summary>
    internal void OnHello(Settings peer)
    {
        if (_role == ConnectionRole.Acceptor && Options.Authenticate is { } authenticate)
        {
            Identity = authenticate(peer.Authorization)
                ?? throw new ProtocolException(ErrorCode.Unauthenticated, peer.Authorization is null ? "a credential is needed" : "the credential is wrong");
        }

        Budget = Options.BudgetOf?.Invoke(this);
        lock (Gate)
        {
            if (_role == ConnectionRole.Acceptor)
                Outbox.Frames.AppendHello(Hello());
            Flow.Start(peer);
            Peer = Shared(peer with { Authorization = null });
        }

        _opened?.TrySetResult();
    }

    /// <summary>Peers of one kind say the same, which need not be kept for each.</summary>
    private static Settings Shared(Settings peer)
    {
        var seen = _lastPeer;
        if (peer == seen)
            return seen;
        _lastPeer = peer;
        return peer;
    }

    /// <summary>One look at the clock.</summary>
    internal void OnTick()
    {
        var time = Options.Time;
        var now = time.GetTimestamp();
        if (Peer is null)
        {
            if (time.GetElapsedTime(_started, now) >= Options.HandshakeTimeout)
                End(new CloseReason(ErrorCode.HandshakeTimeout, "no complete hello in time", ByPeer: false));
            return;
        }

        var since = Outbox.WaitingSince;
        if (since != 0 && time.GetElapsedTime(since, now) >= Options.ProgressTimeout)
        {
            End(new CloseReason(ErrorCode.HeartbeatTimeout, "the peer takes no bytes", ByPeer: false));
            return;
        }

        ResetStalled(now);
        GrantWithheld(now);
        switch (_heartbeat.Tick(now, _loop.Signs))
        {
            case HeartbeatAction.Ask:
                lock (Gate)
                {
                    if (!MaySend)
                        return;
                    Outbox.Frames.AppendHeartbeat(isAnswer: false, (ulong)Random.Shared.NextInt64());
                    _reusable = null;
                }

                Outbox.FlushNow();
                break;
            case HeartbeatAction.Close:
                End(new CloseReason(ErrorCode.HeartbeatTimeout, "no sign of life", ByPeer: false));
                break;
        }
    }

    private Settings Hello() => Options.Settings with { Authorization = _role == ConnectionRole.Connector ? Options.Authorization ?? Options.Settings.Authorization : null };

    private async ValueTask<Reply> CallLaterAsync(
        UnaryCall call, TaskCompletionSource wait, HeaderList headers, ReadOnlyMemory<byte> message, CancellationToken ct)
    {
        for (var next = wait; next is not null; next = TryOpen(call, headers, message, end: true, granted: true))
            await WaitForStream(next, ct).ConfigureAwait(false);
        var task = call.Task;
        call.CancelWith(ct);
        Outbox.Flush();
        return await task.ConfigureAwait(false);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Connection over: {Code} {Reason}")]
    private static partial void LogClosed(ILogger logger, ErrorCode code, string reason);
}
