using Npgsql;

namespace Chasqui.Storage;

/// <summary>The tables, and how older ones become what they are now. The number of the last step is in <c>chasqui_schema</c>.</summary>
internal static class PostgresSchema
{
    /// <summary>Held while the tables are changed, so that of several gateways that start one does it.</summary>
    private const long Lock = 0x63686173717569;

    // Steps are never changed once they were released, only added to.
    private static readonly string[] _steps =
    [
        """
        CREATE TABLE sessions (
            tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, deleted BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
            messages BIGINT NOT NULL, tokens BIGINT NOT NULL, title TEXT NOT NULL, model TEXT NOT NULL, mode BIGINT NOT NULL, policy BIGINT NOT NULL, max_tokens BIGINT,
            origin_id TEXT, origin_version BIGINT,
            PRIMARY KEY (tenant, id));
        CREATE INDEX sessions_by_time ON sessions (tenant, updated_at DESC, id) WHERE deleted = 0;
        CREATE TABLE changes (
            tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, kind BIGINT NOT NULL, at BIGINT NOT NULL, messages BIGINT NOT NULL, tokens BIGINT NOT NULL,
            body BYTEA NOT NULL,
            PRIMARY KEY (tenant, id, version));
        """,
        """
        CREATE TABLE responses (
            tenant TEXT NOT NULL, id TEXT NOT NULL, at BIGINT NOT NULL, bytes BIGINT NOT NULL, body BYTEA NOT NULL,
            PRIMARY KEY (tenant, id));
        CREATE INDEX responses_by_time ON responses (tenant, at DESC, id) INCLUDE (bytes);
        CREATE INDEX responses_by_age ON responses (at);
        """,
        """
        ALTER TABLE sessions ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
        UPDATE sessions SET bytes = counted.bytes FROM (SELECT tenant, id, sum(octet_length(body) + 256) AS bytes FROM changes GROUP BY tenant, id) AS counted
            WHERE counted.tenant = sessions.tenant AND counted.id = sessions.id;
        ALTER TABLE changes ADD COLUMN has_system BIGINT NOT NULL DEFAULT 0;
        UPDATE changes SET has_system = 1 WHERE position('"role":"system"'::BYTEA IN body) > 0 OR position('"role":"developer"'::BYTEA IN body) > 0;
        CREATE INDEX changes_of_system ON changes (tenant, id, version) WHERE has_system = 1;
        """,
    ];

    /// <exception cref="SessionStoreException">A newer version has changed the tables.</exception>
    public static async Task MigrateAsync(NpgsqlDataSource source, string place, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                // Another gateway that changes the tables, or many sessions, may take a while.
                await RunAsync(connection, "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0", cancellationToken).ConfigureAwait(false);
                await RunAsync(connection, FormattableString.Invariant($"SELECT pg_advisory_xact_lock({Lock})"), cancellationToken).ConfigureAwait(false);
                await RunAsync(connection, "CREATE TABLE IF NOT EXISTS chasqui_schema (version BIGINT NOT NULL)", cancellationToken).ConfigureAwait(false);
                var version = (long)(await RunAsync(connection, "SELECT coalesce(max(version), 0) FROM chasqui_schema", cancellationToken).ConfigureAwait(false))!;
                if (version > _steps.Length)
                {
                    throw new SessionStoreException(StoreFault.Corrupt, FormattableString.Invariant(
                        $"{place} was written by a newer version of Chasqui (its schema is {version}, this one knows {_steps.Length}); start that version, or name another database"));
                }
                for (; version < _steps.Length; version++)
                {
                    await RunAsync(connection, _steps[version], cancellationToken).ConfigureAwait(false);
                    await RunAsync(connection, FormattableString.Invariant($"INSERT INTO chasqui_schema VALUES ({version + 1})"), cancellationToken).ConfigureAwait(false);
                }
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static async Task<object?> RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = connection.CreateCommand();
        await using (command.ConfigureAwait(false))
        {
            command.CommandText = sql;
            command.CommandTimeout = 0;
            return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
