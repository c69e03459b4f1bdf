using Chasqui.Gateway.Sessions;
using Microsoft.Data.Sqlite;

namespace Chasqui.Storage;

/// <summary>The tables on the connection that writes. Nothing here waits, but for the disk. Not thread-safe.</summary>
internal sealed class SqliteTable : ISessionTable, IDisposable
{
    private readonly SqliteStatement _find;
    private readonly SqliteStatement _put;
    private readonly SqliteStatement _add;
    private readonly SqliteStatement _copy;
    private readonly SqliteStatement _count;
    private readonly SqliteStatement _clear;
    private readonly SqliteStatement[] _all;

    public SqliteTable(SqliteConnection connection)
    {
        _find = new(connection, SessionRows.Select + " FROM sessions WHERE tenant = $1 AND id = $2", 2);
        _put = new(connection, "INSERT OR REPLACE INTO sessions VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)", 16);
        _add = new(connection, "INSERT INTO changes VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", 9);
        _copy = new(connection, "INSERT INTO changes SELECT tenant, $3, version, kind, at, messages, tokens, body, has_system FROM changes WHERE tenant = $1 AND id = $2 AND version <= $4", 4);
        _count = new(connection, "SELECT count(*), coalesce(sum(messages), 0), coalesce(sum(tokens), 0), coalesce(sum(length(body)), 0) FROM changes WHERE tenant = $1 AND id = $2", 2);
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

    public ValueTask<(Session Session, bool IsDeleted)?> FindAsync(SessionKey key) =>
        ValueTask.FromResult(_find.OneOrNone(row => (SessionRows.Session(key.Tenant, row), SessionRows.IsDeleted(row)), key.Tenant, key.Id));

    public ValueTask PutAsync(Session session, SessionChange change, long tokens, ReadOnlyMemory<byte> body)
    {
        _add.Run(SessionRows.Values(change, tokens, body));
        _put.Run(SessionRows.Values(session, change.Kind == ChangeKind.Deleted));
        return default;
    }

    public ValueTask<(long Changes, int Messages, long Tokens, long Bytes)> CopyAsync(SessionKey from, SessionKey to, long version)
    {
        _copy.Run(from.Tenant, from.Id, to.Id, version);
        return ValueTask.FromResult(_count.One(static row => (row.GetInt64(0), row.GetInt32(1), row.GetInt64(2), row.GetInt64(3)), to.Tenant, to.Id));
    }

    public ValueTask ClearAsync(SessionKey key)
    {
        _clear.Run(key.Tenant, key.Id);
        return default;
    }

    public void Dispose()
    {
        foreach (var statement in _all)
            statement.Dispose();
    }
}
