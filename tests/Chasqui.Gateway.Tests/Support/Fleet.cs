using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests;

/// <summary>Nodes that a test plays, behind all that sends requests to them. The clock is moved by hand.</summary>
internal sealed class Fleet : IAsyncDisposable
{
    private readonly LiveGatewaySettings _settings;

    private Fleet(GatewaySettings settings, FakeNode[] nodes)
    {
        Doubles = nodes.ToDictionary(node => node.Name);
        Settings = settings with { Nodes = [.. nodes.Select(node => node.Options)] };
        _settings = new LiveGatewaySettings(Settings);
        Nodes = new NodeSet(Settings, options => Doubles[options.Name], Time, NullLogger<NodeSet>.Instance);
        Rules = new ModelRules(_settings);
        Dispatcher = new Dispatcher(Nodes, Time);
        Engine = new NodesEngine(Dispatcher, Rules);
    }

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public FakeTimeProvider Time { get; } = new();

    public Dictionary<string, FakeNode> Doubles { get; }

    public GatewaySettings Settings { get; }

    public NodeSet Nodes { get; }

    public Dispatcher Dispatcher { get; }

    public ModelRules Rules { get; }

    public NodesEngine Engine { get; }

    public Node this[string name] => Nodes.All.Single(node => node.Name == name);

    public static Task<Fleet> OfAsync(params FakeNode[] nodes) => OfAsync(new GatewaySettings(), nodes);

    public static Task<Fleet> OfAsync(RoutingOptions routing, params FakeNode[] nodes) => OfAsync(new GatewaySettings { Routing = routing }, nodes);

    public static async Task<Fleet> OfAsync(GatewaySettings settings, params FakeNode[] nodes)
    {
        var fleet = new Fleet(settings, nodes);
        await fleet.Nodes.RefreshAsync(Token);
        return fleet;
    }

    public static GenerateRequest Prompt(string model = "m") => new() { Model = model, Prompt = "Hello!" };

    public static EmbedRequest Text(string model = "m") => new() { Model = model, Inputs = ["Hello!"] };

    public static RouteRequest To(string model = "m:latest", string? node = null) => new() { Model = model, Node = node, PromptTokens = 100 };

    public async Task<string> GenerateAsync(string model = "m", CancellationToken? cancellationToken = null)
    {
        var text = "";
        await foreach (var update in Engine.GenerateAsync(Prompt(model), cancellationToken ?? Token))
            text += update.Text;
        return text;
    }

    /// <summary>Waits until a node has no request any more.</summary>
    public async Task UntilIdleAsync(string node)
    {
        while (this[node].InFlight > 0)
        {
            Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>Nobody is busy, and nothing is left of what was asked.</summary>
    public void AssertIdle() => Assert.All(Nodes.All, node =>
    {
        Assert.Equal(0, node.InFlight);
        Assert.Equal(0, node.Load.PendingTokens);
    });

    public async ValueTask DisposeAsync()
    {
        Rules.Dispose();
        await Nodes.DisposeAsync();
    }
}
