namespace Chasqui.Gateway.Sessions;

/// <summary>Reads as much of a session as a model can be sent, from its end. Thread-safe.</summary>
internal sealed class SessionReader(ISessionStore store, LocalWrites local)
{
    /// <summary>Bytes of turns that are read at most, whatever room there is: images take no tokens here.</summary>
    public const long MaxBytes = 64 << 20;

    private const int PageChanges = 64;
    private const long PageBytes = 1 << 20;

    /// <summary>Reads the last turns, and the system turns before them.</summary>
    /// <param name="session">The session as it was found.</param>
    /// <param name="room">Tokens of turns that are wanted; one turn more than fits is read.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Null where it was deleted meanwhile.</returns>
    public async Task<SessionPart?> ReadAsync(Session session, long room, CancellationToken cancellationToken)
    {
        var (newest, bytes, tokens) = (new List<SessionMessage>(), 0L, 0L);
        var before = session.Version + 1;
        var isWhole = false;
        // Asked first: what is written meanwhile is not missing in both.
        List<SessionChange> unwritten = [.. local.After(session.Key, 0).Where(change => change.Version <= session.Version)];
        IReadOnlyList<SessionChange> page = [.. Enumerable.Reverse(unwritten)];
        while (newest.Count < session.Messages && tokens <= room && bytes < MaxBytes)
        {
            if (page.Count == 0)
                page = await store.ReadBackAsync(session.Key, before, PageChanges, PageBytes, cancellationToken).ConfigureAwait(false);
            isWhole = page.Count == 0;
            if (isWhole)
                break;
            foreach (var change in page)
            {
                // What is not the one before is another session's.
                if (change.Version != before - 1)
                    return null;
                before = change.Version;
                foreach (var turn in change.Messages.Reverse())
                {
                    newest.Add(turn);
                    bytes += TurnCache.SizeOf(turn);
                    tokens += SessionContext.IsSystem(turn) ? 0 : turn.Tokens;
                }
                if (tokens > room || bytes >= MaxBytes)
                    break;
            }
            page = [];
        }
        newest.Reverse();
        if (isWhole || newest.Count == session.Messages)
            return newest.Count == session.Messages ? new SessionPart(newest) : null;
        var system = await SystemAsync(session.Key, unwritten.Count > 0 ? Math.Min(before, unwritten[0].Version) : before, room, cancellationToken).ConfigureAwait(false);
        system.AddRange(unwritten.Where(change => change.Version < before).SelectMany(change => change.Messages).Where(SessionContext.IsSystem));
        var all = session.Tokens - newest.Sum(turn => (long)turn.Tokens) - system.Sum(turn => (long)turn.Tokens);
        return new SessionPart([.. system, .. newest], Math.Max(0, session.Messages - newest.Count - system.Count), Math.Max(0, all));
    }

    private async Task<List<SessionMessage>> SystemAsync(SessionKey key, long before, long room, CancellationToken cancellationToken)
    {
        var turns = new List<SessionMessage>();
        // More than there is room for is refused anyway.
        for (var (after, bytes, tokens) = (0L, 0L, 0L); tokens <= room && bytes < MaxBytes;)
        {
            var page = await store.ReadSystemAsync(key, after, before, PageBytes, cancellationToken).ConfigureAwait(false);
            if (page.Count == 0)
                break;
            foreach (var turn in page.SelectMany(change => change.Messages).Where(SessionContext.IsSystem))
            {
                turns.Add(turn);
                bytes += TurnCache.SizeOf(turn);
                tokens += turn.Tokens;
            }
            after = page[^1].Version;
        }
        return turns;
    }
}
