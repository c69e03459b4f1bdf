using System.Net;
using Chasqui.Server;
using Microsoft.AspNetCore.Builder;

namespace Chasqui.Engines.Tests;

/// <summary>A real gateway on a free loopback port.</summary>
internal sealed class TestGateway : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestGateway(WebApplication app)
    {
        _app = app;
        Address = GatewayHost.Addresses(app)[0];
    }

    public Uri Address { get; }

    /// <summary>Where it listens for MCP.</summary>
    public string WireAddress => GatewayHost.WireAddresses(_app)[0];

    public static async Task<TestGateway> StartAsync(IEngine engine)
    {
        var options = new GatewayOptions
        {
            Http = new HttpOptions { Endpoints = [new HttpEndpoint(IPAddress.Loopback, 0)] },
            Models = new ModelOptions { OllamaStore = "" },
        };
        var app = GatewayHost.Build(options, engine);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new TestGateway(app);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }
}
