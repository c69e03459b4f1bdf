using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>What differs between the servers that run on Kestrel.</summary>
internal interface IKestrelApp
{
    void Listen(KestrelServerOptions kestrel, Action<ListenOptions> count);

    void AddServices(IServiceCollection services);

    void Map(WebApplication app);
}

/// <summary>Kestrel with its defaults; only its log is off, for every peer.</summary>
internal sealed class KestrelPeer(IKestrelApp app) : IServerPeer
{
    private WebApplication? _host;

    public SocketTable Sockets { get; } = new();

    public async Task<int> StartAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => app.Listen(kestrel, listen =>
        {
            listen.Use(next => async connection =>
            {
                var socket = connection.Features.Get<IConnectionSocketFeature>()?.Socket;
                if (socket is not null)
                    Sockets.Add(socket);
                try
                {
                    await next(connection);
                }
                finally
                {
                    if (socket is not null)
                        Sockets.Remove(socket);
                }
            });
        }));
        builder.Services.AddSingleton<TokenSource>();
        builder.Services.AddSingleton(Sockets);
        app.AddServices(builder.Services);
        _host = builder.Build();
        app.Map(_host);
        await _host.StartAsync();
        var addresses = _host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        return new Uri(addresses.First()).Port;
    }

    public ValueTask DisposeAsync() => _host?.DisposeAsync() ?? default;
}
