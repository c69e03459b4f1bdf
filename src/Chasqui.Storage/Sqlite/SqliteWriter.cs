using System.Buffers;
using System.Text.Json;
using Chasqui.Gateway.Sessions;
using Microsoft.Data.Sqlite;

namespace Chasqui.Storage;

/// <summary>Does writes on one connection, in a transaction of its caller. Not thread-safe.</summary>
internal sealed class SqliteWriter : IDisposable
{
    private readonly SqliteStatement _find;
    private readonly SqliteStatement _put;
    private readonly SqliteStatement _add;
    private readonly SqliteStatement _copy;
    private readonly SqliteStatement _count;
    private readonly SqliteStatement _clear;
    private readonly SqliteStatement[] _all;

    public SqliteWriter(SqliteConnection connection)
    {
        _find = new(connection, SqliteRows.Select + " FROM sessions WHERE tenant = $1 AND id = $2", 2);
        _put = new(connection, "INSERT OR REPLACE INTO sessions VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)", 15);
        _add = new(connection, "INSERT INTO changes VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", 8);
        _copy = new(connection, "INSERT INTO changes SELECT tenant, $3, version, kind, at, messages, tokens, body FROM changes WHERE tenant = $1 AND id = $2 AND version <= $4", 4);
        _count = new(connection, "SELECT coalesce(sum(messages), 0), coalesce(sum(tokens), 0) FROM changes WHERE tenant = $1 AND id = $2", 2);
        _clear = new(connection, "DELETE FROM changes WHERE tenant = $1 AND id = $2", 2);
        _all = [_find, _put, _add, _copy, _count, _clear];
    }

    /// <summary>The transaction that the next writes are done in.</summary>
    public SqliteTransaction Transaction
    {
        set
        {
            foreach (var statement in _all)
                statement.Transaction = value;
        }
    }

    public WriteOutcome Do(SessionWrite write)
    {
        var (session, deleted) = Find(write.Key);
        switch (write)
        {
            case CreateSession create when session is null || deleted:
                // Whoever follows the new one shall not meet the end of the old one.
                if (deleted)
                    _clear.Run(create.Key.Tenant, create.Key.Id);
                return Done(
                    new Session { Key = create.Key, Settings = create.Settings, CreatedAt = create.At, Version = session?.Version ?? 0 },
                    new SessionChange { Key = create.Key, Version = 0, Kind = ChangeKind.Created, At = create.At, Settings = create.Settings }, session?.Version ?? 0);
            case ForkSession fork when session is null:
                return Fork(fork);
            case CreateSession or ForkSession:
                return new WriteOutcome(WriteResult.Exists, deleted ? null : session, null);
        }
        if (session is null || deleted)
            return new WriteOutcome(WriteResult.NotFound, null, null);
        if (write.Expected is { } expected && expected != session.Version)
            return new WriteOutcome(WriteResult.Conflict, session, null);
        return write switch
        {
            AppendTurns append => Done(session, new SessionChange { Key = append.Key, Version = 0, Kind = ChangeKind.Appended, At = append.At, Messages = append.Messages }, session.Version),
            UpdateSession update => Done(
                session with { Settings = update.Settings },
                new SessionChange { Key = update.Key, Version = 0, Kind = ChangeKind.Updated, At = update.At, Settings = update.Settings }, session.Version),
            _ => Delete(session, write),
        };
    }

    public void Dispose()
    {
        foreach (var statement in _all)
            statement.Dispose();
    }

    private WriteOutcome Fork(ForkSession fork)
    {
        var (source, deleted) = Find(fork.Source);
        if (source is null || deleted)
            return new WriteOutcome(WriteResult.NotFound, null, null);
        var at = fork.Version ?? source.Version;
        if (at < 1 || at > source.Version)
            return new WriteOutcome(WriteResult.Conflict, source, null);
        _copy.Run(fork.Source.Tenant, fork.Source.Id, fork.Key.Id, at);
        var (messages, tokens) = _count.One(static row => (row.GetInt32(0), row.GetInt64(1)), fork.Key.Tenant, fork.Key.Id);
        var settings = fork.Settings ?? source.Settings;
        var origin = new SessionOrigin(fork.Source.Id, at);
        return Done(
            new Session { Key = fork.Key, Settings = settings, CreatedAt = fork.At, Messages = messages, Tokens = tokens, Origin = origin },
            new SessionChange { Key = fork.Key, Version = 0, Kind = ChangeKind.Forked, At = fork.At, Settings = settings, Origin = origin }, at);
    }

    private WriteOutcome Delete(Session session, SessionWrite write)
    {
        _clear.Run(session.Key.Tenant, session.Key.Id);
        return Done(session, new SessionChange { Key = session.Key, Version = 0, Kind = ChangeKind.Deleted, At = write.At }, session.Version);
    }

    private WriteOutcome Done(Session session, SessionChange change, long last)
    {
        // What is told is what will be read.
        var at = SqliteRows.Time(SqliteRows.Ticks(change.At));
        change = change with { Version = last + 1, At = at };
        var tokens = change.Messages.Sum(message => (long)message.Tokens);
        session = session with
        {
            Version = change.Version,
            Messages = session.Messages + change.Messages.Count,
            Tokens = session.Tokens + tokens,
            CreatedAt = change.Kind is ChangeKind.Created or ChangeKind.Forked ? at : session.CreatedAt,
            UpdatedAt = at,
        };
        var body = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(body, SessionJson.WriterOptions))
            SessionJson.WriteBody(json, change);
        var (tenant, id) = session.Key;
        _add.Run(tenant, id, change.Version, (long)change.Kind, SqliteRows.Ticks(at), (long)change.Messages.Count, tokens, body.WrittenSpan.ToArray());
        var settings = session.Settings;
        _put.Run(
            tenant, id, session.Version, change.Kind == ChangeKind.Deleted ? 1L : 0L, SqliteRows.Ticks(session.CreatedAt), SqliteRows.Ticks(at), (long)session.Messages, session.Tokens,
            settings.Title, settings.Model, (long)settings.Mode, (long)settings.Policy, (object?)settings.MaxTokens ?? DBNull.Value,
            (object?)session.Origin?.Id ?? DBNull.Value, (object?)session.Origin?.Version ?? DBNull.Value);
        return new WriteOutcome(WriteResult.Done, session, change);
    }

    private (Session? Session, bool IsDeleted) Find(SessionKey key) =>
        _find.OneOrNone(row => (SqliteRows.Session(key.Tenant, row), SqliteRows.IsDeleted(row)), key.Tenant, key.Id) is { } found ? found : (null, false);
}
