using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Http1;

/// <summary>The connections to one node that wait for their next request. Thread-safe.</summary>
internal sealed class Http1Pool : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Http1Connection> _idle = [];
    private readonly Http1Options _options;
    private readonly ITimer _sweep;
    private bool _sweeps;
    private bool _disposed;

    public Http1Pool(Http1Options options)
    {
        _options = options;
        _sweep = options.Time.CreateBackgroundTimer("resting connections", static pool => pool.Sweep(), this);
    }

    public string Name => _options.Name;

    private ConnectionLimits Limits => _options.Connections;

    /// <summary>The connection that was used last, as it is the likeliest to live; null when there is none.</summary>
    public Http1Connection? TryTake()
    {
        while (true)
        {
            Http1Connection connection;
            lock (_gate)
            {
                if (_idle.Count == 0)
                    return null;
                connection = _idle[^1];
                _idle.RemoveAt(_idle.Count - 1);
            }
            // Always looked at, however short its rest: what a node said unasked would be taken for the answer to this request.
            if (IsUsable(connection))
                return connection;
            connection.Dispose();
        }
    }

    /// <summary>Keeps a connection whose answer was read to its end.</summary>
    public void Return(Http1Connection connection)
    {
        if (connection.Age < Limits.Lifetime && connection.Rest())
        {
            lock (_gate)
            {
                if (!_disposed && _idle.Count < Limits.MaxIdle)
                {
                    _idle.Add(connection);
                    Arm();
                    return;
                }
            }
        }
        connection.Dispose();
    }

    /// <exception cref="EngineUnavailableException">It cannot be connected to in time.</exception>
    public async ValueTask<Http1Connection> DialAsync(CancellationToken cancellationToken)
    {
        if (_disposed)
            throw new EngineUnavailableException($"node '{Name}' is no longer connected to");
        using var late = new CancellationTokenSource(_options.ConnectTimeout, _options.Time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        SslStream? secure = null;
        try
        {
            await socket.ConnectAsync(_options.Host, _options.Port, limit.Token).ConfigureAwait(false);
            if (_options.Tls)
            {
                secure = new SslStream(new NetworkStream(socket, ownsSocket: true), leaveInnerStreamOpen: false, _options.Trust);
                await secure.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions { TargetHost = _options.Host, ApplicationProtocols = [SslApplicationProtocol.Http11] }, limit.Token).ConfigureAwait(false);
            }
            return new Http1Connection(socket, secure, _options.Time);
        }
        catch (Exception e)
        {
            var isTls = secure is not null;
            if (secure is not null)
                await secure.DisposeAsync().ConfigureAwait(false);
            socket.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            var why = e switch
            {
                OperationCanceledException => $"connecting took longer than {CallClock.Show(_options.ConnectTimeout)} (time-out Connect)",
                SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain } => "its name is not known",
                AuthenticationException or IOException when isTls => $"TLS failed: {Text(e)}",
                _ => Text(e),
            };
            throw new EngineUnavailableException($"node '{Name}' cannot be reached at {_options.Authority}: {why}", e);
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
        _sweep.Dispose();
        foreach (var connection in idle)
            connection.Dispose();
    }

    private static string Text(Exception e)
    {
        while (e.InnerException is { } inner)
            e = inner;
        return e.Message.TrimEnd('.');
    }

    private bool IsUsable(Http1Connection connection) =>
        connection.IdleTime < Limits.IdleTime && connection.Age < Limits.Lifetime && !connection.IsStale();

    /// <summary>Closes those that rested too long or were closed by the node, also while no request comes that would find them.</summary>
    private void Sweep()
    {
        List<Http1Connection>? over = null;
        lock (_gate)
        {
            _sweeps = false;
            for (var i = _idle.Count - 1; i >= 0; i--)
            {
                if (IsUsable(_idle[i]))
                    continue;
                (over ??= []).Add(_idle[i]);
                _idle.RemoveAt(i);
            }
            Arm();
        }
        foreach (var connection in over ?? [])
            connection.Dispose();
    }

    // Under the lock.
    private void Arm()
    {
        if (_sweeps || _disposed || _idle.Count == 0)
            return;
        _sweeps = true;
        _sweep.Change(Limits.IdleTime / 4, Timeout.InfiniteTimeSpan);
    }
}
