using System.Net;
using Chasqui.Server;
using Microsoft.AspNetCore.Builder;

namespace Chasqui.Cli.Tests;

/// <summary>A real gateway over a scripted engine, on a free port.</summary>
internal sealed class HttpGateway(WebApplication app, ScriptedEngine engine, DirectoryInfo data) : IAsyncDisposable
{
    /// <summary>Its data folder, which no other gateway has.</summary>
    public string Data => data.FullName;

    public ScriptedEngine Engine { get; } = engine;

    public Uri Address { get; } = GatewayHost.Addresses(app)[0];

    /// <param name="models">What the engine has beside its own; the gateway asks it as soon as it starts.</param>
    public static async Task<HttpGateway> StartAsync(params ModelSummary[] models)
    {
        var engine = new ScriptedEngine();
        engine.Models.AddRange(models);
        return await StartAsync(engine);
    }

    /// <param name="engine">Makes the answers.</param>
    /// <param name="prepare">Puts into the data folder what is there before the start.</param>
    public static async Task<HttpGateway> StartAsync(ScriptedEngine engine, Func<string, Task>? prepare = null)
    {
        var data = Directory.CreateTempSubdirectory("chasqui-data-");
        if (prepare is not null)
            await prepare(data.FullName);
        var options = new GatewayOptions
        {
            Http = new HttpOptions { Endpoints = [new HttpEndpoint(IPAddress.Loopback, 0)] },
            Data = new DataOptions { Folder = data.FullName },
        };
        var app = GatewayHost.Build(options, engine);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new HttpGateway(app, engine, data);
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync(CancellationToken.None);
        await app.DisposeAsync();
        data.Delete(recursive: true);
    }
}
