using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Authentication;
using Chasqui.Protocol;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Microsoft.Extensions.Logging;

namespace Chasqui.Client;

/// <summary>Opens one connection: one attempt, within its time.</summary>
internal sealed class Dialer(ChasquiClientOptions options, TimeProvider time, ILogger logger)
{
    private readonly WireEndpoint _endpoint = WireEndpoint.Parse(options.Endpoint);

    internal string Place => options.Endpoint;

    internal async Task<Connection> DialAsync(CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.ConnectTimeout, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        Connection? connection = null;
        try
        {
            var pipe = await WireDialer.DialAsync(_endpoint, options.Tls, limit.Token).ConfigureAwait(false);
            connection = Connection.Create(pipe, ConnectionRole.Connector, Options());
            await connection.OpenAsync(limit.Token).ConfigureAwait(false);
            return connection;
        }
        catch (Exception e)
        {
            if (connection is not null)
                await connection.DisposeAsync().ConfigureAwait(false);
            throw e switch
            {
                ProtocolException { Code: ErrorCode.Unauthenticated } or ConnectionClosedException { Code: ErrorCode.Unauthenticated } =>
                    ClientException.Of("unauthenticated", $"{Place} did not accept the key", e),
                ProtocolException p when p.Code is ErrorCode.BadMagic or ErrorCode.BadVersion =>
                    ClientException.Of("bad_answer", $"what answers at {Place} does not speak MCP/1: {p.Reason}", e),
                // The same, seen by the loop that reads.
                ConnectionClosedException { Code: ErrorCode.BadMagic or ErrorCode.BadVersion } =>
                    ClientException.Unreachable($"what answers at {Place} does not speak MCP/1", e),
                OperationCanceledException when timeout.IsCancellationRequested =>
                    ClientException.Unreachable($"{Place} did not answer within {options.ConnectTimeout.TotalSeconds:0.###} s", e),
                OperationCanceledException => e,
                AuthenticationException => ClientException.Of("unreachable", $"no TLS with {Place}: {e.Message}", e),
                SocketException or IOException or WebSocketException or ProtocolException or ConnectionClosedException =>
                    ClientException.Unreachable($"no gateway answers at {Place}: {e.Message}", e),
                _ => ClientException.Of("unreachable", $"{Place} cannot be connected to: {e.Message}", e),
            };
        }
    }

    private ConnectionOptions Options() => new()
    {
        Settings = options.Settings,
        Authorization = options.ApiKey is null ? null : "Bearer " + options.ApiKey,
        HandshakeTimeout = options.ConnectTimeout,
        MaxMessageBytes = options.MaxMessageBytes,
        // What a caller does after its await may block; the read loop must not wait for it.
        InlineReplies = false,
        Time = time,
        Logger = logger,
    };
}
