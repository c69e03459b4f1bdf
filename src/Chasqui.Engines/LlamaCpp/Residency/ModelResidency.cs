using Chasqui.Engines.Models;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.LlamaCpp.Residency;

/// <summary>Which models are in memory: loads them once for all who ask, keeps them for their keep-alive, frees them.</summary>
/// <remarks>Thread-safe. A model whose context is too small for a request, or whose file was replaced, is retired and loaded again.</remarks>
internal sealed partial class ModelResidency : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ResidentEntry> _entries = new(StringComparer.Ordinal);
    private readonly ModelLoader _loader;
    private readonly LlamaEngineOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _loadTurn = new(1, 1);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _closed;

    internal ModelResidency(ModelLoader loader, LlamaEngineOptions options, TimeProvider time, ILogger logger)
    {
        _loader = loader;
        _options = options;
        _time = time;
        _logger = logger;
    }

    /// <summary>Waits until the model is in memory with enough context.</summary>
    /// <param name="description">Which model.</param>
    /// <param name="options">Its <c>num_ctx</c>, <c>num_batch</c> and <c>num_thread</c> matter when it has to be loaded.</param>
    /// <param name="keepAlive">How long it stays after this use; null leaves it as it was.</param>
    /// <param name="cancellationToken">Ends the wait; the load goes on only if others wait for it.</param>
    internal async Task<ModelLease> AcquireAsync(
        ModelDescription description, GenerationOptions options, TimeSpan? keepAlive, CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (entry, blocker) = Join(description, FileStamp.OfOrMissing(description.Path), options, keepAlive);
            if (blocker is not null)
            {
                // It comes back with more context; that someone wanted it kept longer than usual still holds.
                if (blocker.KeepAlive != TimeSpan.Zero)
                    keepAlive ??= blocker.KeepAlive;
                await blocker.Freed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            LoadedModel model;
            try
            {
                model = await entry!.Load!.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // The load was given up, and not by this caller: the next round tells why, or loads anew.
                Release(entry!);
                continue;
            }
            catch
            {
                Release(entry!);
                throw;
            }

            if (Suffices(model, options))
                return new ModelLease(this, entry, model, _time.GetElapsedTime(started));
            // It was being loaded with less than this request needs.
            Release(entry);
        }
    }

    internal void Release(ResidentEntry entry)
    {
        lock (_gate)
        {
            entry.Users--;
            entry.LastUsed = _time.GetTimestamp();
            if (entry.Users > 0 || entry.Gone)
                return;
            if (entry.Model is null)
                entry.LoadCancellation.Cancel();
            else if (entry.Retiring || entry.KeepAlive == TimeSpan.Zero)
                Free(entry);
            else
                Schedule(entry);
            Changed();
        }
    }

    /// <returns>False when the model is not in memory.</returns>
    internal async Task<bool> UnloadAsync(ModelDescription description, CancellationToken cancellationToken)
    {
        ResidentEntry? entry;
        lock (_gate)
        {
            if (!_entries.TryGetValue(description.Path, out entry))
                return false;
            entry.Retiring = true;
            if (entry.Users > 0)
                return true;
            // One that is still loading has lost all who waited for it: the load itself ends it, once it has seen that.
            if (entry.Model is not null)
                Free(entry);
        }

        await entry.Freed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    internal List<ResidentModel> List()
    {
        lock (_gate)
            return [.. _entries.Values.Where(e => e.Model is not null).Select(e => Describe(e, TimeSpan.Zero)).OrderByDescending(m => m.ExpiresAt)];
    }

    internal ResidentModel Describe(ModelLease lease)
    {
        lock (_gate)
        {
            // Nothing else takes a model away from those who use it.
            return lease.Entry.Model is not null ? Describe(lease.Entry, lease.LoadDuration) : throw Stopping();
        }
    }

    public async ValueTask DisposeAsync()
    {
        List<ResidentEntry> left;
        lock (_gate)
        {
            if (_closed)
                return;
            _closed = true;
            left = [.. _entries.Values];
            foreach (var entry in left)
            {
                entry.Retiring = true;
                entry.LoadCancellation.Cancel();
                // Those that still run are ended with an error: the one that stops the engine has waited long enough.
                if (entry.Model is not null)
                    Free(entry);
            }
        }

        // The semaphore stays: a load that has just given its model up returns it a moment later, and it holds nothing to free.
        await Task.WhenAll(left.Select(e => e.Freed.Task)).ConfigureAwait(false);
    }

    private (ResidentEntry? Entry, ResidentEntry? Blocker) Join(
        ModelDescription description, FileStamp file, GenerationOptions options, TimeSpan? keepAlive)
    {
        lock (_gate)
        {
            if (_closed)
                throw Stopping();
            if (_entries.TryGetValue(description.Path, out var entry))
            {
                if (!entry.Retiring && entry.Model is { } model && (entry.File != file || !Suffices(model, options)))
                {
                    entry.Retiring = true;
                    if (entry.Users == 0)
                        Free(entry);
                }

                if (entry.Retiring || entry.Load!.IsFaulted || entry.LoadCancellation.IsCancellationRequested)
                    return (null, entry);
            }
            else
            {
                entry = new ResidentEntry(description, file) { KeepAlive = _options.KeepAlive };
                _entries.Add(description.Path, entry);
                entry.Load = Task.Run(() => LoadAsync(entry, options));
            }

            entry.Users++;
            entry.Timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            if (keepAlive is { } said)
                entry.KeepAlive = said;
            entry.ExpiresAt = Expiry(entry);
            return (entry, null);
        }
    }

    private static EngineUnavailableException Stopping() => new("the engine is stopping");

    private static bool Suffices(LoadedModel model, GenerationOptions options) => !model.Loop.HasEnded && HasContextFor(model, options);

    private static bool HasContextFor(LoadedModel model, GenerationOptions options) =>
        options.NumCtx is not { } wish || Math.Min(wish, model.Weights.TrainedContext) <= model.ContextLength;

    private async Task<LoadedModel> LoadAsync(ResidentEntry entry, GenerationOptions options)
    {
        var cancellation = entry.LoadCancellation.Token;
        var started = _time.GetTimestamp();
        try
        {
            // One at a time: each must see what the one before has taken.
            await _loadTurn.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                var layout = await MakeRoomAsync(entry, options, cancellation).ConfigureAwait(false);
                var model = await _loader.LoadAsync(entry.Description, layout, cancellation).ConfigureAwait(false);
                lock (_gate)
                {
                    entry.Model = model;
                    Changed();
                    if (entry.Users == 0 || _closed)
                        Free(entry);
                }

                var milliseconds = (long)_time.GetElapsedTime(started).TotalMilliseconds;
                Loaded(entry.Description.Summary.Name, milliseconds, layout.Sequences, layout.SequenceContext);
                return model;
            }
            finally
            {
                _loadTurn.Release();
            }
        }
        catch (Exception)
        {
            Remove(entry);
            throw;
        }
    }

    /// <summary>Evicts idle models, the longest unused first, until the new one fits; waits for busy ones.</summary>
    private async Task<Native.ContextLayout> MakeRoomAsync(ResidentEntry entry, GenerationOptions options, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task wait;
            lock (_gate)
            {
                var others = _entries.Values.Where(e => e != entry && e.Model is not null).ToList();
                var resident = others.Sum(e => e.Model!.SizeBytes);
                var mapped = others.Sum(e => e.Description.Summary.SizeBytes);
                var crowded = others.Count >= _options.MaxLoadedModels;
                var victim = others.Where(e => e.IsIdle).MinBy(e => e.LastUsed);
                // Rather a neighbour's idle model goes than this one gets fewer slots.
                if (!crowded && _loader.Plan(entry.Description, options, resident, mapped, mayShrink: victim is null) is { } layout)
                    return layout;
                // Nobody is driven out for a model that would not fit without them either. What they would give back is an
                // estimate, so twice of it is granted.
                var regained = mapped - (2 * resident);
                if (others.Count == 0 || _loader.Plan(entry.Description, options, residentBytes: 0, regained, mayShrink: true) is null)
                    throw _loader.DoesNotFit(entry.Description, options, residentBytes: 0, regained);
                if (victim is not null)
                {
                    Evicting(victim.Description.Summary.Name, entry.Description.Summary.Name);
                    Free(victim);
                    wait = victim.Freed.Task;
                }
                else
                {
                    wait = _changed.Task;
                }
            }

            await wait.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private void Schedule(ResidentEntry entry)
    {
        entry.ExpiresAt = Expiry(entry);
        if (entry.KeepAlive < TimeSpan.Zero)
            return;
        entry.Timer ??= _time.CreateBackgroundTimer("unloading of idle models", Expire, entry);
        // A timer takes at most some 49 days; who keeps a model longer sees it renewed.
        entry.Timer.Change(entry.KeepAlive < TimeSpan.FromDays(40) ? entry.KeepAlive : TimeSpan.FromDays(40), Timeout.InfiniteTimeSpan);
    }

    private DateTimeOffset Expiry(ResidentEntry entry)
    {
        var now = _time.GetUtcNow();
        return entry.KeepAlive < TimeSpan.Zero || entry.KeepAlive > DateTimeOffset.MaxValue - now ? DateTimeOffset.MaxValue : now + entry.KeepAlive;
    }

    private void Expire(ResidentEntry entry)
    {
        lock (_gate)
        {
            if (!entry.IsIdle)
                return;
            if (entry.ExpiresAt > _time.GetUtcNow())
                Schedule(entry);
            else
                Free(entry);
        }
    }

    /// <summary>Begins to free a model; <see cref="ResidentEntry.Freed"/> tells when it is done. Call under the lock.</summary>
    private void Free(ResidentEntry entry)
    {
        if (entry.Freeing)
            return;
        entry.Freeing = true;
        entry.Retiring = true;
        _ = Task.Run(async () =>
        {
            if (entry.Model is { } model)
                await model.DisposeAsync().ConfigureAwait(false);
            Unloaded(entry.Description.Summary.Name);
            Remove(entry);
        });
    }

    private void Remove(ResidentEntry entry)
    {
        lock (_gate)
        {
            _entries.Remove(entry.Description.Path);
            entry.Model = null;
            entry.Gone = true;
            entry.Dispose();
            Changed();
        }

        entry.Freed.TrySetResult();
    }

    private void Changed()
    {
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.TrySetResult();
    }

    private static ResidentModel Describe(ResidentEntry entry, TimeSpan loadDuration) => new()
    {
        Summary = entry.Description.Summary,
        SizeBytes = entry.Model!.SizeBytes,
        ContextLength = entry.Model.ContextLength,
        Slots = entry.Model.Layout.Sequences,
        Running = entry.Model.Loop.Running,
        Waiting = entry.Model.Loop.Waiting,
        Counters = entry.Model.Loop.Counters,
        ExpiresAt = entry.ExpiresAt,
        LoadDuration = loadDuration,
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "Loaded {Model} in {Milliseconds} ms: {Slots} slots of {Context} tokens")]
    private partial void Loaded(string model, long milliseconds, int slots, int context);

    [LoggerMessage(Level = LogLevel.Information, Message = "Unloaded {Model}")]
    private partial void Unloaded(string model);

    [LoggerMessage(Level = LogLevel.Information, Message = "Evicting {Victim} to make room for {Model}")]
    private partial void Evicting(string victim, string model);
}
