using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Chasqui.Gateway.Sessions;

/// <summary>
/// The sessions of this gateway: a store, the three ways of writing to it, and the bus on which every change is told once it is acknowledged. Thread-safe.
/// </summary>
public sealed class SessionLog : IAsyncDisposable
{
    private const int PageChanges = 256;
    private const long PageBytes = 4 << 20;

    private readonly ISessionStore _store;
    private readonly TimeProvider _time;
    private readonly GroupCommit _group;
    private readonly LocalWrites _local;
    private readonly TurnCache _turns;
    private readonly SessionQuotas _quotas;
    private readonly SessionReader _reader;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;

    /// <param name="store">Where they are kept; the log's to dispose.</param>
    /// <param name="options">How.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of acknowledged turns that are late or lost.</param>
    public SessionLog(ISessionStore store, SessionOptions options, TimeProvider time, ILogger<SessionLog> logger)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(options);
        (_store, _time, Options) = (store, time, options);
        _group = new GroupCommit(store, options.MaxPending, () => Options.BatchWindow, time);
        _local = new LocalWrites(store, () => Options, time, logger);
        _turns = new TurnCache(options.CacheBytes, Events);
        _reader = new SessionReader(store, _local);
        _quotas = new SessionQuotas(store, () => Options, _local.Unwritten, time);
        _watching = store.WatchAsync((key, _) => Events.Invalidate(key), _stop.Token);
    }

    /// <summary>How they are kept; windows may be replaced at any time.</summary>
    public SessionOptions Options { get; set; }

    /// <summary>Where each change is told.</summary>
    public SessionEvents Events { get; } = new();

    /// <summary>The time that is written down.</summary>
    public DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>Writes, and returns when it is acknowledged: turns as the session's mode says, all else once it is committed.</summary>
    /// <returns>What was done.</returns>
    /// <exception cref="SessionNotFoundException">There is no such session.</exception>
    /// <exception cref="SessionExistsException">The name of a new one is taken.</exception>
    /// <exception cref="SessionConflictException">The version is not the one that was expected.</exception>
    /// <exception cref="SessionQuotaException">The tenant keeps as much as it may.</exception>
    /// <exception cref="SessionStoreException">The store cannot.</exception>
    public async Task<WriteOutcome> WriteAsync(SessionWrite write, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(write);
        var source = write is ForkSession from ? await FindAsync(from.Source, cancellationToken).ConfigureAwait(false) : null;
        var taken = SessionUsage.Of(write, source);
        // What makes room is always taken.
        if (write is not DeleteSession)
            await _quotas.TakeAsync(write.Key.Tenant, taken, cancellationToken).ConfigureAwait(false);
        WriteOutcome? done = null;
        try
        {
            done = await DoAsync(write, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _quotas.Settle(write.Key.Tenant, taken, done?.Result == WriteResult.Done, write is AppendTurns);
        }
        return Told(write, done);
    }

    /// <summary>Whether a tenant has room for what a write will add; nothing is written, and nothing is kept free.</summary>
    /// <exception cref="SessionQuotaException">It has none.</exception>
    /// <exception cref="SessionStoreException">The store has none, or cannot be asked.</exception>
    public async ValueTask EnsureRoomAsync(string tenant, SessionUsage wanted, CancellationToken cancellationToken = default)
    {
        await _quotas.TakeAsync(tenant, wanted, cancellationToken).ConfigureAwait(false);
        _quotas.Settle(tenant, wanted, isDone: false, isExact: true);
    }

    /// <summary>Whether the store has room for something else that is about to be kept in it.</summary>
    /// <exception cref="SessionStoreException">It has none, or cannot be asked.</exception>
    public ValueTask TakeRoomAsync(long bytes, CancellationToken cancellationToken = default) => _quotas.TakeRoomAsync(bytes, cancellationToken);

    /// <summary>The session without its turns.</summary>
    /// <exception cref="SessionNotFoundException">There is none.</exception>
    public async ValueTask<Session> GetAsync(SessionKey key, CancellationToken cancellationToken = default) =>
        await FindAsync(key, cancellationToken).ConfigureAwait(false) ?? throw new SessionNotFoundException(key.Id);

    /// <summary>The same; null where there is none.</summary>
    public async ValueTask<Session?> FindAsync(SessionKey key, CancellationToken cancellationToken = default) =>
        _local.Find(key) ?? await _store.FindAsync(key, cancellationToken).ConfigureAwait(false);

    /// <summary>The sessions of a tenant, the one that was changed last first.</summary>
    public Task<SessionPage> ListAsync(string tenant, string? after, int limit, CancellationToken cancellationToken = default) =>
        _store.ListAsync(tenant, after, limit, cancellationToken);

    /// <summary>Changes after a version, the oldest first.</summary>
    public async Task<IReadOnlyList<SessionChange>> ReadAsync(SessionKey key, long after, int limit, long maxBytes = PageBytes, CancellationToken cancellationToken = default)
    {
        // Asked first: what is written meanwhile is in the store by then, and not missing in both.
        var pending = _local.After(key, after);
        var written = await _store.ReadAsync(key, after, limit, maxBytes, cancellationToken).ConfigureAwait(false);
        if (pending.Count == 0 || written.Count >= limit)
            return written;
        var last = written.Count == 0 ? after : written[^1].Version;
        // What does not follow on is beyond the page that the store has given.
        return [.. written, .. pending.Where(change => change.Version > last).TakeWhile((change, i) => change.Version == last + 1 + i).Take(limit - written.Count)];
    }

    /// <summary>All changes of a session up to the one that it was found at, page by page.</summary>
    /// <exception cref="SessionNotFoundException">It was deleted meanwhile; what was given by then is not all of it.</exception>
    public async IAsyncEnumerable<SessionChange> ReadAllAsync(Session session, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        for (var version = 0L; version < session.Version;)
        {
            var page = await ReadAsync(session.Key, version, PageChanges, PageBytes, cancellationToken).ConfigureAwait(false);
            if (page.Count == 0)
                throw new SessionNotFoundException(session.Key.Id);
            foreach (var change in page.TakeWhile(_ => version < session.Version))
            {
                if (change.Version > session.Version)
                    throw new SessionNotFoundException(session.Key.Id);
                yield return change;
                version = change.Version;
            }
        }
    }

    /// <summary>A session as it is now, with its last turns.</summary>
    /// <param name="key">The session.</param>
    /// <param name="roomOf">For how many tokens there is room, beside what is always sent: what would not fit is not read.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="SessionNotFoundException">There is none.</exception>
    public async Task<(Session Session, SessionPart Part)> LoadAsync(SessionKey key, Func<Session, long> roomOf, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(roomOf);
        while (true)
        {
            var session = await GetAsync(key, cancellationToken).ConfigureAwait(false);
            var room = roomOf(session);
            if (_turns.Find(key, session.Version) is { } known && known.IsEnough(room))
                return (session, known);
            // Else it was deleted while it was read, and what is there now is later.
            if (await _reader.ReadAsync(session, room, cancellationToken).ConfigureAwait(false) is not { } part)
                continue;
            _turns.Add(key, session.Version, part);
            return (session, part);
        }
    }

    /// <summary>
    /// Follows a session: the changes after a version, each once and in order, those that are known and then those to come. Ends after a deletion.
    /// Whoever is slow reads from the store what went by meanwhile, and is told so.
    /// </summary>
    /// <param name="key">The session; it need not exist yet.</param>
    /// <param name="after">The last version that is known already; 0 for none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<FollowedChange> FollowAsync(SessionKey key, long after, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var inbox = Events.Join(key);
        try
        {
            var (last, reads, lagged) = (after, true, false);
            while (true)
            {
                while (reads)
                {
                    var page = await ReadAsync(key, last, PageChanges, PageBytes, cancellationToken).ConfigureAwait(false);
                    foreach (var change in page)
                    {
                        yield return new FollowedChange(change, lagged);
                        (last, lagged) = (change.Version, false);
                        if (change.Kind == ChangeKind.Deleted)
                            yield break;
                    }
                    reads = page.Count > 0;
                }
                while (inbox.TryRead(out var change))
                {
                    if (change!.Version <= last)
                        continue;
                    if (change.Version != last + 1)
                    {
                        reads = true;
                        break;
                    }
                    yield return new FollowedChange(change, false);
                    last = change.Version;
                    if (change.Kind == ChangeKind.Deleted)
                        yield break;
                }
                if (inbox.TakeMissed())
                    reads = lagged = true;
                if (!reads)
                    await inbox.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            Events.Leave(key, inbox);
        }
    }

    /// <summary>Forgets the names of sessions that were deleted long enough ago.</summary>
    /// <returns>How many.</returns>
    public Task<int> ForgetAsync(CancellationToken cancellationToken = default) => _store.ForgetAsync(Now - Options.ForgetAfter, cancellationToken);

    /// <summary>Writes what is acknowledged, and closes the store.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _group.DisposeAsync().ConfigureAwait(false);
        await _local.DisposeAsync().ConfigureAwait(false);
        try
        {
            await _watching.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // As it was told to.
            _turns.Dispose();
        }
        _turns.Dispose();
        await _store.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private Task<WriteOutcome> DoAsync(SessionWrite write, CancellationToken cancellationToken) => write is AppendTurns append
        ? AppendAsync(append, cancellationToken)
        : _store.IsShared ? CommitAsync(write)
        : _local.OutsideAsync(write is ForkSession fork ? fork.Source : write.Key, () => CommitAsync(write), cancellationToken);

    private WriteOutcome Told(SessionWrite write, WriteOutcome outcome)
    {
        if (outcome.Change is { } change)
            Events.Publish(change);
        return outcome.Result switch
        {
            WriteResult.Done => outcome,
            WriteResult.Exists => throw new SessionExistsException(write.Key.Id),
            WriteResult.Conflict => throw new SessionConflictException(outcome.Session!.Key.Id, write is ForkSession { Version: { } at } ? at : write.Expected, outcome.Session.Version),
            _ => throw new SessionNotFoundException(write is ForkSession from ? from.Source.Id : write.Key.Id),
        };
    }

    private async Task<WriteOutcome> AppendAsync(AppendTurns write, CancellationToken cancellationToken)
    {
        var mode = await ModeOfAsync(write.Key, cancellationToken).ConfigureAwait(false);
        if (mode == SyncMode.Local && !_store.IsShared)
            return await _local.AppendAsync(write, cancellationToken).ConfigureAwait(false);
        // A database that others share gathers commits by itself; here, one session that another program has locked would hold up all that are gathered with it.
        return mode == SyncMode.Immediate || _store.IsShared ? await CommitAsync(write).ConfigureAwait(false) : await _group.AddAsync(write, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Where there is none, whichever way finds out.</summary>
    private async ValueTask<SyncMode> ModeOfAsync(SessionKey key, CancellationToken cancellationToken)
    {
        if (_local.Find(key) is not null)
            return SyncMode.Local;
        if (_turns.ModeOf(key) is { } known)
            return known;
        if (await _store.FindAsync(key, cancellationToken).ConfigureAwait(false) is not { } session)
            return SyncMode.Immediate;
        _turns.Knows(key, session.Settings.Mode);
        return session.Settings.Mode;
    }

    /// <summary>Once it is begun it is done, whoever has lost interest.</summary>
    private async Task<WriteOutcome> CommitAsync(SessionWrite write) => (await _store.CommitAsync([write], CancellationToken.None).ConfigureAwait(false))[0];
}

/// <summary>A change that is told to a follower.</summary>
/// <param name="Change">The change.</param>
/// <param name="Lagged">Whether he was so slow that it had to be read from the store.</param>
public readonly record struct FollowedChange(SessionChange Change, bool Lagged);
