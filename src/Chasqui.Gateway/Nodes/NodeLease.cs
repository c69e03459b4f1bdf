using Chasqui.Gateway.Policies;
using Chasqui.Gateway.Scheduling;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Nodes;

/// <summary>One request on one node: counts as its load, watches its time, and tells how it ended. To be disposed, whatever happened. Its members are for one caller, but for <see cref="Token"/>.</summary>
public sealed class NodeLease : IDisposable
{
    // A client that takes little is slow by chance for a moment, and not for so many times the grace.
    private const int SlowGraces = 5;

    private readonly TimeProvider _time;
    private readonly Caller _user;
    private readonly IReadOnlyList<TicketShare> _sharers;
    private readonly CancellationTokenSource _cancel = new();
    private readonly CancellationTokenRegistration _caller;
    private readonly long _began;
    private readonly long _trial;
    private long _clientSince;
    private long _clientWaited;
    private long _lastProgress;
    private int _ended;
    private bool _first;
    private bool _succeeded;
    private long _keptAt;
    private EngineException? _expired;
    private ITimer? _patience;

    internal NodeLease(Node node, RouteRequest request, RouteReason reason, TimeProvider time, CancellationToken caller, long trial = 0)
    {
        Node = node;
        Request = request;
        Reason = reason;
        _time = time;
        _trial = trial;
        _began = _lastProgress = time.GetTimestamp();
        ColdTokens = Math.Max(0, request.PromptTokens - reason.WarmTokens);
        WasResident = node.Resident(request.Model) is not null;
        var measure = RequestMeasure.Current;
        (_user, _sharers) = (measure?.Caller ?? Caller.Anonymous, measure?.Sharers ?? []);
        if (node.InFlight == 0)
            node.Progressed();
        node.Load.Add(this);
        if (caller.IsCancellationRequested)
            _cancel.Cancel();
        else
            _caller = caller.UnsafeRegister(static lease => ((NodeLease)lease!).Left(), this);
    }

    /// <summary>The node.</summary>
    public Node Node { get; }

    /// <summary>What was asked for.</summary>
    public RouteRequest Request { get; }

    /// <summary>Why this node.</summary>
    public RouteReason Reason { get; }

    /// <summary>The model's canonical name.</summary>
    public string Model => Request.Model;

    /// <summary>The model's name as the node has it.</summary>
    public string ModelName
    {
        get
        {
            var name = Node.Find(Model)?.Name ?? Model;
            // Spelled as the caller did, who meets it again in answers and errors.
            return Request.AskedFor is { } asked && ModelNames.SameSpelling(asked, name) ? asked : name;
        }
    }

    /// <summary>
    /// The rules for a <c>keep_alive</c> of the request: those that are given; and where the caller may not unload the model, a short one
    /// is left out.
    /// </summary>
    public OptionPolicy? Hold(OptionPolicy? policy) => Node.WhyHeld(Model, _user) is null ? policy : OptionPolicy.Held(policy, Node.UsedFor);

    /// <summary>Told while nothing of the answer has come; null where this is not wanted.</summary>
    public ISilence? Silence { get; set; }

    /// <summary>Cancelled when the caller leaves or time is up; <see cref="Explain"/> tells which.</summary>
    public CancellationToken Token => _cancel.Token;

    /// <summary>Whether anything of the answer has come.</summary>
    public bool HasBegun => Volatile.Read(ref _first);

    /// <summary>Whether the model was in the node's memory when the request was sent there.</summary>
    public bool WasResident { get; }

    /// <summary>Of <see cref="FirstAfter"/> what was for bringing the model into memory, as estimated.</summary>
    private TimeSpan LoadTime => WasResident ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(Node.Speed.LoadSeconds(Model, 0), FirstAfter.TotalSeconds));

    /// <summary>Time since the request was sent to this node.</summary>
    public TimeSpan Elapsed => _time.GetElapsedTime(_began);

    /// <summary>Until the first part of the answer; zero before it.</summary>
    public TimeSpan FirstAfter { get; private set; }

    /// <summary>Its place among the node's slots; null where it takes none.</summary>
    internal ISlot? Slot { get; set; }

    /// <summary>Tokens that it took, prompt and answer together; null while nobody has said so.</summary>
    public int? Tokens { get; set; }

    /// <summary>Tokens of the prompt that the node has to compute.</summary>
    internal int ColdTokens { get; }

    /// <summary>Whether <see cref="ColdTokens"/> count as pending. Under the lock of the node's load.</summary>
    internal bool IsPending { get; set; }

    /// <summary>How many the node had been given with it. Set under the lock of the node's load.</summary>
    internal long Number { get; set; }

    /// <summary>How the attempt is seen; null outside of a request that is measured.</summary>
    internal NodeAttempt? Attempt { get; set; }

    /// <summary>How long it has gone on without its caller; null where he has not left.</summary>
    internal TimeSpan? KeptFor => Interlocked.Read(ref _keptAt) is not 0 and var at ? _time.GetElapsedTime(at) : null;

    internal TimeSpan SinceProgress => _time.GetElapsedTime(Volatile.Read(ref _lastProgress));

    /// <summary>How long the answer has waited for its client in all. That time says nothing about the node.</summary>
    internal TimeSpan ClientWait
    {
        get
        {
            var past = TimeSpan.FromTicks(Interlocked.Read(ref _clientWaited));
            return Interlocked.Read(ref _clientSince) is not 0 and var since ? past + _time.GetElapsedTime(since) : past;
        }
    }

    /// <summary>How long the answer has waited for its client by now since it last went on; zero where it does not.</summary>
    internal TimeSpan ClientWaitNow => Interlocked.Read(ref _clientSince) is not 0 and var since ? _time.GetElapsedTime(since) : TimeSpan.Zero;

    /// <summary>
    /// Whether the client keeps the answer waiting: it takes nothing for the grace, or has made it wait for most of its time and for some graces in all, as one does that
    /// takes a few bytes now and then.
    /// </summary>
    internal bool IsKeptWaiting(TimeSpan grace)
    {
        if (ClientWaitNow >= grace)
            return true;
        var waited = ClientWait;
        return waited >= SlowGraces * grace && 4 * waited >= 3 * Elapsed;
    }

    /// <summary>Whether the answer waits for its client now.</summary>
    internal bool WaitsForClient => Interlocked.Read(ref _clientSince) != 0;

    /// <summary>The answer cannot go on before its client takes what there is.</summary>
    public void BeginClientWait() => Interlocked.Exchange(ref _clientSince, Math.Max(1, _time.GetTimestamp()));

    /// <summary>The client has taken it; the node's time counts again.</summary>
    public void EndClientWait()
    {
        var since = Interlocked.Exchange(ref _clientSince, 0);
        if (since == 0)
            return;
        var now = _time.GetTimestamp();
        Interlocked.Add(ref _clientWaited, _time.GetElapsedTime(since, now).Ticks);
        Volatile.Write(ref _lastProgress, now);
    }

    /// <summary>A part of the answer has come.</summary>
    public void Progressed()
    {
        var now = _time.GetTimestamp();
        Volatile.Write(ref _lastProgress, now);
        Node.Progressed();
        if (_first)
            return;
        FirstAfter = _time.GetElapsedTime(_began, now);
        Volatile.Write(ref _first, true);
        Slot?.Began();
        Node.Load.Begun(this, now);
        if (!WasResident)
            Node.Speed.Loaded(Model, FirstAfter);
        else if (Node.InFlight <= Node.SlotsOf(Model))
            Node.Speed.Prompted(Request.PromptTokens - Reason.WarmTokens, FirstAfter);
        // The model is there: whoever only waited for that has done so. The fence pairs with the one of Left.
        Interlocked.MemoryBarrier();
        Node.Load.Kept(Model)?.Release();
    }

    /// <summary>The request was served, or refused as it would be anywhere.</summary>
    public void Succeeded()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 1)
            return;
        _succeeded = true;
        Attempt?.Ended();
        Node.IsSuspect = false;
        Node.Health.Succeeded();
        Node.Speed.Served(Model, Elapsed - LoadTime - ClientWait);
        Node.Progressed();
    }

    /// <summary>The answer is whole; what may follow is not worth a long wait. Has succeeded, and cancels <see cref="Token"/> in a while.</summary>
    /// <param name="patience">How long what follows may take.</param>
    public void Completed(TimeSpan patience)
    {
        Succeeded();
        _patience ??= _time.CreateBackgroundTimer("end of a whole answer", static lease => lease.Release(), this, patience);
    }

    /// <summary>The request ended with an error. Whose fault it was decides what it says of the node; a caller's cancellation must not come here.</summary>
    /// <param name="exception">The error.</param>
    /// <param name="certain">Whether it alone proves that the node is of no use.</param>
    /// <param name="weak">Whether it may as well be the request's fault: the node was asked, and answered with an error of its own.</param>
    public void Ended(EngineException exception, bool certain = false, bool weak = false)
    {
        ArgumentNullException.ThrowIfNull(exception);
        if (Interlocked.Exchange(ref _ended, 1) == 1)
            return;
        Attempt?.Ended(ErrorCodes.Of(exception));
        if (exception is EngineFailedException or EngineUnavailableException or EngineOverloadedException)
        {
            // A connection that is refused will be refused again.
            var retryAfter = (exception as EngineOverloadedException)?.RetryAfter;
            var isUnreachable = exception is EngineUnavailableException && !exception.IsNodesAnswer;
            Node.Health.Failed(exception.Message, exception is EngineOverloadedException, retryAfter, certain || isUnreachable, isUnreachable,
                weak || exception.IsNodesAnswer, ReferenceEquals(_user, Caller.Anonymous) ? null : _user.Id);
            return;
        }
        // It has an opinion of the request or of a model, so it lives.
        Node.IsSuspect = false;
        Node.Health.Succeeded();
        Node.Progressed();
    }

    /// <summary>Another attempt of the request was faster, which says nothing about the node. Cancels <see cref="Token"/>.</summary>
    public void Superseded()
    {
        _ = _cancel.CancelAsync();
        if (Interlocked.Exchange(ref _ended, 1) == 1)
            return;
        Attempt?.Ended("cancelled");
        Node.Health.Abandoned(_trial);
    }

    /// <summary>Why <see cref="Token"/> was cancelled, where it was not the caller; else null.</summary>
    public EngineException? Explain() => Volatile.Read(ref _expired);

    /// <summary>What an exception of the attempt says of the node: why <see cref="Token"/> was cancelled, or the engine's own error; null for anything else, such as the caller's leaving.</summary>
    public EngineException? FailureOf(Exception exception) => exception is OperationCanceledException ? Explain() : exception as EngineException;

    /// <summary>Gives the node back. Without an outcome before, the caller has left, which says nothing about the node unless it was silent for long.</summary>
    public void Dispose()
    {
        _caller.Dispose();
        _patience?.Dispose();
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            Attempt?.Ended(_expired is null ? "cancelled" : "timeout");
            if (_expired is { } expired)
                Node.Health.Failed(expired.Message);
            else
                Node.Health.Abandoned(_trial);
            if (!HasBegun && WasResident && Node.SinceProgress > Request.Patience)
                Node.IsSuspect = true;
        }
        Node.Load.Remove(this, _time.GetTimestamp());
        Slot?.Release(Tokens, _succeeded);
        // Whoever still registers with the token finds it cancelled rather than disposed.
    }

    /// <summary>Whether it is, or is also, a request of another caller than that one.</summary>
    internal bool IsOfOthers(string caller) => _sharers.Count == 0 ? _user.Id != caller : _sharers.Any(share => share.Caller.Id != caller);

    /// <summary>Notes that those use the model whose request it is.</summary>
    internal void Note(ModelUses uses, long now)
    {
        if (_sharers.Count == 0)
            uses.Note(Model, _user.Id, now);
        foreach (var share in _sharers)
            uses.Note(Model, share.Caller.Id, now);
    }

    /// <summary>Whether the other attempt came before and waits for the same load.</summary>
    internal bool LoadsAfter(NodeLease other) => other.Number < Number && ModelNames.Same(other.Model, Model)
        && other.Request.Loads && !other.WasResident && !other.HasBegun && !other.Token.IsCancellationRequested;

    /// <summary>Ends an attempt that goes on without its caller.</summary>
    internal void Release() => _ = _cancel.CancelAsync();

    /// <summary>
    /// The caller has left. His request ends at once, but for one that loads a model: a node aborts a load when the client that it is for leaves, so that impatient
    /// clients would make it load for ever. The oldest such request of a model goes on without its caller until anything comes, or <see cref="LeaseWatch"/> ends it.
    /// </summary>
    private void Left()
    {
        // The engine in the house finishes its loads whoever leaves.
        if (Node.Options.Kind != NodeKind.Embedded && !WasResident && Request.Loads && !HasBegun && Node.Load.TryKeep(this))
        {
            Interlocked.Exchange(ref _keptAt, Math.Max(1, _time.GetTimestamp()));
            if (!HasBegun)
                return;
        }
        _cancel.Cancel();
    }

    internal void Expire(EngineException why)
    {
        if (Interlocked.CompareExchange(ref _expired, why, null) is null)
            _ = _cancel.CancelAsync();
    }
}
