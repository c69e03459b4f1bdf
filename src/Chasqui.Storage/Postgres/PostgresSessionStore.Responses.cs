using Chasqui.Gateway.Responses;
using Chasqui.Gateway.Sessions;
using Npgsql;

namespace Chasqui.Storage;

/// <summary>Responses in the same database.</summary>
public sealed partial class PostgresSessionStore
{
    /// <inheritdoc/>
    public Task KeepAsync(KeptResponse response, SessionOptions bounds, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(response);
        ArgumentNullException.ThrowIfNull(bounds);
        return RunAsync(
            async connection =>
            {
                var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
                await using (transaction.ConfigureAwait(false))
                {
                    await ExecuteAsync(connection, transaction, ResponseRows.Put, ResponseRows.Values(response)).ConfigureAwait(false);
                    await ExecuteAsync(connection, transaction, ResponseRows.Bound, ResponseRows.Bounds(response, bounds)).ConfigureAwait(false);
                    await transaction.CommitAsync(CancellationToken.None).ConfigureAwait(false);
                    return 0;
                }
            }, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<ReadOnlyMemory<byte>?> FindResponseAsync(string tenant, string id, DateTimeOffset since, CancellationToken cancellationToken = default) => ReadAsync(
        ResponseRows.Find,
        async rows => await rows.ReadAsync(cancellationToken).ConfigureAwait(false) ? new ReadOnlyMemory<byte>(rows.GetFieldValue<byte[]>(0)) : (ReadOnlyMemory<byte>?)null,
        cancellationToken, tenant, id, SessionRows.Ticks(since));

    /// <inheritdoc/>
    public async Task<bool> RemoveResponseAsync(string tenant, string id, CancellationToken cancellationToken = default) =>
        await RunAsync(connection => ExecuteAsync(connection, null, ResponseRows.Remove, tenant, id), cancellationToken).ConfigureAwait(false) > 0;

    /// <inheritdoc/>
    public Task<int> ForgetResponsesAsync(DateTimeOffset before, CancellationToken cancellationToken = default) =>
        RunAsync(connection => ExecuteAsync(connection, null, ResponseRows.Forget, SessionRows.Ticks(before)), cancellationToken);

    private static async Task<int> ExecuteAsync(NpgsqlConnection connection, NpgsqlTransaction? transaction, string sql, params object[] values)
    {
        var command = Command(connection, transaction, sql, values);
        await using (command.ConfigureAwait(false))
            return await command.ExecuteNonQueryAsync(CancellationToken.None).ConfigureAwait(false);
    }
}
