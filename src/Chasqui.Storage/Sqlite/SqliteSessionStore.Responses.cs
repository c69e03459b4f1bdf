using Chasqui.Gateway.Responses;
using Chasqui.Gateway.Sessions;
using Microsoft.Data.Sqlite;

namespace Chasqui.Storage;

/// <summary>Responses in the same file.</summary>
public sealed partial class SqliteSessionStore
{
    /// <inheritdoc/>
    public async Task KeepAsync(KeptResponse response, SessionOptions bounds, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(response);
        ArgumentNullException.ThrowIfNull(bounds);
        await WriteAsync(() =>
        {
            using var put = Command(_writer, ResponseRows.Put, ResponseRows.Values(response));
            put.ExecuteNonQuery();
            using var bound = Command(_writer, ResponseRows.Bound, ResponseRows.Bounds(response, bounds));
            return bound.ExecuteNonQuery();
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<ReadOnlyMemory<byte>?> FindResponseAsync(string tenant, string id, DateTimeOffset since, CancellationToken cancellationToken = default) => ReadAsync(
        connection =>
        {
            using var command = Command(connection, ResponseRows.Find, tenant, id, SessionRows.Ticks(since));
            return command.ExecuteScalar() is byte[] body ? new ReadOnlyMemory<byte>(body) : (ReadOnlyMemory<byte>?)null;
        }, cancellationToken);

    /// <inheritdoc/>
    public async Task<bool> RemoveResponseAsync(string tenant, string id, CancellationToken cancellationToken = default) =>
        await WriteAsync(
            () =>
            {
                using var command = Command(_writer, ResponseRows.Remove, tenant, id);
                return command.ExecuteNonQuery();
            }, cancellationToken, cleans: true).ConfigureAwait(false) > 0;

    /// <inheritdoc/>
    public Task<int> ForgetResponsesAsync(DateTimeOffset before, CancellationToken cancellationToken = default) => WriteAsync(
        () =>
        {
            using var command = Command(_writer, ResponseRows.Forget, SessionRows.Ticks(before));
            return command.ExecuteNonQuery();
        }, cancellationToken, cleans: true);

    /// <summary>Writes in one transaction, which is on the disk when this returns.</summary>
    private async Task<int> WriteAsync(Func<int> write, CancellationToken cancellationToken, bool cleans = false)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // It waits for the disk.
            return await Task.Run(
                () =>
                {
                    Run(_writer, "BEGIN IMMEDIATE");
                    try
                    {
                        var count = write();
                        Run(_writer, "COMMIT");
                        if (cleans && count > 0)
                            SqliteCleaning.Run(_writer);
                        return count;
                    }
                    catch
                    {
                        Run(_writer, "ROLLBACK");
                        throw;
                    }
                }, CancellationToken.None).ConfigureAwait(false);
        }
        catch (SqliteException e)
        {
            throw SqliteErrors.Of(e, _path);
        }
        finally
        {
            _writing.Release();
        }
    }
}
