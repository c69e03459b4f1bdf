using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Merging;

/// <summary>
/// Sends texts of several callers to a node in one call, and gives each caller his own vectors. Vectors do not depend on each other, so that callers of different tenants
/// may share a call; nobody sees of it more than he asked for. Thread-safe.
/// </summary>
public sealed class EmbeddingMerger
{
    private readonly Lock _gate = new();
    private readonly Dictionary<MergeKey, MergeLane> _lanes = [];
    private readonly IEmbeddingUpstream _upstream;
    private readonly Func<GatewaySettings> _settings;
    private readonly TimeProvider _time;
    private int _waiting;

    /// <param name="upstream">Where calls go.</param>
    /// <param name="settings">The settings that hold now.</param>
    /// <param name="time">The clock.</param>
    public EmbeddingMerger(IEmbeddingUpstream upstream, Func<GatewaySettings> settings, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(upstream);
        (_upstream, _settings, _time) = (upstream, settings, time);
    }

    /// <summary>Whether a request may go with others: not what asks for vectors as the model made them, which few nodes can do for several texts.</summary>
    public bool Merges(EmbedRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _settings().Merging.Strategy != MergeStrategy.Realtime && request.Normalize && request.Inputs.Count > 0;
    }

    /// <summary>Texts to vectors, beside those of others.</summary>
    /// <param name="request">The request; <see cref="Merges"/> says whether it may be one.</param>
    /// <param name="node">The only node that may be asked; null for all.</param>
    /// <param name="cancellationToken">The caller.</param>
    /// <returns>His vectors; tokens are his share by characters where the call was shared, and durations those of the call.</returns>
    /// <exception cref="QueueRefusedException">Too many wait already.</exception>
    public Task<EmbedResult> EmbedAsync(EmbedRequest request, string? node, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var options = _settings().Merging;
        return EmbeddingSlices.AreNeeded(request, options)
            ? new EmbeddingSlices(request, options).RunAsync((slice, left, token) => EmbedPartAsync(slice, node, left, token), _upstream.Slots(request.Model, node), cancellationToken)
            : EmbedPartAsync(request, node, null, cancellationToken);
    }

    /// <param name="request">What is asked.</param>
    /// <param name="node">The only node that may be asked; null for all.</param>
    /// <param name="left">Called if its caller has left and a node has worked for it all the same; null for no call.</param>
    /// <param name="cancellationToken">The caller.</param>
    private async Task<EmbedResult> EmbedPartAsync(EmbedRequest request, string? node, Action? left, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var measure = RequestMeasure.Current;
        var part = new MergePart(request.Inputs, (measure?.Caller ?? Caller.Anonymous).Id, _time.GetTimestamp()) { Measure = measure };
        var (lane, calls) = Enter(MergeKey.Of(request, node, measure?.Priority, measure?.MaxWait), part);
        Start(lane, calls);
        using var registration = cancellationToken.UnsafeRegister(static (state, token) => ((Leaving)state!).Leave(token), new Leaving(this, lane, part));
        try
        {
            return await part.Result.ConfigureAwait(false);
        }
        finally
        {
            if (part.Shared is { } shared)
            {
                if (!part.Result.IsCanceled)
                {
                    measure?.Answered(shared);
                }
                else
                {
                    measure?.Leaves(shared);
                    if (shared.Node is not null)
                        left?.Invoke();
                }
            }
        }
    }

    private (MergeLane Lane, List<MergedCall>? Calls) Enter(MergeKey key, MergePart part)
    {
        var settings = _settings();
        lock (_gate)
        {
            var lane = _lanes.GetValueOrDefault(key);
            Refuse(settings.Queue, lane?.Pending.Of(part.Caller) ?? 0);
            if (lane is null)
                _lanes[key] = lane = new MergeLane(key);
            lane.Pending.Add(part);
            _waiting++;
            return (lane, Next(lane, settings.Merging));
        }
    }

    private void Refuse(QueueOptions queue, int ofCaller)
    {
        // Whoever is alone does not wait.
        if (_waiting > 0 && _waiting >= queue.MaxWaiting)
            throw MergeRefusals.Full(queue.MaxWaiting, _waiting, isCallers: false);
        if (ofCaller > 0 && ofCaller >= queue.MaxWaitingPerCaller)
            throw MergeRefusals.Full(queue.MaxWaitingPerCaller, ofCaller, isCallers: true);
    }

    /// <summary>Takes out of the lane what goes now, and winds the clock for the rest. Under the lock.</summary>
    private List<MergedCall>? Next(MergeLane lane, MergingOptions options)
    {
        List<MergedCall>? calls = null;
        var limit = options.Strategy == MergeStrategy.Dynamic ? Math.Max(1, _upstream.Slots(lane.Key.Shape.Model, lane.Key.Node)) : int.MaxValue;
        // The clock is looked at once for both: were the window to end between two looks, the lane would neither send nor be woken.
        TimeSpan left;
        while (lane.Next(options, limit, left = Left(lane, options)) is { } call)
        {
            // Parts that were split off wait no more.
            _waiting -= call.IsAgain ? 0 : call.Parts.Count;
            (calls ??= []).Add(call);
        }
        if (lane.IsIdle)
            Close(lane);
        else if (lane.Pending.Count > 0 && left > TimeSpan.Zero)
        {
            lane.Timer ??= TimerOf(lane);
            // Timers count whole milliseconds and drop the rest: one that rang too early would only have to be wound again.
            lane.Timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        }
        return calls;
    }

    private void Close(MergeLane lane)
    {
        // Its clock may have rung while another lane of the kind was opened.
        if (_lanes.TryGetValue(lane.Key, out var known) && ReferenceEquals(known, lane))
            _lanes.Remove(lane.Key);
        lane.Dispose();
    }

    private TimeSpan Left(MergeLane lane, MergingOptions options) =>
        lane.Pending.Count == 0 ? TimeSpan.Zero : options.Window - _time.GetElapsedTime(lane.Pending.Oldest);

    private ITimer TimerOf(MergeLane lane)
    {
        return _time.CreateBackgroundTimer("batching of embeddings", static state => state.Elapsed(), new Leaving(this, lane, null));
    }

    private void Elapsed(MergeLane lane)
    {
        List<MergedCall>? calls;
        lock (_gate)
            calls = Next(lane, _settings().Merging);
        Start(lane, calls);
    }

    private void Start(MergeLane lane, List<MergedCall>? calls)
    {
        foreach (var call in calls ?? [])
            _ = RunAsync(lane, call);
    }

    private async Task RunAsync(MergeLane lane, MergedCall call)
    {
        var again = await new MergedRun(_upstream, lane.Key, call).RunAsync().ConfigureAwait(false);
        List<MergedCall>? calls;
        lock (_gate)
        {
            lane.Returned();
            if (again)
                lane.Split(call);
            calls = Next(lane, _settings().Merging);
        }
        call.Dispose();
        Start(lane, calls);
    }

    private void Leave(MergeLane lane, MergePart part, CancellationToken token)
    {
        MergedCall? deserted = null;
        lock (_gate)
        {
            if (part.HasLeft)
                return;
            part.HasLeft = true;
            if (part.Call is not { } call)
            {
                lane.Pending.Remove(part);
                _waiting--;
                if (lane.IsIdle)
                    Close(lane);
            }
            else if (--call.Staying == 0)
            {
                deserted = call;
            }
        }
        part.Cancel(token);
        deserted?.Cancel();
    }

    private sealed record Leaving(EmbeddingMerger Merger, MergeLane Lane, MergePart? Part)
    {
        public void Leave(CancellationToken token) => Merger.Leave(Lane, Part!, token);

        public void Elapsed() => Merger.Elapsed(Lane);
    }
}
