using System.Text.Json;
using Chasqui.Gateway;

namespace Chasqui.Cli.Tests;

/// <summary>The nodes of a real gateway that has another one behind it, over HTTP and over MCP.</summary>
public sealed class NodesTests : IAsyncLifetime
{
    private TwoGateways _gateways = null!;

    public async ValueTask InitializeAsync() => _gateways = await TwoGateways.StartAsync();

    public ValueTask DisposeAsync() => _gateways.DisposeAsync();

    [Theory]
    [InlineData("http")]
    [InlineData("ws")]
    public async Task A_node_is_a_line(string scheme)
    {
        var outcome = await RunAsync(scheme, "nodes");

        Assert.Equal(0, outcome.ExitCode);
        var lines = outcome.Out.ReplaceLineEndings("\n").Split('\n');
        Assert.Matches($@"^inner\tup\tChasqui [^\t]*\t0/4\t2\t0\t{_gateways.Inner.Address.GetLeftPart(UriPartial.Authority)}$", lines[0]);
        Assert.Equal("local\tup\tscripted\t0/16\t1\t0\t", lines[1]);
    }

    [Theory]
    [InlineData("http")]
    [InlineData("ws")]
    public async Task Json_is_what_the_gateway_tells(string scheme)
    {
        var nodes = JsonElement.Parse((await RunAsync(scheme, "nodes", "--json")).Out);

        Assert.Equal(2, nodes.GetArrayLength());
        Assert.Equal("ollama", nodes[0].GetProperty("kind").GetString());
        Assert.Equal(["mini:latest", "other:7b"], nodes[0].GetProperty("models").EnumerateArray().Select(name => name.GetString()));
    }

    [Fact]
    public async Task Where_there_are_several_nodes_lists_tell_them()
    {
        await _gateways.Engine.LoadAsync(new LoadRequest { Model = "mini" }, TestContext.Current.CancellationToken);
        await _gateways.Inner.Engine.LoadAsync(new LoadRequest { Model = "other:7b" }, TestContext.Current.CancellationToken);

        var list = (await RunAsync("http", "models", "list")).Out.ReplaceLineEndings("\n").Split('\n');
        var resident = (await RunAsync("http", "models", "ps")).Out.ReplaceLineEndings("\n").Split('\n');

        Assert.Contains(list, line => line.StartsWith("mini:latest\t", StringComparison.Ordinal) && line.EndsWith("\tinner, local", StringComparison.Ordinal));
        Assert.Contains(list, line => line.StartsWith("other:7b\t", StringComparison.Ordinal) && line.EndsWith("\tinner", StringComparison.Ordinal));
        Assert.Contains(resident, line => line.StartsWith("other:7b\t", StringComparison.Ordinal) && line.EndsWith("\tinner", StringComparison.Ordinal));
        Assert.Contains(resident, line => line.StartsWith("mini:latest\t", StringComparison.Ordinal) && line.EndsWith("\tlocal", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("http")]
    [InlineData("ws")]
    public async Task A_node_that_is_down_says_why_once_and_an_Ollama_without_configuration_is_no_node(string scheme)
    {
        await using var gateways = await TwoGateways.StartAsync(options => options with
        {
            Nodes = [new NodeOptions { Name = "gpu1", Url = "http://127.0.0.1:1" },
                new NodeOptions { Name = "ollama", Url = "http://127.0.0.1:2", Kind = NodeKind.Ollama, IsImplied = true }],
        });

        var outcome = await gateways.RunAsync(scheme, "", "nodes");
        var json = JsonElement.Parse((await gateways.RunAsync(scheme, "", "nodes", "--json")).Out);

        Assert.Equal(["gpu1\tdown\tunknown\t0\t0\t0\thttp://127.0.0.1:1", "local\tup\tscripted\t0/16\t1\t0\t", ""],
            outcome.Out.ReplaceLineEndings("\n").Split('\n'));
        Assert.Equal(
            [
                "gpu1: cannot be reached at 127.0.0.1:1: Connection refused",
                    "No Ollama answers at http://127.0.0.1:2; one that is started there is used by itself.",
                "All nodes beside the embedded engine are down.", "",
            ], outcome.Error.ReplaceLineEndings("\n").Split('\n'));
        Assert.Equal(3, json.GetArrayLength());
    }

    [Fact]
    public async Task Without_a_gateway_there_are_no_nodes()
    {
        var outcome = await new CliRun().RunAsync("nodes");

        Assert.Equal(3, outcome.ExitCode);
        Assert.Contains("no gateway answers", outcome.Error);
    }

    private Task<CliOutcome> RunAsync(string scheme, params string[] args) => _gateways.RunAsync(scheme, "", args);
}
