using Microsoft.Extensions.Logging;

namespace Chasqui.Gateway.Sessions;

/// <summary>
/// Turns that are acknowledged before they are written: in memory for the window of <see cref="SessionOptions.LocalWindow"/>, which is what a crash may lose. While some of a session's
/// turns are here, this is where the session is; whoever wants to write to it otherwise has them written first. Thread-safe.
/// </summary>
internal sealed partial class LocalWrites : IAsyncDisposable
{
    private const int MaxGroup = 512;

    // However few they are: what waits here is memory.
    private const long MaxBytes = 64 << 20;

    private static readonly TimeSpan _retry = TimeSpan.FromSeconds(1);

    private readonly ISessionStore _store;
    private readonly Func<SessionOptions> _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<SessionKey, Entry> _sessions = [];
    private readonly SemaphoreSlim _opening = new(1, 1);
    private readonly SemaphoreSlim _flushing = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private TaskCompletionSource _some = New();
    private TaskCompletionSource _room = New();
    private SessionStoreException? _fault;
    private int _count;
    private long _bytes;

    public LocalWrites(ISessionStore store, Func<SessionOptions> options, TimeProvider time, ILogger logger)
    {
        (_store, _options, _time, _logger) = (store, options, time, logger);
        _running = RunAsync();
    }

    private bool IsFull => _count >= _options().MaxPending || _bytes >= MaxBytes;

    /// <summary>Adds turns, and waits for nothing but room.</summary>
    /// <returns>Not found also where the session is of another mode.</returns>
    /// <exception cref="SessionStoreException">The store has failed, and so much waits for it that there is no more room.</exception>
    public async ValueTask<WriteOutcome> AppendAsync(AppendTurns write, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task? room = null;
            lock (_gate)
            {
                if (IsFull)
                    room = _fault is null ? _room.Task : throw new SessionStoreException(_fault.Fault, _fault.Message, _fault);
                else if (_sessions.TryGetValue(write.Key, out var entry) && !entry.IsClosing)
                    return Add(entry, write);
            }
            if (room is not null)
                await room.WaitAsync(cancellationToken).ConfigureAwait(false);
            else if (!await OpenAsync(write.Key, cancellationToken).ConfigureAwait(false))
                return new WriteOutcome(WriteResult.NotFound, null, null);
        }
    }

    /// <summary>The session as it is here; null where the store knows all of it.</summary>
    public Session? Find(SessionKey key)
    {
        lock (_gate)
            return _sessions.GetValueOrDefault(key)?.Session;
    }

    /// <summary>What the store may not have yet.</summary>
    /// <param name="tenant">Of which tenant; null for all.</param>
    public SessionUsage Unwritten(string? tenant)
    {
        lock (_gate)
        {
            var unwritten = default(SessionUsage);
            foreach (var (_, entry) in _sessions.Where(session => tenant is null || session.Key.Tenant == tenant))
            {
                foreach (var (write, _) in entry.Pending)
                    unwritten += SessionUsage.Of(write, null);
            }
            return unwritten;
        }
    }

    /// <summary>Changes that the store may not have yet.</summary>
    public IReadOnlyList<SessionChange> After(SessionKey key, long after)
    {
        lock (_gate)
            return _sessions.TryGetValue(key, out var entry) ? [.. entry.Pending.Where(one => one.Change.Version > after).Select(one => one.Change)] : [];
    }

    /// <summary>Runs something for which the store must know all of a session, and during which nothing is added to it here.</summary>
    public async Task<T> OutsideAsync<T>(SessionKey key, Func<Task<T>> run, CancellationToken cancellationToken)
    {
        // Nobody opens it again before this is done.
        await _opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        Entry? entry;
        lock (_gate)
        {
            if (_sessions.TryGetValue(key, out entry))
                entry.IsClosing = true;
        }
        try
        {
            if (entry is not null)
                await FlushAsync().ConfigureAwait(false);
            return await run().ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                if (entry is not null)
                    entry.IsClosing = false;
            }
            _opening.Release();
        }
    }

    /// <summary>Writes what is here, and takes no more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        try
        {
            await FlushAsync().ConfigureAwait(false);
        }
        catch (SessionStoreException e)
        {
            LogLost(_count, e.Message);
        }
        _stop.Dispose();
        _opening.Dispose();
        _flushing.Dispose();
    }

    private WriteOutcome Add(Entry entry, AppendTurns write)
    {
        var outcome = SessionState.Append(entry.Session, write);
        if (outcome is not { Result: WriteResult.Done, Session: { } session, Change: { } change })
            return outcome;
        // The store checks that nothing has come in between.
        entry.Pending.Enqueue((write with { Expected = entry.Session.Version }, change));
        entry.Session = session;
        _count++;
        _bytes += write.Bytes;
        _some.TrySetResult();
        return outcome;
    }

    private async Task<bool> OpenAsync(SessionKey key, CancellationToken cancellationToken)
    {
        await _opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Find(key) is not null)
                return true;
            if (await _store.FindAsync(key, cancellationToken).ConfigureAwait(false) is not { Settings.Mode: SyncMode.Local } session)
                return false;
            lock (_gate)
                _sessions[key] = new Entry { Session = session };
            return true;
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await _some.Task.WaitAsync(_stop.Token).ConfigureAwait(false);
                await Task.Delay(_options().LocalWindow, _time, _stop.Token).ConfigureAwait(false);
                lock (_gate)
                    _some = New();
                try
                {
                    await FlushAsync().ConfigureAwait(false);
                }
                catch (SessionStoreException e)
                {
                    LogFailed(_count, e.Message);
                    await Task.Delay(_retry, _time, _stop.Token).ConfigureAwait(false);
                    _some.TrySetResult();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // What is left is written by whoever stops it.
            return;
        }
    }

    private async Task FlushAsync()
    {
        await _flushing.WaitAsync().ConfigureAwait(false);
        try
        {
            while (true)
            {
                (Entry Entry, AppendTurns Write)[] group;
                lock (_gate)
                    group = [.. _sessions.Values.SelectMany(entry => entry.Pending.Select(one => (entry, one.Write))).Take(MaxGroup)];
                if (group.Length == 0)
                    break;
                var outcomes = await _store.CommitAsync([.. group.Select(one => one.Write)]).ConfigureAwait(false);
                lock (_gate)
                {
                    for (var i = 0; i < group.Length; i++)
                        Written(group[i].Entry, outcomes[i]);
                    _fault = null;
                    if (!IsFull)
                        Interlocked.Exchange(ref _room, New()).TrySetResult();
                }
            }
            lock (_gate)
            {
                foreach (var (key, entry) in _sessions)
                {
                    if (entry.Pending.Count == 0)
                        _sessions.Remove(key);
                }
            }
        }
        catch (SessionStoreException e)
        {
            lock (_gate)
            {
                _fault = e;
                // Whoever waits for room shall know.
                Interlocked.Exchange(ref _room, New()).TrySetResult();
            }
            throw;
        }
        finally
        {
            _flushing.Release();
        }
    }

    private void Written(Entry entry, WriteOutcome outcome)
    {
        if (entry.Pending.Count == 0)
            return;
        if (outcome.Result == WriteResult.Done)
        {
            _bytes -= entry.Pending.Dequeue().Write.Bytes;
            _count--;
            return;
        }
        // Somebody else has written to the file; what follows cannot be written either.
        LogConflict(entry.Session.Key.Id, entry.Pending.Count);
        _count -= entry.Pending.Count;
        _bytes -= entry.Pending.Sum(one => one.Write.Bytes);
        entry.Pending.Clear();
        _sessions.Remove(entry.Session.Key);
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Entry
    {
        public required Session Session { get; set; }

        /// <summary>Whether nothing is added any more until somebody else has written to it.</summary>
        public bool IsClosing { get; set; }

        public Queue<(AppendTurns Write, SessionChange Change)> Pending { get; } = [];
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} acknowledged turns of mode local are not written yet, and are tried again: {Reason}")]
    private partial void LogFailed(int count, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} acknowledged turns of mode local are lost, as the store could not write them at the end: {Reason}")]
    private partial void LogLost(int count, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Session {Session} was changed in the store by others; {Count} acknowledged turns of mode local are lost")]
    private partial void LogConflict(string session, int count);
}
