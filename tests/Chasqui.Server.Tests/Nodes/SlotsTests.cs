using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.OllamaDouble;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Double = Chasqui.OllamaDouble.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Requests that a node is given at once where it does not tell how many it runs.</summary>
public sealed class SlotsTests
{
    private const string OneSlot = "Node n0 is given one request at a time, since Ollama does not tell how many it runs at once; set Slots of the node to its OLLAMA_NUM_PARALLEL";

    private readonly LineList<NodeSet> _log = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(NodeKind.Ollama, null, 1)]
    [InlineData(NodeKind.Auto, null, 1)]
    [InlineData(NodeKind.Ollama, 1, 1)]
    [InlineData(NodeKind.Ollama, 4, 4)]
    [InlineData(NodeKind.OpenAi, null, 64)]
    public async Task An_Ollama_without_slots_is_told_of_once(NodeKind kind, int? slots, int given)
    {
        await using var node = await Double.StartAsync(cancellation: Cancellation);
        await using var gateway = await StartAsync(new NodeOptions { Name = "n0", Url = node.Address.ToString(), Kind = kind, Slots = slots });
        var nodes = gateway.App.Services.GetRequiredService<NodeSet>();
        await nodes.RefreshAsync(Cancellation);
        await nodes.RefreshAsync(Cancellation);

        Assert.Equal(slots is null && kind != NodeKind.OpenAi ? 1 : 0, _log.Lines.Count(line => line == OneSlot));
        Assert.Equal(given, nodes.All[0].SlotsOf("mini:latest"));
        // Nor when it comes back, or when the configuration is changed beside it.
        await node.StopListeningAsync();
        await nodes.RefreshAsync(Cancellation);
        await node.ListenAsync(Cancellation);
        await nodes.RefreshAsync(Cancellation);
        nodes.Apply(nodes.Settings with { Queue = new QueueOptions { MaxWaiting = 5 } });
        await nodes.RefreshAsync(Cancellation);
        Assert.InRange(_log.Lines.Count(line => line == OneSlot), 0, 1);
    }

    [Fact]
    public async Task Another_gateway_tells()
    {
        await using var back = await RunningGateway.StartAsync(new ScriptedEngine { Models = [] });
        await using var gateway = await StartAsync(new NodeOptions { Name = "n0", Url = back.Address.ToString(), Kind = NodeKind.Ollama });
        await gateway.App.Services.GetRequiredService<NodeSet>().RefreshAsync(Cancellation);
        Assert.DoesNotContain(OneSlot, _log.Lines);
        Assert.NotEmpty(_log.Lines);
    }

    [Fact]
    public async Task A_server_of_OpenAIs_API_that_was_found_out_to_be_one_is_given_as_many_as_one_that_was_said_to_be()
    {
        await using var node = await Double.StartAsync(new DoubleScript { Faults = [new Fault { Kind = FaultKind.Status, Status = 404, Paths = ["/api/*", "/"] }] }, cancellation: Cancellation);
        await using var gateway = await StartAsync(new NodeOptions { Name = "n0", Url = node.Address.ToString() });
        var nodes = gateway.App.Services.GetRequiredService<NodeSet>();
        await nodes.RefreshAsync(Cancellation);

        Assert.Equal(64, nodes.All[0].SlotsOf("mini:latest"));
        Assert.DoesNotContain(OneSlot, _log.Lines);
    }

    private Task<RunningGateway> StartAsync(NodeOptions node) => RunningGateway.StartAsync(
        new ScriptedEngine(), options => options with { EngineEnabled = false, Nodes = [node], Routing = new RoutingOptions { CanaryAfter = TimeSpan.Zero } },
        builder => builder.Services.AddSingleton<ILogger<NodeSet>>(_log));
}
