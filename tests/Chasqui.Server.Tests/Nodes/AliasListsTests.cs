using System.Text.Json;
using Chasqui.Client;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>A gateway with aliases over the real engine: each list of models has them, on each API, and none has a model that the
/// configuration hides.</summary>
public sealed class AliasListsTests : IAsyncLifetime
{
    private const string Alias = "gpt-4o";
    private RunningGateway _gateway = null!;
    private ChasquiClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await RunningGateway.StartAsync(options => options with
        {
            Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] },
            Catalogue = options.Catalogue with { Aliases = new Dictionary<string, string> { [Alias] = "mini", ["other"] = "missing" } },
        });
        _client = new ChasquiClient(GatewayHost.WireAddresses(_gateway.App)[0]);
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _gateway.DisposeAsync();
    }

    [Theory]
    [InlineData("/api/tags", "models", "name", null)]
    [InlineData("/api/ps", "models", "name", null)]
    [InlineData("/v1/models", "data", "id", null)]
    [InlineData("/v1/models", "data", "id", "2023-06-01")]
    public async Task Each_list_over_HTTP_has_the_alias_beside_its_model(string path, string list, string name, string? anthropic)
    {
        await _client.LoadModelAsync(new Messages.LoadRequest { Model = "mini" }, cancellationToken: Cancellation);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (anthropic is not null)
            request.Headers.Add("anthropic-version", anthropic);
        using var response = await _gateway.Http.SendAsync(request, Cancellation);
        var models = JsonElement.Parse(await response.Content.ReadAsStringAsync(Cancellation)).GetProperty(list);

        Assert.Equal([Alias, "mini:latest"], models.EnumerateArray().Select(model => model.GetProperty(name).GetString()).Order());
    }

    [Fact]
    public async Task Each_operation_of_MCP_has_it_too()
    {
        var loaded = await _client.LoadModelAsync(new Messages.LoadRequest { Model = "GPT-4o" }, cancellationToken: Cancellation);
        var listed = await _client.ListModelsAsync(cancellationToken: Cancellation);
        var resident = await _client.ListResidentModelsAsync(cancellationToken: Cancellation);
        var shown = await _client.ShowModelAsync(Alias, cancellationToken: Cancellation);

        Assert.Equal(Alias, loaded.Summary.Name);
        Assert.Equal(Alias, shown.Summary.Name);
        Assert.Equal([Alias, "mini:latest"], listed.Models.Select(model => model.Name).Order());
        Assert.Equal([Alias, "mini:latest"], resident.Models.Select(model => model.Summary.Name).Order());
    }

    [Fact]
    public async Task The_channel_tells_of_each_name_of_a_model()
    {
        using var channel = _gateway.App.Services.GetRequiredService<ChannelHub>().Subscribe(ChannelHub.Models);

        await _client.LoadModelAsync(new Messages.LoadRequest { Model = Alias }, cancellationToken: Cancellation);
        await _client.UnloadModelAsync("mini", cancellationToken: Cancellation);

        var told = new List<string>();
        await foreach (var next in channel.ReadAllAsync(Cancellation))
        {
            told.Add(next.Payload.ToStringUtf8());
            if (told.Count == 4)
                break;
        }
        Assert.Equal(
            [
                $$"""{"event":"loaded","model":"{{Alias}}"}""", """{"event":"loaded","model":"mini:latest"}""",
                $$"""{"event":"unloaded","model":"{{Alias}}"}""", """{"event":"unloaded","model":"mini:latest"}""",
            ], told);
    }

    [Fact]
    public async Task The_nodes_tell_the_aliases_of_their_models()
    {
        using var response = await _gateway.GetAsync("/api/nodes");
        var node = JsonElement.Parse(await response.Content.ReadAsStringAsync(Cancellation)).GetProperty("nodes")[0];

        Assert.Equal("mini:latest", Assert.Single(node.GetProperty("models").EnumerateArray()).GetString());
        Assert.Equal($$"""{"name":"{{Alias}}","model":"mini:latest"}""", Assert.Single(node.GetProperty("aliases").EnumerateArray())
            .GetRawText());
    }
}
