namespace Chasqui.Gateway.Sessions;

/// <summary>Keeps sessions for good. All members are thread-safe; whatever fails for a reason that an operator can act on is a <see cref="SessionStoreException"/>.</summary>
public interface ISessionStore : IAsyncDisposable
{
    /// <summary>Whether other processes write to it too, so that nobody but the store itself knows what a session is.</summary>
    bool IsShared { get; }

    /// <summary>
    /// Does all writes in their order, in one transaction that is on the disk when this returns. A write that cannot be done has an outcome that says so and hinders no other.
    /// </summary>
    /// <returns>An outcome for each write, in their order.</returns>
    Task<IReadOnlyList<WriteOutcome>> CommitAsync(IReadOnlyList<SessionWrite> writes, CancellationToken cancellationToken = default);

    /// <summary>The session without its turns; null where there is none.</summary>
    Task<Session?> FindAsync(SessionKey key, CancellationToken cancellationToken = default);

    /// <summary>Changes after a version, the oldest first; none where there are none, or no such session. Of a deleted one that is its deletion alone.</summary>
    /// <param name="key">The session.</param>
    /// <param name="after">The last version that is known already; 0 for none.</param>
    /// <param name="limit">Changes to return at most, at least 1.</param>
    /// <param name="maxBytes">Bytes to return at most as they are stored; the first change is returned whatever its size.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<IReadOnlyList<SessionChange>> ReadAsync(SessionKey key, long after, int limit, long maxBytes, CancellationToken cancellationToken = default);

    /// <summary>Changes before a version, the newest first.</summary>
    /// <param name="key">The session.</param>
    /// <param name="before">The first version that is not wanted.</param>
    /// <param name="limit">Changes to return at most, at least 1.</param>
    /// <param name="maxBytes">Bytes to return at most as they are stored; the first change is returned whatever its size.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<IReadOnlyList<SessionChange>> ReadBackAsync(SessionKey key, long before, int limit, long maxBytes, CancellationToken cancellationToken = default);

    /// <summary>Changes before a version that hold a system turn (<see cref="SessionContext.IsSystem"/>), the oldest first; the others are passed over unread.</summary>
    /// <param name="key">The session.</param>
    /// <param name="after">The last version that is known already; 0 for none.</param>
    /// <param name="before">The first version that is not wanted.</param>
    /// <param name="maxBytes">Bytes to return at most as they are stored; the first change is returned whatever its size.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<IReadOnlyList<SessionChange>> ReadSystemAsync(SessionKey key, long after, long before, long maxBytes, CancellationToken cancellationToken = default);

    /// <summary>The sessions of a tenant, the one that was changed last first.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="after">Where the last page ended; null for the beginning.</param>
    /// <param name="limit">Sessions to return at most, at least 1.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<SessionPage> ListAsync(string tenant, string? after, int limit, CancellationToken cancellationToken = default);

    /// <summary>How much is kept.</summary>
    /// <param name="tenant">Of which tenant; null for all together, with whatever else the store keeps.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<SessionUsage> UsageAsync(string? tenant, CancellationToken cancellationToken = default);

    /// <summary>Forgets sessions that were deleted before then, so that their names can be used as if they had never been.</summary>
    /// <returns>How many.</returns>
    Task<int> ForgetAsync(DateTimeOffset deletedBefore, CancellationToken cancellationToken = default);

    /// <summary>Tells of changes that others than this process made, in whatever order; ends when it is cancelled. A store that only one process can write to tells nothing.</summary>
    /// <param name="changed">Told the session and its new version, or null when some may have been missed: also as soon as it hears,
    /// since what was read before that may be old.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task WatchAsync(Action<SessionKey?, long> changed, CancellationToken cancellationToken);
}

/// <summary>A part of a list.</summary>
/// <param name="Sessions">The sessions.</param>
/// <param name="Next">For the next part; null where this is the last.</param>
public sealed record SessionPage(IReadOnlyList<Session> Sessions, string? Next);
