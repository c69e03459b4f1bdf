namespace Chasqui.OllamaDouble;

/// <summary>The queue of loads is full.</summary>
internal sealed class QueueFullException : Exception
{
    /// <summary>Two spaces, as in <c>server/sched.go</c>, <c>ErrMaxQueue</c>.</summary>
    public const string Text = "server busy, please try again.  maximum pending requests exceeded";

    public override string Message => Text;
}

/// <summary>
/// Loads models one at a time, as <c>server/sched.go</c> does: a request for what is loaded with the same runner options goes straight to it (<c>getRunner</c>);
/// all others wait in one bounded queue, the first of which is in hand until it has its model (<c>processPending</c>), whatever the others want.
/// Under load a model cannot be used by others yet: they queue (recorded in <c>six_concurrent_cold_model</c>: one in hand, MAX_QUEUE wait, the rest get 503).
/// </summary>
internal sealed class Scheduler(Func<DoubleScript> script, TimeProvider time, DoubleCounters counters)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Runner> _loaded = new(StringComparer.Ordinal);
    private readonly Queue<Pending> _queue = new();
    private bool _busy;

    /// <summary>Waits until the model is there.</summary>
    /// <exception cref="QueueFullException">The queue of loads is full.</exception>
    /// <exception cref="ApiException">The load failed.</exception>
    /// <exception cref="OperationCanceledException">The client left; a load for it is aborted.</exception>
    public async ValueTask<Runner> AcquireAsync(StoredModel model, RunnerOptions options, TimeSpan? keepAlive, Fault? loadFault, CancellationToken cancellation)
    {
        Pending pending;
        lock (_gate)
        {
            if (_loaded.TryGetValue(model.Blob, out var runner) && !NeedsReload(runner, options))
                return Use(runner, keepAlive);
            pending = new Pending(model, options, keepAlive, loadFault, cancellation);
            if (!_busy)
            {
                _busy = true;
                _ = Task.Run(() => PumpAsync(pending), CancellationToken.None);
            }
            else if (_queue.Count >= script().MaxQueue)
            {
                counters.Add(ref counters.Busy);
                throw new QueueFullException();
            }
            else
            {
                _queue.Enqueue(pending);
                counters.Set(ref counters.PendingLoads, _queue.Count);
            }
        }
        await using var left = cancellation.UnsafeRegister(static state => ((Pending)state!).Leave(), pending);
        return await pending.Runner.Task.ConfigureAwait(false);
    }

    /// <summary>The request is over: <c>processCompleted</c>.</summary>
    public void Release(Runner runner)
    {
        lock (_gate)
        {
            if (--runner.References > 0)
                return;
            if (runner.Dead || runner.KeepAlive == TimeSpan.Zero)
            {
                Unload(runner);
                return;
            }
            if (runner.KeepAlive == GoDuration.Forever)
            {
                // Recorded: about 292 years ahead, the longest that Go's Duration can say.
                runner.ExpiresAt = time.GetUtcNow().AddDays(106_751);
                return;
            }
            runner.ExpiresAt = time.GetUtcNow() + runner.KeepAlive;
            runner.Expiry = time.CreateTimer(static state => ((Action)state!)(), () => Expire(runner), runner.KeepAlive, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Unloads a model as soon as nobody uses it: <c>expireRunner</c>.</summary>
    public void Expire(StoredModel model)
    {
        lock (_gate)
        {
            if (_loaded.TryGetValue(model.Blob, out var runner))
                Evict(runner);
        }
    }

    /// <summary>The engine of a runner has died; who uses it must still release it.</summary>
    public void Kill(Runner runner)
    {
        lock (_gate)
        {
            runner.Dead = true;
            if (_loaded.GetValueOrDefault(runner.Model.Blob) == runner)
                _loaded.Remove(runner.Model.Blob);
            runner.Unloaded.TrySetResult();
        }
        counters.Changed();
    }

    /// <summary>What is loaded, the latest to expire first (recorded).</summary>
    public IReadOnlyList<LoadedModel> Loaded()
    {
        lock (_gate)
        {
            var limits = script();
            return
            [
                .. _loaded.Values.Select(runner => new LoadedModel(
                    runner.Model.Name,
                    runner.ExpiresAt ?? time.GetUtcNow() + (runner.KeepAlive == GoDuration.Forever ? TimeSpan.FromDays(106_751) : runner.KeepAlive),
                    runner.Options.Context(limits.ContextLength, runner.Model.Script.ContextLength), runner.References) { Model = runner.Model })
                    .OrderByDescending(model => model.ExpiresAt),
            ];
        }
    }

    private void Expire(Runner runner)
    {
        lock (_gate)
        {
            if (runner.References == 0)
                Unload(runner);
        }
    }

    private bool NeedsReload(Runner runner, RunnerOptions asked) =>
        runner.Options.NeedsReload(asked, script().ContextLength, runner.Model.Script.ContextLength);

    private static Runner Use(Runner runner, TimeSpan? keepAlive)
    {
        runner.References++;
        runner.Expiry?.Dispose();
        runner.Expiry = null;
        runner.KeepAlive = keepAlive ?? runner.KeepAlive;
        return runner;
    }

    // Running requests go on; the runner leaves with the last of them.
    private void Evict(Runner runner)
    {
        runner.Expiry?.Dispose();
        runner.Expiry = null;
        runner.KeepAlive = TimeSpan.Zero;
        if (runner.References == 0)
            Unload(runner);
    }

    private void Unload(Runner runner)
    {
        runner.Expiry?.Dispose();
        if (_loaded.GetValueOrDefault(runner.Model.Blob) == runner)
        {
            _loaded.Remove(runner.Model.Blob);
            counters.Add(ref counters.Unloads);
        }
        runner.Unloaded.TrySetResult();
    }

    private async Task PumpAsync(Pending first)
    {
        for (var pending = first; pending is not null; pending = Next())
        {
            try
            {
                await HandleAsync(pending).ConfigureAwait(false);
            }
            catch (ApiException problem)
            {
                pending.Runner.TrySetException(problem);
            }
            catch (OperationCanceledException)
            {
                pending.Leave();
            }
        }
    }

    private Pending? Next()
    {
        lock (_gate)
        {
            _busy = _queue.TryDequeue(out var next);
            counters.Set(ref counters.PendingLoads, _queue.Count);
            return next;
        }
    }

    private async Task HandleAsync(Pending pending)
    {
        var reload = false;
        while (!pending.Cancellation.IsCancellationRequested)
        {
            Runner? victim;
            lock (_gate)
            {
                if (_loaded.TryGetValue(pending.Model.Blob, out victim))
                {
                    if (!NeedsReload(victim, pending.Options))
                    {
                        Give(pending, Use(victim, pending.KeepAlive));
                        return;
                    }
                    reload = true;
                }
                else if (_loaded.Count >= script().MaxLoadedModels)
                {
                    victim = ToUnload();
                }
                if (victim is not null)
                    Evict(victim);
            }
            if (victim is null)
            {
                await LoadAsync(pending, reload).ConfigureAwait(false);
                return;
            }
            // Not ended by the client's leaving: Ollama waits for the unload, and with it all who queue.
            await victim.Unloaded.Task.ConfigureAwait(false);
        }
        pending.Leave();
    }

    // findRunnerToUnload: an idle one, the shortest keep_alive first; where none is idle, the shortest of all.
    private Runner ToUnload() => _loaded.Values
        .OrderBy(runner => runner.References > 0)
        .ThenBy(runner => runner.KeepAlive == GoDuration.Forever ? TimeSpan.MaxValue : runner.KeepAlive)
        .ThenBy(runner => runner.Model.Blob, StringComparer.Ordinal).First();

    private async Task LoadAsync(Pending pending, bool reload)
    {
        var limits = script();
        var model = pending.Model.Script;
        // Begun before it is counted: who waits for the count and then moves a fake clock moves this wait.
        var load = Pace.WaitAsync(model.LoadMilliseconds ?? limits.LoadMilliseconds, time, pending.Cancellation);
        counters.Add(ref counters.Loading);
        try
        {
            await load.ConfigureAwait(false);
            pending.Cancellation.ThrowIfCancellationRequested();
        }
        catch (OperationCanceledException)
        {
            // Recorded in disconnect_during_load: "client connection closed before llama-server finished loading, aborting load".
            counters.Add(ref counters.AbortedLoads);
            throw;
        }
        finally
        {
            counters.Add(ref counters.Loading, -1);
        }
        if (pending.LoadFault is { } fault)
            throw new ApiException(500, fault.Message ?? "llama-server process has terminated: exit status 1");
        var runner = new Runner(pending.Model, pending.Options, limits.NumParallel, new PrefixCache(limits.PrefixCache.Blocks))
        {
            KeepAlive = pending.KeepAlive ?? GoDuration.Parse(limits.KeepAlive)!.Value,
        };
        lock (_gate)
        {
            _loaded[pending.Model.Blob] = runner;
            runner.References = 1;
        }
        counters.Add(ref counters.Loads);
        if (reload)
            counters.Add(ref counters.Reloads);
        Give(pending, runner);
    }

    private void Give(Pending pending, Runner runner)
    {
        if (!pending.Runner.TrySetResult(runner))
            Release(runner);
    }

    private sealed record Pending(StoredModel Model, RunnerOptions Options, TimeSpan? KeepAlive, Fault? LoadFault, CancellationToken Cancellation)
    {
        public TaskCompletionSource<Runner> Runner { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Leave() => Runner.TrySetCanceled(Cancellation);
    }
}

/// <summary>A model in memory, as <c>/api/ps</c> tells it.</summary>
/// <param name="Name">The name that loaded it.</param>
/// <param name="ExpiresAt">When it would be unloaded.</param>
/// <param name="ContextLength">Its context.</param>
/// <param name="Requests">Requests that hold it.</param>
public sealed record LoadedModel(string Name, DateTimeOffset ExpiresAt, int ContextLength, int Requests)
{
    internal StoredModel? Model { get; init; }
}
