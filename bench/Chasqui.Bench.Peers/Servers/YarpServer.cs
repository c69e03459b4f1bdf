using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Configuration;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>YARP with its defaults before one node.</summary>
internal sealed class YarpServer(int backend) : IKestrelApp
{
    public void Listen(KestrelServerOptions kestrel, Action<ListenOptions> count) => kestrel.Listen(IPAddress.Loopback, 0, listen =>
    {
        listen.Protocols = HttpProtocols.Http1;
        count(listen);
    });

    public void AddServices(IServiceCollection services) => services.AddReverseProxy().LoadFromMemory(
        [new RouteConfig { RouteId = "all", ClusterId = "nodes", Match = new RouteMatch { Path = "{**all}" } }],
        [
            new ClusterConfig
            {
                ClusterId = "nodes",
                Destinations = new Dictionary<string, DestinationConfig> { ["node"] = new() { Address = $"http://127.0.0.1:{backend}/" } },
            },
        ]);

    public void Map(WebApplication app) => app.MapReverseProxy();
}
