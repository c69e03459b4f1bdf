using System.Buffers;
using System.Text.Json;
using Chasqui.Gateway.Sessions;

namespace Chasqui.Storage;

/// <summary>What becomes of a write, whatever the database: versions without gaps, names, expectations.</summary>
internal static class SessionRules
{
    public static async ValueTask<WriteOutcome> DoAsync(ISessionTable table, SessionWrite write)
    {
        var (session, deleted) = await table.FindAsync(write.Key).ConfigureAwait(false) is { } found ? (found.Session, found.IsDeleted) : (null, false);
        switch (write)
        {
            case CreateSession create when session is null || deleted:
                // Whoever follows the new one shall not meet the end of the old one.
                if (deleted)
                    await table.ClearAsync(create.Key).ConfigureAwait(false);
                return await DoneAsync(
                    table, new Session { Key = create.Key, Settings = create.Settings, CreatedAt = create.At },
                    new SessionChange { Key = create.Key, Version = 0, Kind = ChangeKind.Created, At = create.At, Settings = create.Settings }, session?.Version ?? 0).ConfigureAwait(false);
            case ForkSession fork when session is null:
                return await ForkAsync(table, fork).ConfigureAwait(false);
            case CreateSession or ForkSession:
                return new WriteOutcome(WriteResult.Exists, deleted ? null : session, null);
        }
        if (session is null || deleted)
            return new WriteOutcome(WriteResult.NotFound, null, null);
        if (write.Expected is { } expected && expected != session.Version)
            return new WriteOutcome(WriteResult.Conflict, session, null);
        var change = new SessionChange { Key = write.Key, Version = 0, Kind = ChangeKind.Deleted, At = write.At };
        switch (write)
        {
            case AppendTurns append:
                change = change with { Kind = ChangeKind.Appended, Messages = append.Messages };
                break;
            case UpdateSession update:
                change = change with { Kind = ChangeKind.Updated, Settings = update.Settings };
                session = session with { Settings = update.Settings };
                break;
            default:
                await table.ClearAsync(write.Key).ConfigureAwait(false);
                break;
        }
        return await DoneAsync(table, session, change, session.Version).ConfigureAwait(false);
    }

    private static async ValueTask<WriteOutcome> ForkAsync(ISessionTable table, ForkSession fork)
    {
        if (await table.FindAsync(fork.Source).ConfigureAwait(false) is not { IsDeleted: false, Session: { } source })
            return new WriteOutcome(WriteResult.NotFound, null, null);
        var at = fork.Version ?? source.Version;
        if (at < 1 || at > source.Version)
            return new WriteOutcome(WriteResult.Conflict, source, null);
        var (changes, messages, tokens, bytes) = await table.CopyAsync(fork.Source, fork.Key, at).ConfigureAwait(false);
        // Numbers go on when a name is used again, but what was said before the deletion is gone: that is no session without turns.
        if (changes == 0)
            return new WriteOutcome(WriteResult.Conflict, source, null);
        var settings = fork.Settings ?? source.Settings;
        var origin = new SessionOrigin(fork.Source.Id, at);
        return await DoneAsync(
            table, new Session { Key = fork.Key, Settings = settings, CreatedAt = fork.At, Messages = messages, Tokens = tokens, Origin = origin, Bytes = bytes + (changes * SessionUsage.OfChange) },
            new SessionChange { Key = fork.Key, Version = 0, Kind = ChangeKind.Forked, At = fork.At, Settings = settings, Origin = origin }, at).ConfigureAwait(false);
    }

    private static async ValueTask<WriteOutcome> DoneAsync(ISessionTable table, Session session, SessionChange change, long last)
    {
        // What is told is what will be read.
        var at = SessionRows.Time(SessionRows.Ticks(change.At));
        change = change with { Version = last + 1, At = at };
        var tokens = change.Messages.Sum(message => (long)message.Tokens);
        var body = new ArrayBufferWriter<byte>(256);
        var json = new Utf8JsonWriter(body, SessionJson.WriterOptions);
        await using (json.ConfigureAwait(false))
            SessionJson.WriteBody(json, change);
        session = session with
        {
            Version = change.Version,
            Bytes = (change.Kind == ChangeKind.Deleted ? 0 : session.Bytes) + SessionUsage.OfChange + body.WrittenCount,
            Messages = session.Messages + change.Messages.Count,
            Tokens = session.Tokens + tokens,
            CreatedAt = change.Kind is ChangeKind.Created or ChangeKind.Forked ? at : session.CreatedAt,
            UpdatedAt = at,
        };
        await table.PutAsync(session, change, tokens, body.WrittenMemory).ConfigureAwait(false);
        return new WriteOutcome(WriteResult.Done, session, change);
    }
}
