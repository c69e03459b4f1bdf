using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>gRPC for .NET with its defaults, over HTTP/2 without TLS.</summary>
internal sealed class GrpcServer : IKestrelApp
{
    public void Listen(KestrelServerOptions kestrel, Action<ListenOptions> count) => kestrel.Listen(IPAddress.Loopback, 0, listen =>
    {
        listen.Protocols = HttpProtocols.Http2;
        count(listen);
    });

    public void AddServices(IServiceCollection services) => services.AddGrpc();

    public void Map(WebApplication app) => app.MapGrpcService<Service>();

    internal sealed class Service(TokenSource tokens) : Peer.PeerBase
    {
        public override Task<EchoBody> Echo(EchoBody request, ServerCallContext context) =>
            Task.FromResult(new EchoBody { Data = request.Data });

        public override async Task Generate(TokenRequest request, IServerStreamWriter<Token> responseStream, ServerCallContext context)
        {
            await foreach (var text in tokens.ReadAsync(request.Tokens, context.CancellationToken))
                await responseStream.WriteAsync(new Token { Text = text });
        }
    }
}
