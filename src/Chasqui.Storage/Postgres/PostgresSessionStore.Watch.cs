using System.Globalization;
using Chasqui.Gateway.Sessions;
using Npgsql;

namespace Chasqui.Storage;

/// <summary>Hears what other gateways change.</summary>
public sealed partial class PostgresSessionStore
{
    private static readonly TimeSpan _leastWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _mostWait = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public async Task WatchAsync(Action<SessionKey?, long> changed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(changed);
        var wait = _leastWait;
        while (true)
        {
            try
            {
                var connection = await _news.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
                await using (connection.ConfigureAwait(false))
                {
                    connection.Notification += (_, notification) => Hear(notification.Payload, changed);
                    await AskAsync(connection, "LISTEN " + Channel, cancellationToken).ConfigureAwait(false);
                    wait = _leastWait;
                    // What was told without a listener is not told again, neither before the first one.
                    changed(null, 0);
                    await HearAsync(connection, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (PostgresErrors.Is(e))
            {
                // Idle connections of the pool went the same way.
                _source.Clear();
                await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
                wait = wait * 2 < _mostWait ? wait * 2 : _mostWait;
            }
        }
    }

    /// <summary>Hears, and asks now and then in the silence whether the other side is still there: one that is gone without a word tells nothing, and no error either.</summary>
    private async Task HearAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (!await connection.WaitAsync(_times.PingInterval, cancellationToken).ConfigureAwait(false))
                await AskAsync(connection, "SELECT 1", cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task AskAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = Command(connection, null, sql);
        await using (command.ConfigureAwait(false))
        {
            command.CommandTimeout = Math.Max(1, (int)_times.PingTimeout.TotalSeconds);
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private void Hear(string payload, Action<SessionKey?, long> changed)
    {
        if (payload.Split(' ', 4) is [var who, var version, var id, var tenant] && who != _self && long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            changed(new SessionKey(tenant, id), number);
    }
}
