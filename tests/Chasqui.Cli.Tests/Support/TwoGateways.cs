using System.Net;
using Chasqui.Gateway;
using Chasqui.Server;
using Microsoft.AspNetCore.Builder;

namespace Chasqui.Cli.Tests;

/// <summary>A real gateway over a scripted engine, and before it another one with an engine of its own, to which it is the node <c>inner</c> with the model <c>other:7b</c>.</summary>
internal sealed class TwoGateways : IAsyncDisposable
{
    private readonly WebApplication _outer;

    private TwoGateways(HttpGateway inner, WebApplication outer, ScriptedEngine engine) => (Inner, _outer, Engine) = (inner, outer, engine);

    /// <summary>The gateway that is the node.</summary>
    public HttpGateway Inner { get; }

    /// <summary>The engine of the gateway before it.</summary>
    public ScriptedEngine Engine { get; }

    /// <param name="change">A last word on the options of the gateway before the node.</param>
    /// <param name="models">What its engine has beside its own model.</param>
    public static async Task<TwoGateways> StartAsync(Func<GatewayOptions, GatewayOptions>? change = null, params ModelSummary[] models)
    {
        var inner = await HttpGateway.StartAsync(ScriptedEngine.Summary("other:7b"));
        var engine = new ScriptedEngine();
        engine.Models.AddRange(models);
        var options = new GatewayOptions
        {
            Http = new HttpOptions { Endpoints = [new HttpEndpoint(IPAddress.Loopback, 0)] },
            Data = new DataOptions { Folder = inner.Data },
            Nodes = [new NodeOptions { Name = "inner", Url = inner.Address.GetLeftPart(UriPartial.Authority), Slots = 4 }],
        };
        var outer = GatewayHost.Build(change?.Invoke(options) ?? options, engine);
        await outer.StartAsync(TestContext.Current.CancellationToken);
        return new TwoGateways(inner, outer, engine);
    }

    /// <summary>Runs the command line against the gateway before the node.</summary>
    /// <param name="scheme"><c>http</c>, or <c>ws</c> for MCP/1.</param>
    /// <param name="input">What is typed.</param>
    /// <param name="args">The arguments.</param>
    public Task<CliOutcome> RunAsync(string scheme, string input, params string[] args)
    {
        var address = GatewayHost.Addresses(_outer)[0];
        return new CliRun { Server = scheme == "http" ? address : new Uri($"{scheme}://{address.Authority}/ws"), Input = input }.RunAsync(args);
    }

    public async ValueTask DisposeAsync()
    {
        await _outer.StopAsync(CancellationToken.None);
        await _outer.DisposeAsync();
        await Inner.DisposeAsync();
    }
}
