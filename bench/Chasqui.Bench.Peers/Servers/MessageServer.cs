using System.Net;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Chasqui.Server;
using Chasqui.Transport;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>MCP/1 with the product's own connection and its defaults, on Kestrel as in the gateway.</summary>
internal sealed class MessageServer : IKestrelApp
{
    public const string Echo = "bench.echo";
    public const string Generate = "bench.generate";

    public void Listen(KestrelServerOptions kestrel, Action<ListenOptions> count) =>
        kestrel.ListenWire(new IPEndPoint(IPAddress.Loopback, 0), listen => listen.UseConnectionHandler<Handler>());

    public void AddServices(IServiceCollection services) => services.AddWireTransport();

    public void Map(WebApplication app)
    {
    }

    internal sealed class Handler(TokenSource tokens, SocketTable sockets) : ConnectionHandler
    {
        private static readonly ConnectionOptions _options = new();
        private static readonly HeaderList _ok = new() { { "status", "200" } };

        public override async Task OnConnectedAsync(ConnectionContext connection)
        {
            // Counted here and not in a wrapper, which would weigh on a connection that does nothing.
            var socket = connection.Features.Get<IConnectionSocketFeature>()!.Socket;
            sockets.Add(socket);
            await using var wire = Connection.Create(connection.Transport, ConnectionRole.Acceptor, _options, AnswerAsync);
            await wire.OpenAsync(connection.ConnectionClosed);
            await wire.Closed;
            sockets.Remove(socket);
        }

        private ValueTask AnswerAsync(IncomingCall call) => call.Headers["op"] switch
        {
            Echo => EchoAsync(call),
            Generate => GenerateAsync(call),
            _ => throw new StreamException(ErrorCode.Internal, "no such operation"),
        };

        private static async ValueTask EchoAsync(IncomingCall call)
        {
            EchoBody body;
            using (var message = await call.ReadAsync() ?? default)
                body = EchoBody.Parser.ParseFrom(message.Body.Span);
            await call.RespondAsync(_ok, body.ToByteArray());
        }

        private async ValueTask GenerateAsync(IncomingCall call)
        {
            TokenRequest request;
            using (var message = await call.ReadAsync() ?? default)
                request = TokenRequest.Parser.ParseFrom(message.Body.Span);
            await call.RespondAsync(_ok);
            await foreach (var text in tokens.ReadAsync(request.Tokens, call.Aborted))
                await call.WriteAsync(new Token { Text = text }.ToByteArray());
            await call.CompleteAsync();
        }
    }
}
