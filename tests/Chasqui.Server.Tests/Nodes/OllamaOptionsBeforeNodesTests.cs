using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Ollama's API before a node that is asked in OpenAI's language: what says only how a model is run is passed over and named.</summary>
public sealed class OllamaOptionsBeforeNodesTests
{
    private const string Options = """
        "options":{"num_ctx":8192,"num_batch":9,"num_thread":2,"num_keep":3,"num_gpu":1,"main_gpu":0,"use_mmap":true,"low_vram":true,"numa":false,"mirostat":0},"keep_alive":"5m"
        """;
    private const string Loading = "num_gpu, main_gpu, use_mmap, low_vram, numa, mirostat, num_ctx, num_batch, num_thread, keep_alive";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat", "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]", true, Loading + ", num_keep")]
    [InlineData("/api/chat", "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]", false, Loading + ", num_keep")]
    [InlineData("/api/generate", "\"prompt\":\"hi\"", false, Loading + ", num_keep")]
    [InlineData("/api/embed", "\"input\":\"hi\"", false, Loading)]
    public async Task Options_of_loading_are_passed_over_and_named_and_load_duration_is_told(string path, string asked, bool stream, string named)
    {
        await using var fleet = await StartAsync();
        var model = path == "/api/embed" ? "mini-embed" : "mini";

        using var answer = await fleet.Gateway.PostAsync(path, $$"""{"model":"{{model}}","stream":{{(stream ? "true" : "false")}},{{asked}},{{Options}}}""");

        var text = await answer.Content.ReadAsStringAsync(Token);
        Assert.True(answer.IsSuccessStatusCode, text);
        Assert.Equal(named, Assert.Single(answer.Headers.GetValues("X-Chasqui-Passed-Over")));
        var last = JsonElement.Parse(text.TrimEnd('\n').Split('\n')[^1]);
        Assert.Equal(JsonValueKind.Number, last.GetProperty("load_duration").ValueKind);
        Assert.True(last.GetProperty("total_duration").GetInt64() > 0);
    }

    [Fact]
    public async Task A_request_without_such_options_names_nothing()
    {
        await using var fleet = await StartAsync();

        using var answer = await fleet.Gateway.PostAsync("/api/chat", """{"model":"mini","stream":false,"messages":[{"role":"user","content":"hi"}],"options":{"temperature":0}}""");

        Assert.True(answer.IsSuccessStatusCode);
        Assert.False(answer.Headers.Contains("X-Chasqui-Passed-Over"));
    }

    [Theory]
    [InlineData("mirostat", "2")]
    [InlineData("tfs_z", "0.5")]
    [InlineData("penalize_newline", "false")]
    public async Task What_would_change_the_text_is_refused_by_name(string option, string value)
    {
        await using var fleet = await StartAsync();

        using var answer = await fleet.Gateway.PostAsync(
            "/api/chat", "{\"model\":\"mini\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"options\":{\"" + option + "\":" + value + "}}");

        Assert.Equal(400, (int)answer.StatusCode);
        // It is one or the other.
        Assert.False(answer.Headers.Contains("X-Chasqui-Passed-Over"));
        Assert.Contains($"\"{option}\"", JsonElement.Parse(await answer.Content.ReadAsStringAsync(Token)).GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/generate", "", "load")]
    [InlineData("/api/chat", "", "load")]
    [InlineData("/api/chat", ",\"messages\":[]", "load")]
    [InlineData("/api/generate", ",\"keep_alive\":0", "unload")]
    [InlineData("/api/chat", ",\"keep_alive\":0", "unload")]
    public async Task A_request_that_says_nothing_loads_or_unloads(string path, string more, string reason)
    {
        await using var fleet = await StartAsync();

        using var answer = await fleet.Gateway.PostAsync(path, $$"""{"model":"mini"{{more}}}""");

        var json = JsonElement.Parse(await answer.Content.ReadAsStringAsync(Token));
        Assert.True(answer.IsSuccessStatusCode, json.ToString());
        Assert.Equal((true, reason), (json.GetProperty("done").GetBoolean(), json.GetProperty("done_reason").GetString()));
        Assert.Equal(reason == "unload" ? "keep_alive" : "", answer.Headers.TryGetValues("X-Chasqui-Passed-Over", out var names) ? names.Single() : "");
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task Aliases_stand_in_every_list_and_hide_what_they_are_called_after(NodeKind kind)
    {
        await using var fleet = await StartAsync(kind, options => options with
        {
            Catalogue = options.Catalogue with { Aliases = new Dictionary<string, string> { ["gpt-4o"] = "mini", ["mini-embed"] = "mini", ["lost"] = "not-there" } },
        });
        await using var client = new Client.ChasquiClient(Assert.Single(GatewayHost.WireAddresses(fleet.Gateway.App)));

        using var tags = await fleet.Gateway.GetAsync("/api/tags");
        using var models = await fleet.Gateway.GetAsync("/v1/models");
        var listed = await client.ListModelsAsync(cancellationToken: Token);

        string[] expected = ["gpt-4o", "mini-embed", "mini:latest"];
        Assert.Equal(expected, Names(await tags.Content.ReadAsStringAsync(Token), "models", "name"));
        Assert.Equal(expected, Names(await models.Content.ReadAsStringAsync(Token), "data", "id"));
        Assert.Equal(expected, listed.Models.Select(model => model.Name).Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> Names(string json, string list, string name) =>
        JsonElement.Parse(json).GetProperty(list).EnumerateArray().Select(model => model.GetProperty(name).GetString()!).Order(StringComparer.Ordinal);

    private static Task<Fleet> StartAsync(NodeKind kind = NodeKind.OpenAi, Func<GatewayOptions, GatewayOptions>? change = null) => Fleet.StartAsync(
        new DoubleScript { Models = [new DoubleModel { Name = "mini" }, new DoubleModel { Name = "mini-embed", Capabilities = ["embedding"] }] }, kind: kind, change: change);
}
