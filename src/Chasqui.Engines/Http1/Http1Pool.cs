using System.Net.Security;
using System.Net.Sockets;

namespace Chasqui.Engines.Http1;

/// <summary>The connections to one node that wait for their next request. Thread-safe.</summary>
internal sealed class Http1Pool(Http1Options options) : IDisposable
{
    private const long StaleAfterMilliseconds = 1_000;

    private readonly Lock _gate = new();
    private readonly Stack<Http1Connection> _idle = new();
    private bool _disposed;

    public string Name => options.Name;

    /// <summary>The connection that was used last, as it is the likeliest to live; null when there is none.</summary>
    public Http1Connection? TryTake()
    {
        while (true)
        {
            Http1Connection connection;
            lock (_gate)
            {
                if (!_idle.TryPop(out connection!))
                    return null;
            }
            // Asking costs a call of the kernel, which busy connections can do without: their failure is seen in time.
            var idle = Environment.TickCount64 - connection.IdleSince;
            if (idle < StaleAfterMilliseconds || (idle < options.IdleLifetime.TotalMilliseconds && !connection.IsStale()))
                return connection;
            connection.Dispose();
        }
    }

    public void Return(Http1Connection connection)
    {
        connection.Rest();
        connection.IdleSince = Environment.TickCount64;
        lock (_gate)
        {
            if (!_disposed && _idle.Count < options.MaxIdle)
            {
                _idle.Push(connection);
                return;
            }
        }
        connection.Dispose();
    }

    /// <exception cref="EngineUnavailableException">It cannot be connected to in time.</exception>
    public async ValueTask<Http1Connection> DialAsync(CancellationToken cancellationToken)
    {
        if (_disposed)
            throw new EngineUnavailableException($"{Name} is no longer connected to");
        using var late = new CancellationTokenSource(options.ConnectTimeout, options.Time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        SslStream? secure = null;
        try
        {
            await socket.ConnectAsync(options.Host, options.Port, limit.Token).ConfigureAwait(false);
            if (options.Tls)
            {
                secure = new SslStream(new NetworkStream(socket, ownsSocket: true));
                await secure.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions { TargetHost = options.Host, ApplicationProtocols = [SslApplicationProtocol.Http11] }, limit.Token).ConfigureAwait(false);
            }
            return new Http1Connection(socket, secure);
        }
        catch (Exception e)
        {
            if (secure is not null)
                await secure.DisposeAsync().ConfigureAwait(false);
            socket.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            var why = e is OperationCanceledException
                ? FormattableString.Invariant($"no answer within {options.ConnectTimeout.TotalSeconds:0.###} s")
                : e.Message.TrimEnd('.');
            throw new EngineUnavailableException($"{options.Name} cannot be reached at {options.Host}:{options.Port}: {why}", e);
        }
    }

    public void Dispose()
    {
        List<Http1Connection> idle;
        lock (_gate)
        {
            _disposed = true;
            idle = [.. _idle];
            _idle.Clear();
        }
        foreach (var connection in idle)
            connection.Dispose();
    }
}
