using System.Globalization;
using System.Text;
using System.Text.Json;
using Chasqui.Gateway.Responses;
using Chasqui.Gateway.Sessions;
using Npgsql;

namespace Chasqui.Storage;

/// <summary>
/// Sessions in a PostgreSQL that several gateways share: each transaction locks its sessions, so that versions have no gap and no duplicate whoever writes, and tells the others of what it
/// changed (<c>LISTEN</c>, <c>NOTIFY</c>). Thread-safe.
/// </summary>
public sealed partial class PostgresSessionStore : ISessionStore, IResponseStore
{
    private const int Connections = 16;
    private const string Channel = "chasqui_sessions";
    private static readonly TimeSpan _leastWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _mostWait = TimeSpan.FromSeconds(5);

    private readonly NpgsqlDataSource _source;
    private readonly string _place;
    private readonly TimeProvider _time;
    private readonly string _self = Guid.NewGuid().ToString("N");

    private PostgresSessionStore(NpgsqlDataSource source, string place, TimeProvider time) => (_source, _place, _time) = (source, place, time);

    /// <inheritdoc/>
    public bool IsShared => true;

    /// <summary>Reaches a database, and makes its tables where they are not there.</summary>
    /// <param name="connection">How to reach it, e.g. <c>Host=db;Username=chasqui;Password=…;Database=chasqui</c>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="SessionStoreException">It cannot be reached, or was written by a newer version.</exception>
    public static async Task<PostgresSessionStore> OpenAsync(string connection, TimeProvider time, CancellationToken cancellationToken = default)
    {
        NpgsqlDataSource source;
        string place;
        try
        {
            var builder = new NpgsqlDataSourceBuilder(connection);
            builder.ConnectionStringBuilder.ApplicationName ??= "chasqui";
            // A server takes 100 by default, from all gateways together.
            if (!builder.ConnectionStringBuilder.ContainsKey("Maximum Pool Size"))
                builder.ConnectionStringBuilder.MaxPoolSize = Connections;
            // What is read belongs to nobody but who sees the log of the database.
            builder.ConnectionStringBuilder.IncludeErrorDetail = false;
            place = string.Create(CultureInfo.InvariantCulture, $"PostgreSQL {builder.ConnectionStringBuilder.Host}:{builder.ConnectionStringBuilder.Port}/{builder.ConnectionStringBuilder.Database}");
            source = builder.Build();
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new SessionStoreException(StoreFault.Unavailable, $"Sessions:Database is no connection string of PostgreSQL: {e.Message.TrimEnd('.')}", e);
        }
        try
        {
            await PostgresSchema.MigrateAsync(source, place, cancellationToken).ConfigureAwait(false);
            return new PostgresSessionStore(source, place, time);
        }
        catch (Exception e)
        {
            await source.DisposeAsync().ConfigureAwait(false);
            if (PostgresErrors.Is(e))
                throw PostgresErrors.Of(e, place);
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<WriteOutcome>> CommitAsync(IReadOnlyList<SessionWrite> writes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(writes);
        return RunAsync(
            async connection =>
            {
                var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
                await using (transaction.ConfigureAwait(false))
                {
                    await LockAsync(connection, transaction, writes).ConfigureAwait(false);
                    var table = new PostgresTable(connection, transaction);
                    var outcomes = new WriteOutcome[writes.Count];
                    for (var i = 0; i < outcomes.Length; i++)
                        outcomes[i] = await SessionRules.DoAsync(table, writes[i]).ConfigureAwait(false);
                    await TellAsync(connection, transaction, outcomes).ConfigureAwait(false);
                    await transaction.CommitAsync(CancellationToken.None).ConfigureAwait(false);
                    return (IReadOnlyList<WriteOutcome>)outcomes;
                }
            }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<Session?> FindAsync(SessionKey key, CancellationToken cancellationToken = default) => ReadAsync(
        SessionRows.Select + " FROM sessions WHERE tenant = $1 AND id = $2 AND deleted = 0",
        async rows => await rows.ReadAsync(cancellationToken).ConfigureAwait(false) ? SessionRows.Session(key.Tenant, rows) : null, cancellationToken, key.Tenant, key.Id);

    /// <inheritdoc/>
    public Task<IReadOnlyList<SessionChange>> ReadAsync(SessionKey key, long after, int limit, long maxBytes, CancellationToken cancellationToken = default) => ReadAsync(
        SessionRows.SelectChange + " FROM changes WHERE tenant = $1 AND id = $2 AND version > $3 ORDER BY version LIMIT $4",
        async rows =>
        {
            List<SessionChange> changes = [];
            for (var left = maxBytes; await rows.ReadAsync(cancellationToken).ConfigureAwait(false);)
            {
                var (change, bytes) = SessionRows.Change(key, rows);
                left -= bytes;
                if (changes.Count > 0 && left < 0)
                    break;
                changes.Add(change);
            }
            return (IReadOnlyList<SessionChange>)changes;
        }, cancellationToken, key.Tenant, key.Id, after, (long)Math.Max(1, limit));

    /// <inheritdoc/>
    public Task<SessionPage> ListAsync(string tenant, string? after, int limit, CancellationToken cancellationToken = default)
    {
        var cursor = ListCursor.Parse(after);
        return ReadAsync(
            SessionRows.Select + " FROM sessions WHERE tenant = $1 AND deleted = 0 AND (updated_at < $2 OR (updated_at = $2 AND id > $3 COLLATE \"C\")) ORDER BY updated_at DESC, id COLLATE \"C\" LIMIT $4",
            async rows =>
            {
                List<Session> sessions = [];
                while (await rows.ReadAsync(cancellationToken).ConfigureAwait(false))
                    sessions.Add(SessionRows.Session(tenant, rows));
                return ListCursor.Page(sessions, Math.Max(1, limit));
            }, cancellationToken, tenant, cursor.Ticks, cursor.Id, (long)Math.Max(1, limit) + 1);
    }

    /// <inheritdoc/>
    public Task<int> ForgetAsync(DateTimeOffset deletedBefore, CancellationToken cancellationToken = default) => RunAsync(
        async connection =>
        {
            var command = Command(
                connection, null, """
                WITH gone AS (DELETE FROM sessions WHERE deleted = 1 AND updated_at < $1 RETURNING tenant, id),
                     left_over AS (DELETE FROM changes USING gone WHERE changes.tenant = gone.tenant AND changes.id = gone.id)
                SELECT count(*) FROM gone
                """, SessionRows.Ticks(deletedBefore));
            await using (command.ConfigureAwait(false))
                return (int)(long)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
        }, cancellationToken);

    /// <inheritdoc/>
    public async Task WatchAsync(Action<SessionKey?, long> changed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(changed);
        var wait = _leastWait;
        for (var first = true; ; first = false)
        {
            try
            {
                var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
                await using (connection.ConfigureAwait(false))
                {
                    connection.Notification += (_, notification) => Hear(notification.Payload, changed);
                    var listen = Command(connection, null, "LISTEN " + Channel);
                    await using (listen.ConfigureAwait(false))
                        await listen.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                    wait = _leastWait;
                    // What was told while nobody listened is not told again.
                    if (!first)
                        changed(null, 0);
                    while (true)
                        await connection.WaitAsync(cancellationToken).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (PostgresErrors.Is(e))
            {
                await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
                wait = wait * 2 < _mostWait ? wait * 2 : _mostWait;
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _source.DisposeAsync();

    internal static NpgsqlCommand Command(NpgsqlConnection connection, NpgsqlTransaction? transaction, string sql, params object[] values)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    /// <summary>Locks all sessions of the writes, in the same order whoever does it, so that nobody waits for one who waits for him.</summary>
    private static async Task LockAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, IReadOnlyList<SessionWrite> writes)
    {
        var keys = writes.Select(write => write.Key).Concat(writes.OfType<ForkSession>().Select(fork => fork.Source)).Select(Hash).Distinct().Order();
        foreach (var key in keys)
        {
            var command = Command(connection, transaction, "SELECT pg_advisory_xact_lock($1)", key);
            await using (command.ConfigureAwait(false))
                await command.ExecuteNonQueryAsync().ConfigureAwait(false);
        }
    }

    /// <summary>FNV-1a, the same in each gateway. Two sessions with the same one wait for each other, which does no harm.</summary>
    private static long Hash(SessionKey key)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in Encoding.UTF8.GetBytes(key.Tenant + "\0" + key.Id))
            hash = unchecked((hash ^ b) * 1099511628211UL);
        return unchecked((long)hash);
    }

    private async Task TellAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, WriteOutcome[] outcomes)
    {
        foreach (var change in outcomes.Select(outcome => outcome.Change).OfType<SessionChange>())
        {
            var payload = string.Create(CultureInfo.InvariantCulture, $"{_self} {change.Version} {change.Key.Id} {change.Key.Tenant}");
            var command = Command(connection, transaction, "SELECT pg_notify($1, $2)", Channel, payload);
            await using (command.ConfigureAwait(false))
                await command.ExecuteNonQueryAsync().ConfigureAwait(false);
        }
    }

    private void Hear(string payload, Action<SessionKey?, long> changed)
    {
        if (payload.Split(' ', 4) is [var who, var version, var id, var tenant] && who != _self && long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            changed(new SessionKey(tenant, id), number);
    }

    private Task<T> ReadAsync<T>(string sql, Func<NpgsqlDataReader, Task<T>> read, CancellationToken cancellationToken, params object[] values) => RunAsync(
        async connection =>
        {
            var command = Command(connection, null, sql, values);
            await using (command.ConfigureAwait(false))
            {
                var rows = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
                await using (rows.ConfigureAwait(false))
                    return await read(rows).ConfigureAwait(false);
            }
        }, cancellationToken);

    private async Task<T> RunAsync<T>(Func<NpgsqlConnection, Task<T>> run, CancellationToken cancellationToken)
    {
        try
        {
            var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
                return await run(connection).ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            throw new SessionStoreException(StoreFault.Corrupt, $"{_place} holds a change that cannot be read; put back a copy of it", e);
        }
        catch (Exception e) when (PostgresErrors.Is(e))
        {
            throw PostgresErrors.Of(e, _place);
        }
    }
}
