using Chasqui.Gateway.Sessions;
using Npgsql;

namespace Chasqui.Storage;

/// <summary>The tables within one transaction that holds the locks of its sessions. For one caller.</summary>
internal sealed class PostgresTable(NpgsqlConnection connection, NpgsqlTransaction transaction) : ISessionTable
{
    public async ValueTask<(Session Session, bool IsDeleted)?> FindAsync(SessionKey key)
    {
        var command = Command(SessionRows.Select + " FROM sessions WHERE tenant = $1 AND id = $2", key.Tenant, key.Id);
        await using (command.ConfigureAwait(false))
        {
            var rows = await command.ExecuteReaderAsync().ConfigureAwait(false);
            await using (rows.ConfigureAwait(false))
                return await rows.ReadAsync().ConfigureAwait(false) ? (SessionRows.Session(key.Tenant, rows), SessionRows.IsDeleted(rows)) : null;
        }
    }

    public async ValueTask PutAsync(Session session, SessionChange change, long tokens, ReadOnlyMemory<byte> body)
    {
        // Texts of PostgreSQL have no NUL.
        var clean = session with { Settings = session.Settings with { Title = Clean(session.Settings.Title), Model = Clean(session.Settings.Model) } };
        await RunAsync("INSERT INTO changes VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", SessionRows.Values(change, tokens, body)).ConfigureAwait(false);
        await RunAsync(
            """
            INSERT INTO sessions VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT (tenant, id) DO UPDATE SET
            version = $3, deleted = $4, created_at = $5, updated_at = $6, messages = $7, tokens = $8, title = $9, model = $10, mode = $11, policy = $12, max_tokens = $13, origin_id = $14, origin_version = $15, bytes = $16
            """, SessionRows.Values(clean, change.Kind == ChangeKind.Deleted)).ConfigureAwait(false);
    }

    public async ValueTask<(long Changes, int Messages, long Tokens, long Bytes)> CopyAsync(SessionKey from, SessionKey to, long version)
    {
        await RunAsync(
            "INSERT INTO changes SELECT tenant, $3, version, kind, at, messages, tokens, body, has_system FROM changes WHERE tenant = $1 AND id = $2 AND version <= $4", from.Tenant, from.Id, to.Id, version).ConfigureAwait(false);
        var command = Command("SELECT count(*), coalesce(sum(messages), 0)::BIGINT, coalesce(sum(tokens), 0)::BIGINT, coalesce(sum(octet_length(body)), 0)::BIGINT FROM changes WHERE tenant = $1 AND id = $2", to.Tenant, to.Id);
        await using (command.ConfigureAwait(false))
        {
            var rows = await command.ExecuteReaderAsync().ConfigureAwait(false);
            await using (rows.ConfigureAwait(false))
            {
                await rows.ReadAsync().ConfigureAwait(false);
                return (rows.GetInt64(0), (int)rows.GetInt64(1), rows.GetInt64(2), rows.GetInt64(3));
            }
        }
    }

    public ValueTask ClearAsync(SessionKey key) => RunAsync("DELETE FROM changes WHERE tenant = $1 AND id = $2", key.Tenant, key.Id);

    private static string Clean(string text) => text.Replace('\0', '\uFFFD');

    private async ValueTask RunAsync(string sql, params object[] values)
    {
        var command = Command(sql, values);
        await using (command.ConfigureAwait(false))
            await command.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    private NpgsqlCommand Command(string sql, params object[] values) => PostgresSessionStore.Command(connection, transaction, sql, values);
}
