using Microsoft.Data.Sqlite;

namespace Chasqui.Storage;

/// <summary>The tables, and how older files become what they are now. The number of the last step is the file's <c>user_version</c>.</summary>
internal static class SqliteSchema
{
    // Steps are never changed once they were released, only added to.
    private static readonly string[] _steps =
    [
        """
        CREATE TABLE sessions (
            tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, deleted INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
            messages INTEGER NOT NULL, tokens INTEGER NOT NULL, title TEXT NOT NULL, model TEXT NOT NULL, mode INTEGER NOT NULL, policy INTEGER NOT NULL, max_tokens INTEGER,
            origin_id TEXT, origin_version INTEGER,
            PRIMARY KEY (tenant, id)) WITHOUT ROWID, STRICT;
        CREATE INDEX sessions_by_time ON sessions (tenant, updated_at DESC, id) WHERE deleted = 0;
        CREATE TABLE changes (
            tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL, messages INTEGER NOT NULL, tokens INTEGER NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (tenant, id, version)) STRICT;
        """,
        """
        CREATE TABLE responses (
            tenant TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (tenant, id)) STRICT;
        CREATE INDEX responses_by_time ON responses (tenant, at DESC, id, bytes);
        CREATE INDEX responses_by_age ON responses (at);
        """,
        """
        ALTER TABLE sessions ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
        UPDATE sessions SET bytes = (SELECT coalesce(sum(length(body) + 256), 0) FROM changes WHERE changes.tenant = sessions.tenant AND changes.id = sessions.id);
        ALTER TABLE changes ADD COLUMN has_system INTEGER NOT NULL DEFAULT 0;
        UPDATE changes SET has_system = 1 WHERE instr(body, CAST('"role":"system"' AS BLOB)) > 0 OR instr(body, CAST('"role":"developer"' AS BLOB)) > 0;
        CREATE INDEX changes_of_system ON changes (tenant, id, version) WHERE has_system = 1;
        """,
    ];

    /// <summary>Brings a file up to date, each step whole or not at all.</summary>
    /// <exception cref="SessionStoreException">It was written by a newer version.</exception>
    public static void Migrate(SqliteConnection connection, string path)
    {
        var version = Version(connection);
        if (version > _steps.Length)
        {
            throw new SessionStoreException(StoreFault.Corrupt, FormattableString.Invariant(
                $"{path} was written by a newer version of Chasqui (its schema is {version}, this one knows {_steps.Length}); start that version, or name another data folder"));
        }
        for (; version < _steps.Length; version++)
        {
            using var transaction = connection.BeginTransaction(deferred: false);
            // Somebody else may have done it meanwhile.
            if (Version(connection) == version)
            {
                Run(connection, transaction, _steps[version]);
                Run(connection, transaction, FormattableString.Invariant($"PRAGMA user_version = {version + 1}"));
            }
            transaction.Commit();
        }
    }

    private static long Version(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA user_version";
        return (long)command.ExecuteScalar()!;
    }

    private static void Run(SqliteConnection connection, SqliteTransaction transaction, string sql)
    {
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
