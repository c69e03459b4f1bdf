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
    private const string Channel = "chasqui_sessions";

    private readonly NpgsqlDataSource _source;
    private readonly NpgsqlDataSource _news;
    private readonly string _place;
    private readonly TimeProvider _time;
    private readonly PostgresTimes _times;
    private readonly SessionLanes _lanes = new();
    private readonly string _self = Guid.NewGuid().ToString("N");

    private PostgresSessionStore(NpgsqlDataSource source, NpgsqlDataSource news, string place, TimeProvider time, PostgresTimes times) =>
        (_source, _news, _place, _time, _times) = (source, news, place, time, times);

    /// <inheritdoc/>
    public bool IsShared => true;

    /// <summary>Whether a text says how to reach a database; nothing is reached.</summary>
    /// <param name="connection">How to reach it.</param>
    /// <exception cref="SessionStoreException">It does not.</exception>
    public static void Check(string connection) => PostgresSource.Check(connection);

    /// <summary>Reaches a database at once, and makes its tables where they are not there.</summary>
    /// <param name="connection">How to reach it, e.g. <c>Host=db;Username=chasqui;Password=…;Database=chasqui</c>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="SessionStoreException">It cannot be reached, or was written by a newer version.</exception>
    public static Task<PostgresSessionStore> OpenAsync(string connection, TimeProvider time, CancellationToken cancellationToken = default) =>
        OpenAsync(connection, time, new PostgresTimes(), null, cancellationToken);

    /// <summary>The same for a database that may take a while to be there.</summary>
    /// <param name="connection">How to reach it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="times">How long it is waited for.</param>
    /// <param name="waits">Told why, before each further try.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="SessionStoreException">It cannot be reached, or was written by a newer version.</exception>
    public static async Task<PostgresSessionStore> OpenAsync(
        string connection, TimeProvider time, PostgresTimes times, Action<string>? waits, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(times);
        var (source, news, place) = PostgresSource.Of(connection, times);
        var store = new PostgresSessionStore(source, news, place, time, times);
        try
        {
            await store.ReachAsync(waits, cancellationToken).ConfigureAwait(false);
            return store;
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<WriteOutcome>> CommitAsync(IReadOnlyList<SessionWrite> writes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(writes);
        long[] keys = [.. writes.Select(write => write.Key).Concat(writes.OfType<ForkSession>().Select(fork => fork.Source)).Select(Hash).Distinct().Order()];
        using var turn = await _lanes.EnterAsync(keys, cancellationToken).ConfigureAwait(false)
            ?? throw new SessionStoreException(StoreFault.Locked, $"the session is locked at {_place} by another program; nothing was written");
        try
        {
            return await RunAsync(connection => CommitAsync(connection, writes, keys, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        catch (SessionStoreException e) when (e.Fault == StoreFault.Locked)
        {
            turn.Refuse();
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<Session?> FindAsync(SessionKey key, CancellationToken cancellationToken = default) => ReadAsync(
        SessionRows.Select + " FROM sessions WHERE tenant = $1 AND id = $2 AND deleted = 0",
        async rows => await rows.ReadAsync(cancellationToken).ConfigureAwait(false) ? SessionRows.Session(key.Tenant, rows) : null, cancellationToken, key.Tenant, key.Id);

    /// <inheritdoc/>
    public Task<IReadOnlyList<SessionChange>> ReadAsync(SessionKey key, long after, int limit, long maxBytes, CancellationToken cancellationToken = default) =>
        ChangesAsync(key, SessionRows.After, after, Math.Max(1, limit), maxBytes, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<SessionChange>> ReadBackAsync(SessionKey key, long before, int limit, long maxBytes, CancellationToken cancellationToken = default) =>
        ChangesAsync(key, SessionRows.Before, before, Math.Max(1, limit), maxBytes, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<SessionChange>> ReadSystemAsync(SessionKey key, long after, long before, long maxBytes, CancellationToken cancellationToken = default) =>
        ChangesAsync(key, SessionRows.SystemBetween, after, before, maxBytes, cancellationToken);

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
    public Task<SessionUsage> UsageAsync(string? tenant, CancellationToken cancellationToken = default)
    {
        return tenant is null ? ReadAsync(SessionRows.UsageOfAll, Read, cancellationToken) : ReadAsync(SessionRows.UsageOf, Read, cancellationToken, tenant);

        async Task<SessionUsage> Read(NpgsqlDataReader rows)
        {
            await rows.ReadAsync(cancellationToken).ConfigureAwait(false);
            return SessionRows.Usage(rows);
        }
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
    public async ValueTask DisposeAsync()
    {
        await _source.DisposeAsync().ConfigureAwait(false);
        await _news.DisposeAsync().ConfigureAwait(false);
    }

    internal static NpgsqlCommand Command(NpgsqlConnection connection, NpgsqlTransaction? transaction, string sql, params object[] values)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    /// <summary>Brings the tables up to date; where there is no database yet, for a while again and again.</summary>
    private async Task ReachAsync(Action<string>? waits, CancellationToken cancellationToken)
    {
        for (var began = _time.GetTimestamp(); ;)
        {
            try
            {
                await PostgresSchema.MigrateAsync(_source, _place, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (PostgresErrors.Is(e))
            {
                var error = PostgresErrors.Of(e, _place);
                if (_times.StartWait == TimeSpan.Zero || e is not NpgsqlException { IsTransient: true })
                    throw error;
                if (_time.GetElapsedTime(began) >= _times.StartWait)
                {
                    throw new SessionStoreException(
                        error.Fault, string.Create(CultureInfo.InvariantCulture, $"{error.Message}; it was tried for {_times.StartWait.TotalSeconds} s (Sessions:DatabaseWait)"), e);
                }
                waits?.Invoke(error.Message);
                await Task.Delay(_times.Retry, _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<IReadOnlyList<WriteOutcome>> CommitAsync(NpgsqlConnection connection, IReadOnlyList<SessionWrite> writes, long[] keys, CancellationToken cancellationToken)
    {
        var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await using (transaction.ConfigureAwait(false))
        {
            await LockAsync(connection, transaction, keys).ConfigureAwait(false);
            var table = new PostgresTable(connection, transaction);
            var outcomes = new WriteOutcome[writes.Count];
            for (var i = 0; i < outcomes.Length; i++)
                outcomes[i] = await SessionRules.DoAsync(table, writes[i]).ConfigureAwait(false);
            await TellAsync(connection, transaction, outcomes).ConfigureAwait(false);
            await transaction.CommitAsync(CancellationToken.None).ConfigureAwait(false);
            return outcomes;
        }
    }

    /// <summary>Locks all sessions of the writes, in the same order whoever does it, so that nobody waits for one who waits for him.</summary>
    private static async Task LockAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, long[] keys)
    {
        foreach (var key in keys)
        {
            var command = Command(connection, transaction, "SELECT pg_advisory_xact_lock($1)", key);
            await using (command.ConfigureAwait(false))
                await command.ExecuteNonQueryAsync().ConfigureAwait(false);
        }
    }

    /// <summary>FNV-1a, the same in each gateway. Two sessions with the same one wait for each other, which does no harm.</summary>
    internal static long Hash(SessionKey key)
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

    private Task<IReadOnlyList<SessionChange>> ChangesAsync(SessionKey key, string sql, long from, long to, long maxBytes, CancellationToken cancellationToken) => ReadAsync(
        sql,
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
        }, cancellationToken, key.Tenant, key.Id, from, to);

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
