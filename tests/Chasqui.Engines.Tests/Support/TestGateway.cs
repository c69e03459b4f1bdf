using System.Net;
using Chasqui.Engines.Tests.Models;
using Chasqui.Server;
using Microsoft.AspNetCore.Builder;

namespace Chasqui.Engines.Tests;

/// <summary>A real gateway on a free loopback port.</summary>
internal sealed class TestGateway : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TemporaryFolder _data;

    private TestGateway(WebApplication app, TemporaryFolder data)
    {
        (_app, _data) = (app, data);
        Address = GatewayHost.Addresses(app)[0];
    }

    public Uri Address { get; }

    /// <summary>Where it listens for MCP.</summary>
    public string WireAddress => GatewayHost.WireAddresses(_app)[0];

    public static async Task<TestGateway> StartAsync(IEngine engine)
    {
        var data = new TemporaryFolder();
        var options = new GatewayOptions
        {
            Data = new DataOptions { Folder = data.Path },
            Http = new HttpOptions { Endpoints = [new HttpEndpoint(IPAddress.Loopback, 0)] },
            Models = new ModelOptions { OllamaStore = "" },
        };
        var app = GatewayHost.Build(options, engine);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new TestGateway(app, data);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        _data.Dispose();
    }
}
