using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.OllamaDouble;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Double = Chasqui.OllamaDouble.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>A gateway before doubles of Ollama, named <c>n0</c>, <c>n1</c> and so on.</summary>
internal sealed class Fleet : IAsyncDisposable
{
    private Fleet(IReadOnlyList<Double> doubles, RunningGateway gateway)
    {
        Doubles = doubles;
        Gateway = gateway;
        Nodes = gateway.App.Services.GetRequiredService<NodeSet>();
    }

    public IReadOnlyList<Double> Doubles { get; }

    public Double Double => Doubles[0];

    public RunningGateway Gateway { get; }

    public NodeSet Nodes { get; }

    public Node Node => Nodes.All[0];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static Task<Fleet> StartAsync(DoubleScript script, RoutingOptions? routing = null, NodeTimeouts? timeouts = null,
        NodeKind kind = NodeKind.Ollama, Func<GatewayOptions, GatewayOptions>? change = null, TimeProvider? time = null, ILoggerProvider? log = null) =>
        StartAsync([script], routing, timeouts, kind, change, time, log);

    /// <summary>Starts all, and lets the gateway find the nodes.</summary>
    /// <param name="scripts">One for each node.</param>
    /// <param name="routing">Default: no canary.</param>
    /// <param name="timeouts">Of each node.</param>
    /// <param name="kind">OpenAi lets the gateway translate what is not OpenAI's.</param>
    /// <param name="change">A last word on the options.</param>
    /// <param name="time">The gateway's clock; the doubles keep the real one.</param>
    /// <param name="log">Is told what the gateway logs.</param>
    public static async Task<Fleet> StartAsync(IReadOnlyList<DoubleScript> scripts, RoutingOptions? routing = null, NodeTimeouts? timeouts = null,
        NodeKind kind = NodeKind.Ollama, Func<GatewayOptions, GatewayOptions>? change = null, TimeProvider? time = null, ILoggerProvider? log = null)
    {
        var doubles = new List<Double>();
        foreach (var script in scripts)
            doubles.Add(await Double.StartAsync(script, cancellation: Cancellation));
        return await StartAsync(doubles, routing, timeouts, kind, change, time, log);
    }

    /// <summary>The same before doubles that run already; they are stopped with the gateway.</summary>
    public static async Task<Fleet> StartAsync(IReadOnlyList<Double> doubles, RoutingOptions? routing = null, NodeTimeouts? timeouts = null,
        NodeKind kind = NodeKind.Ollama, Func<GatewayOptions, GatewayOptions>? change = null, TimeProvider? time = null, ILoggerProvider? log = null)
    {
        var nodes = doubles.Select((node, i) => new NodeOptions
        {
            Name = $"n{i}",
            Url = node.Address.ToString(),
            Kind = kind,
            // Ollama does not tell; a test that changes it tells the gateway.
            Slots = node.Script.NumParallel > 1 ? node.Script.NumParallel : null,
            Timeouts = timeouts ?? new NodeTimeouts(),
        }).ToList();
        var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine(),
            options =>
            {
                options = options with { EngineEnabled = false, Nodes = nodes, Routing = routing ?? new RoutingOptions { CanaryAfter = TimeSpan.Zero } };
                return change?.Invoke(options) ?? options;
            },
            builder =>
            {
                if (time is not null)
                    builder.Services.AddSingleton(time);
                if (log is not null)
                    builder.Logging.AddProvider(log);
            });
        var fleet = new Fleet(doubles, gateway);
        await fleet.Nodes.RefreshAsync(Cancellation);
        return fleet;
    }

    /// <summary>Loads <c>mini</c> on every node, and lets the gateway know it.</summary>
    public async Task WarmAsync(string body = """{"model":"mini","prompt":"Warm up","stream":false}""")
    {
        for (var i = 0; i < Doubles.Count; i++)
        {
            // One that was away is let in as soon as it has been seen to be there.
            await Nodes.RefreshAsync(Cancellation);
            using var request = Post("/api/generate", body);
            request.Headers.Add("X-Chasqui-Node", $"n{i}");
            using var response = await Gateway.Http.SendAsync(request, Cancellation);
            Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Cancellation));
        }
        await Nodes.RefreshAsync(Cancellation);
    }

    public static HttpRequestMessage Post(string path, string body) =>
        new(HttpMethod.Post, path) { Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json") };

    /// <summary>Sends, and returns as soon as there are headers.</summary>
    public async Task<HttpResponseMessage> BeginAsync(string path, string body, CancellationToken cancellation)
    {
        using var request = Post(path, body);
        return await Gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    public Task<DoubleState> UntilAsync(Func<DoubleState, bool> met) => Double.WaitForAsync(met, Cancellation);

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        foreach (var node in Doubles)
            await node.DisposeAsync();
    }
}
