using Chasqui.Transport;

namespace Chasqui.Client;

/// <summary>
/// The connections of a client. All who need a new one at the same time wait for the same dial; who finds all busy gets the least busy one while
/// another is opened. Thread-safe.
/// </summary>
/// <param name="dial">One attempt to connect.</param>
/// <param name="options">Checked options.</param>
/// <param name="time">The clock of the waits between attempts.</param>
internal sealed class ConnectionPool(Func<CancellationToken, Task<Connection>> dial, ChasquiClientOptions options, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan _drain = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly List<Connection> _open = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Backoff _backoff = new(options.MinBackoff, options.MaxBackoff);
    private Task<Connection>? _dial;
    private int _failures;
    private long _failedAt;
    private bool _disposed;

    /// <summary>Connections that can take requests now.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
                return _open.Count(connection => connection.IsHealthy);
        }
    }

    internal ValueTask<Connection> RentAsync(CancellationToken cancellationToken)
    {
        Task<Connection> dialing;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(ChasquiClient));
            var best = LeastBusy();
            if (best is not null && (best.ActiveStreams == 0 || _open.Count >= options.MaxConnections))
                return new ValueTask<Connection>(best);
            if (_dial is null)
            {
                // A connection is for all requests: not part of the one that happened to open it.
                using (ExecutionContext.SuppressFlow())
                    _dial = Task.Run(ConnectAsync);
                // Nobody may be waiting for it.
                _ = _dial.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            }

            if (best is not null)
                return new ValueTask<Connection>(best);
            dialing = _dial;
        }

        return new ValueTask<Connection>(dialing.WaitAsync(cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        List<Connection> open;
        Task<Connection>? dialing;
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            open = [.. _open];
            _open.Clear();
            dialing = _dial;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        if (dialing is not null)
        {
            await ((Task)dialing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        foreach (var connection in open)
        {
            try
            {
                // Streams are gone with their client: none is waited for.
                await connection.GoodbyeAsync(connection.ActiveStreams == 0 ? _drain : TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // It is over either way.
            }

            await connection.DisposeAsync().ConfigureAwait(false);
        }

        _stop.Dispose();
    }

    private Connection? LeastBusy()
    {
        Connection? best = null;
        for (var i = _open.Count - 1; i >= 0; i--)
        {
            var connection = _open[i];
            if (!connection.IsHealthy)
                _open.RemoveAt(i);
            else if (best is null || connection.ActiveStreams < best.ActiveStreams)
                best = connection;
        }

        return best;
    }

    private async Task<Connection> ConnectAsync()
    {
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                await WaitAsync().ConfigureAwait(false);
                try
                {
                    return Add(await dial(_stop.Token).ConfigureAwait(false));
                }
                catch (ClientException e)
                {
                    _failures++;
                    _failedAt = time.GetTimestamp();
                    if (!e.MayRetry || attempt >= options.ConnectAttempts)
                        throw;
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(ChasquiClient));
        }
        finally
        {
            lock (_gate)
                _dial = null;
        }
    }

    /// <summary>What is left of the wait after the last failure; whoever comes later than that does not wait.</summary>
    private async Task WaitAsync()
    {
        if (_failures == 0)
            return;
        var rest = _backoff.After(_failures) - time.GetElapsedTime(_failedAt);
        if (rest > TimeSpan.Zero)
            await Task.Delay(rest, time, _stop.Token).ConfigureAwait(false);
    }

    private Connection Add(Connection connection)
    {
        _failures = 0;
        lock (_gate)
        {
            if (!_disposed)
            {
                _open.Add(connection);
                return connection;
            }
        }

        connection.Abort(Protocol.ErrorCode.NoError, "");
        throw new ObjectDisposedException(nameof(ChasquiClient));
    }
}
