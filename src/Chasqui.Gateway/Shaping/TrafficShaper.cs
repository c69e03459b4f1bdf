namespace Chasqui.Gateway.Shaping;

/// <summary>
/// Lets requests in as fast as the limits of their key, of their model and of all together allow, and not faster: from all buckets at once or from none. Who would be let in soon
/// waits for its turn, everybody else is refused and told when to come again. Follows the settings; thread-safe.
/// </summary>
/// <remarks>Limits are kept in memory, one state for each key that has one, and begin full when the gateway starts.</remarks>
public sealed partial class TrafficShaper : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly Dictionary<string, LimitState> _callers = new(StringComparer.Ordinal);
    private readonly TurnQueue _queue = new();
    private readonly LimitState _overall = new("all callers together");
    private readonly IDisposable _listening;
    private readonly ITimer _timer;
    private volatile ModelLimits _models = ModelLimits.None;
    private volatile LimitOptions _options;

    /// <summary>Begins to follow the settings.</summary>
    public TrafficShaper(IGatewaySettings settings, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(time);
        _time = time;
        _origin = time.GetTimestamp();
        _timer = time.CreateBackgroundTimer("rate limits", static shaper => shaper.Advance(), this);
        _options = settings.Current.Limits;
        Apply(_options);
        _listening = settings.OnChange(changed => Apply(changed.Limits));
    }

    /// <summary>Tokens of an answer that are counted beforehand where a request does not say how many it wants.</summary>
    public int DefaultOutputTokens => _options.DefaultOutputTokens;

    /// <summary>Whether anything is limited beside keys.</summary>
    public bool HasLimits => !_options.Overall.IsNone || !_models.IsEmpty;

    private long Now => _time.GetElapsedTime(_origin).Ticks;

    /// <summary>The limits that hold for a request; null where there are none.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="model">The model's canonical name.</param>
    public LimitView? ViewOf(Caller caller, string model)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var options = _options;
        var ofModel = _models.Find(model);
        if (caller.Limit.IsNone && ofModel is null && options.Overall.IsNone)
            return null;
        var states = new List<LimitState>(3);
        lock (_gate)
        {
            if (!caller.Limit.IsNone)
                states.Add(StateOf(caller));
        }
        if (ofModel is not null)
            states.Add(ofModel);
        if (!options.Overall.IsNone)
            states.Add(_overall);
        return new LimitView(this, states);
    }

    /// <summary>Lets a request in, perhaps after a wait. It reserves no more tokens than the smallest bucket of its limits holds; the rest is taken when the answer is settled.</summary>
    /// <param name="view">The limits that hold for it.</param>
    /// <param name="prompt">Tokens of its prompt, about.</param>
    /// <param name="answer">The most tokens of its answer.</param>
    /// <param name="cancellationToken">Gives up waiting; nothing has been taken then.</param>
    /// <exception cref="RateLimitedException">A limit is reached.</exception>
    public async ValueTask<Admission> AdmitAsync(LimitView view, long prompt, long answer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(view);
        // More than a bucket holds can never be taken from it by one request; the debt would be paid by all who share it.
        var most = view.SmallestTokenBurst;
        prompt = Math.Clamp(prompt, 0, most);
        answer = Math.Clamp(answer, 0, most - prompt);
        var admission = new Admission(this, view, prompt, answer);
        var tokens = prompt + answer;
        LinkedListNode<Waiter> node;
        lock (_gate)
        {
            var now = Now;
            var wait = _queue.WaitFor(view, tokens, now);
            if (wait == TimeSpan.Zero)
            {
                foreach (var (_, bucket, count) in view.Draws(tokens))
                    bucket.Take(count, now);
                return admission;
            }
            var options = _options;
            if (wait is not { } soon || _queue.Count >= options.MaxWaiting)
                throw Refusal.Of(view, tokens, now, wait);
            node = _queue.Add(new Waiter(view, tokens, now + options.MaxDelay.Ticks));
            // Those before it may wait for buckets of their own, and it need not.
            Advance(now, mayRefuse: false);
            if (soon > options.MaxDelay && _queue.Remove(node))
                throw Refusal.Of(view, tokens, now, wait);
        }
        using var giving = cancellationToken.UnsafeRegister(_ => GiveUp(node, cancellationToken), null);
        await node.Value.Admitted.ConfigureAwait(false);
        return admission;
    }

    /// <summary>Forgets the limits of callers that there are no more.</summary>
    public void Retain(Func<string, bool> isThere)
    {
        lock (_gate)
        {
            foreach (var id in _callers.Keys.Where(id => !isThere(id)).ToList())
                _callers.Remove(id);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _listening.Dispose();
        _timer.Dispose();
    }

    internal LimitStatus StatusOf(LimitView view)
    {
        lock (_gate)
        {
            var now = Now;
            return new LimitStatus(Figure(view.States.Select(state => state.Requests), now), Figure(view.States.Select(state => state.Tokens), now));
        }
    }

    internal void Settle(LimitView view, long more)
    {
        if (more == 0)
            return;
        lock (_gate)
        {
            var now = Now;
            foreach (var state in view.States)
                state.Tokens?.Take(more, now);
            Advance(now);
        }
    }

    private static LimitFigure? Figure(IEnumerable<TokenBucket?> buckets, long now)
    {
        LimitFigure? least = null;
        foreach (var bucket in buckets)
        {
            if (bucket is null)
                continue;
            var figure = new LimitFigure(bucket.Burst, Math.Max(0, bucket.Level(now)), bucket.UntilFull(now));
            if (least is not { } known || figure.Remaining < known.Remaining)
                least = figure;
        }
        return least;
    }

    private LimitState StateOf(Caller caller)
    {
        if (!_callers.TryGetValue(caller.Id, out var state))
            _callers[caller.Id] = state = new LimitState($"key \"{(caller.Name.Length > 0 ? caller.Name : caller.Id)}\"");
        state.Apply(caller.Limit, Now);
        return state;
    }

    private void Apply(LimitOptions options)
    {
        lock (_gate)
        {
            var now = Now;
            _options = options;
            _overall.Apply(options.Overall, now);
            _models = _models.With(options.Models, now);
            Advance(now);
        }
    }

    private void Advance()
    {
        lock (_gate)
            Advance(Now);
    }

    private void Advance(long now, bool mayRefuse = true)
    {
        if (_queue.Count == 0)
            return;
        var next = _queue.Advance(now, mayRefuse ? waiter => Refusal.Of(waiter.View, waiter.Tokens, now, _queue.WaitFor(waiter.View, waiter.Tokens, now)) : null);
        // Timers count whole milliseconds, and one that fires too early would have to be set again.
        _timer.Change(next is { } wait ? TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)) : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private void GiveUp(LinkedListNode<Waiter> node, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_queue.Remove(node))
                return;
            Advance(Now);
        }
        node.Value.GiveUp(cancellationToken);
    }
}
