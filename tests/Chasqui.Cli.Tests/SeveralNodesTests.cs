using System.Text.Json;
using Chasqui.Gateway;

namespace Chasqui.Cli.Tests;

/// <summary>A real gateway with aliases, its own engine, and another gateway as a node, which has a model of its own.</summary>
public sealed class SeveralNodesTests : IAsyncLifetime
{
    private static readonly Dictionary<string, string> _aliases = new() { ["gpt-4o"] = "other:7b", ["small"] = "mini" };

    private TwoGateways _gateways = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _gateways = await TwoGateways.StartAsync(
        options => options with { Catalogue = new CatalogueOptions { Aliases = _aliases } }, ScriptedEngine.Summary("gpt-4o:latest"));

    public ValueTask DisposeAsync() => _gateways.DisposeAsync();

    [Theory]
    [InlineData("http")]
    [InlineData("ws")]
    public async Task Lists_have_aliases_with_the_nodes_of_their_models(string scheme)
    {
        await _gateways.Engine.LoadAsync(new LoadRequest { Model = "mini" }, Cancellation);
        await _gateways.Engine.LoadAsync(new LoadRequest { Model = "gpt-4o:latest" }, Cancellation);
        await _gateways.Inner.Engine.LoadAsync(new LoadRequest { Model = "other:7b" }, Cancellation);

        var list = Rows(await RunAsync(scheme, "models", "list"));
        var resident = Rows(await RunAsync(scheme, "models", "ps"));
        var shown = JsonElement.Parse((await RunAsync(scheme, "models", "show", "small", "--json")).Out);

        // The local engine's own gpt-4o is hidden by the alias.
        Assert.Equal(["gpt-4o|inner", "mini:latest|inner, local", "other:7b|inner", "small|inner, local"], list);
        Assert.Equal(["gpt-4o|inner", "mini:latest|local", "other:7b|inner", "small|local"], resident);
        Assert.Equal("small", shown.GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("http", "ask")]
    [InlineData("ws", "ask")]
    [InlineData("http", "chat")]
    public async Task Ask_and_chat_choose_a_model_of_a_node_before_the_shipped_one(string scheme, string verb)
    {
        var outcome = await RunAsync(scheme, verb == "ask" ? ["ask", "Hi"] : ["chat"]);

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal("other:7b", Assert.Single(_gateways.Inner.Engine.Asked).Model);
        Assert.Empty(_gateways.Engine.Asked);
    }

    private static IEnumerable<string> Rows(CliOutcome outcome) => outcome.Out.ReplaceLineEndings("\n")
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split('\t')).Select(cells => $"{cells[0]}|{cells[^1]}").Order(StringComparer.Ordinal);

    private Task<CliOutcome> RunAsync(string scheme, params string[] args) => _gateways.RunAsync(scheme, "Hi\n", args);
}
