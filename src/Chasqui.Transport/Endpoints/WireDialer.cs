using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;

namespace Chasqui.Transport.Endpoints;

/// <summary>How TLS is spoken by who dials.</summary>
public sealed record TlsOptions
{
    /// <summary>Decides about the gateway's certificate; null for the machine's usual trust, the default.</summary>
    public RemoteCertificateValidationCallback? Validate { get; init; }

    /// <summary>The name the certificate must have; null for the host that is dialled.</summary>
    public string? TargetHost { get; init; }
}

/// <summary>Opens the byte stream to a gateway.</summary>
public static class WireDialer
{
    private const string Subprotocol = "chasqui.v1";

    private static readonly SslApplicationProtocol _protocol = new("chasqui/1");

    /// <summary>Connects.</summary>
    /// <param name="endpoint">Where to.</param>
    /// <param name="tls">For TLS; null for the usual trust.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>The stream, owned by whom it is given to; completing both sides closes it.</returns>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static async Task<IDuplexPipe> DialAsync(WireEndpoint endpoint, TlsOptions? tls, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (endpoint.Scheme is WireScheme.WebSocket or WireScheme.SecureWebSocket)
            return WirePipe.Over(await WebSocketAsync(endpoint, tls, ct).ConfigureAwait(false));
        var socket = endpoint.Scheme == WireScheme.Unix
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            if (endpoint.Scheme == WireScheme.Unix)
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(endpoint.Path), ct).ConfigureAwait(false);
            else
                await socket.ConnectAsync(endpoint.Host, endpoint.Port, ct).ConfigureAwait(false);
            if (endpoint.Scheme != WireScheme.Tls)
                return WirePipe.Over(socket);
            var secure = new SslStream(stream = new NetworkStream(socket, ownsSocket: true), leaveInnerStreamOpen: false);
            stream = secure;
            await secure.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions
                    {
                        TargetHost = tls?.TargetHost ?? endpoint.Host,
                        ApplicationProtocols = [_protocol],
                        RemoteCertificateValidationCallback = tls?.Validate,
                    }, ct).ConfigureAwait(false);
            return WirePipe.Over(secure, () => ShutdownAsync(secure, socket));
        }
        catch
        {
            if (stream is not null)
                await stream.DisposeAsync().ConfigureAwait(false);
            socket.Dispose();
            throw;
        }
    }

    private static async ValueTask ShutdownAsync(SslStream secure, Socket socket)
    {
        await secure.ShutdownAsync().ConfigureAwait(false);
        socket.Shutdown(SocketShutdown.Send);
    }

    private static async Task<WebSocket> WebSocketAsync(WireEndpoint endpoint, TlsOptions? tls, CancellationToken ct)
    {
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.AddSubProtocol(Subprotocol);
            socket.Options.KeepAliveInterval = TimeSpan.Zero;
            if (tls?.Validate is { } validate)
                socket.Options.RemoteCertificateValidationCallback = validate;
            await socket.ConnectAsync(new Uri(endpoint.ToString()), ct).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
