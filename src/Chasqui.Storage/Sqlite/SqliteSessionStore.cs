using System.Globalization;
using System.Text.Json;
using Chasqui.Gateway.Responses;
using Chasqui.Gateway.Sessions;
using Microsoft.Data.Sqlite;

namespace Chasqui.Storage;

/// <summary>
/// Sessions in a file of SQLite (https://sqlite.org/wal.html): a write-ahead log, so that reads go on while something is written, and a commit that returns when it is on the disk.
/// Thread-safe; one writer at a time, and a few readers.
/// </summary>
public sealed partial class SqliteSessionStore : ISessionStore, IResponseStore
{
    private const int Readers = 4;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    private readonly string _path;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SemaphoreSlim _reading = new(Readers, Readers);
    private readonly Stack<SqliteConnection> _readers = [];
    private readonly Lock _gate = new();
    private int _disposed;
    private readonly SqliteConnection _writer;
    private SqliteTable? _table;

    private SqliteSessionStore(string path, SqliteConnection writer) => (_path, _writer) = (path, writer);

    /// <inheritdoc/>
    public bool IsShared => false;

    /// <summary>Opens a file, or makes it, and its folder, for its user alone.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="SessionStoreException">It cannot be opened, is damaged, or was written by a newer version.</exception>
    public static SqliteSessionStore Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(folder);
            }
            else
            {
                Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                new FileStream(path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
            }
            var writer = Connect(path, SqliteOpenMode.ReadWriteCreate);
            try
            {
                // What is deleted is overwritten. How a file gives pages back is decided before there is anything in it.
                Run(writer, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864");
                SqliteSchema.Migrate(writer, path);
                using var check = writer.CreateCommand();
                check.CommandText = "PRAGMA quick_check(1)";
                if (check.ExecuteScalar() is not "ok" and var found)
                    throw new SessionStoreException(StoreFault.Corrupt, $"{path} is damaged ({found}); put back a copy of it, or move it away to begin with none");
                SqliteCleaning.Convert(writer);
                return new SqliteSessionStore(path, writer);
            }
            catch
            {
                writer.Dispose();
                throw;
            }
        }
        catch (SqliteException e)
        {
            throw SqliteErrors.Of(e, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SessionStoreException(StoreFault.Unavailable, $"{path} cannot be opened: {FileProblem.Of(e, path)}", e);
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<WriteOutcome>> CommitAsync(IReadOnlyList<SessionWrite> writes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(writes);
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // It waits for the disk.
            return await Task.Run(() => CommitNowAsync(writes), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <inheritdoc/>
    public Task<Session?> FindAsync(SessionKey key, CancellationToken cancellationToken = default) => ReadAsync(
        connection =>
        {
            using var command = Command(connection, SessionRows.Select + " FROM sessions WHERE tenant = $1 AND id = $2 AND deleted = 0", key.Tenant, key.Id);
            using var rows = command.ExecuteReader();
            return rows.Read() ? SessionRows.Session(key.Tenant, rows) : null;
        }, cancellationToken);

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
            connection =>
            {
                using var command = Command(
                    connection, SessionRows.Select + " FROM sessions WHERE tenant = $1 AND deleted = 0 AND (updated_at < $2 OR (updated_at = $2 AND id > $3)) ORDER BY updated_at DESC, id LIMIT $4",
                    tenant, cursor.Ticks, cursor.Id, (long)Math.Max(1, limit) + 1);
                using var rows = command.ExecuteReader();
                List<Session> sessions = [];
                while (rows.Read())
                    sessions.Add(SessionRows.Session(tenant, rows));
                return ListCursor.Page(sessions, Math.Max(1, limit));
            }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<SessionUsage> UsageAsync(string? tenant, CancellationToken cancellationToken = default) => ReadAsync(
        connection =>
        {
            using var command = tenant is null ? Command(connection, SessionRows.UsageOfAll) : Command(connection, SessionRows.UsageOf, tenant);
            using var rows = command.ExecuteReader();
            rows.Read();
            return SessionRows.Usage(rows);
        }, cancellationToken);

    /// <inheritdoc/>
    public async Task<int> ForgetAsync(DateTimeOffset deletedBefore, CancellationToken cancellationToken = default)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => Forget(SessionRows.Ticks(deletedBefore)), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Nobody else writes to it.</summary>
    public Task WatchAsync(Action<SessionKey?, long> changed, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Writes a copy of all that is committed, while everything goes on.</summary>
    /// <param name="file">A file that is not there yet.</param>
    /// <param name="cancellationToken">Gives up before it begins.</param>
    /// <exception cref="SessionStoreException">It cannot.</exception>
    public Task BackupAsync(string file, CancellationToken cancellationToken = default) => ReadAsync(
        connection =>
        {
            using var command = Command(connection, "VACUUM INTO $1", file);
            return command.ExecuteNonQuery();
        }, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
            return;
        await _writing.WaitAsync().ConfigureAwait(false);
        for (var i = 0; i < Readers; i++)
            await _reading.WaitAsync().ConfigureAwait(false);
        _table?.Dispose();
        foreach (var reader in _readers)
            await reader.DisposeAsync().ConfigureAwait(false);
        await _writer.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Lets the file grow no further, as on a disk that is full.</summary>
    internal void LimitPages(int pages) => Run(_writer, FormattableString.Invariant($"PRAGMA max_page_count = {pages}"));

    private async Task<WriteOutcome[]> CommitNowAsync(IReadOnlyList<SessionWrite> writes)
    {
        try
        {
            _table ??= new SqliteTable(_writer);
            using var transaction = _writer.BeginTransaction(deferred: false);
            _table.Transaction = transaction;
            var outcomes = new WriteOutcome[writes.Count];
            for (var i = 0; i < outcomes.Length; i++)
                outcomes[i] = await SessionRules.DoAsync(_table, writes[i]).ConfigureAwait(false);
            transaction.Commit();
            if (outcomes.Any(outcome => outcome.Change?.Kind == ChangeKind.Deleted))
                SqliteCleaning.Run(_writer);
            return outcomes;
        }
        catch (SqliteException e)
        {
            throw SqliteErrors.Of(e, _path);
        }
    }

    private int Forget(long before)
    {
        try
        {
            using var transaction = _writer.BeginTransaction(deferred: false);
            using var changes = Command(_writer, "DELETE FROM changes WHERE EXISTS (SELECT 1 FROM sessions s WHERE s.tenant = changes.tenant AND s.id = changes.id AND s.deleted = 1 AND s.updated_at < $1)", before);
            changes.Transaction = transaction;
            changes.ExecuteNonQuery();
            using var sessions = Command(_writer, "DELETE FROM sessions WHERE deleted = 1 AND updated_at < $1", before);
            sessions.Transaction = transaction;
            var count = sessions.ExecuteNonQuery();
            transaction.Commit();
            SqliteCleaning.Run(_writer);
            return count;
        }
        catch (SqliteException e)
        {
            throw SqliteErrors.Of(e, _path);
        }
    }

    private Task<IReadOnlyList<SessionChange>> ChangesAsync(SessionKey key, string sql, long from, long to, long maxBytes, CancellationToken cancellationToken) => ReadAsync(
        connection =>
        {
            using var command = Command(connection, sql, key.Tenant, key.Id, from, to);
            using var rows = command.ExecuteReader();
            List<SessionChange> changes = [];
            for (var left = maxBytes; rows.Read();)
            {
                var (change, bytes) = SessionRows.Change(key, rows);
                left -= bytes;
                if (changes.Count > 0 && left < 0)
                    break;
                changes.Add(change);
            }
            return (IReadOnlyList<SessionChange>)changes;
        }, cancellationToken);

    private async Task<T> ReadAsync<T>(Func<SqliteConnection, T> read, CancellationToken cancellationToken)
    {
        await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        SqliteConnection? connection = null;
        try
        {
            lock (_gate)
                _readers.TryPop(out connection);
            return await Task.Run(() => read(connection ??= Connect(_path, SqliteOpenMode.ReadWrite)), CancellationToken.None).ConfigureAwait(false);
        }
        catch (SqliteException e)
        {
            throw SqliteErrors.Of(e, _path);
        }
        catch (JsonException e)
        {
            throw new SessionStoreException(StoreFault.Corrupt, $"{_path} holds a change that cannot be read; put back a copy of it", e);
        }
        finally
        {
            if (connection is not null)
            {
                lock (_gate)
                    _readers.Push(connection);
            }
            _reading.Release();
        }
    }

    private static SqliteConnection Connect(string path, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            Pooling = false,
            DefaultTimeout = (int)_patience.TotalSeconds,
        }.ToString());
        connection.Open();
        return connection;
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql, params ReadOnlySpan<object> values)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < values.Length; i++)
            command.Parameters.AddWithValue("$" + (i + 1).ToString(CultureInfo.InvariantCulture), values[i]);
        return command;
    }

    private static void Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
