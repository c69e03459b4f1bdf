using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests;

/// <summary>What clients of Anthropic send by default and has no meaning here: passed over and named, before every kind of engine.</summary>
public sealed class PassedOverFieldsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("\"num_ctx\":5", "num_ctx")]
    [InlineData("\"container\":\"c\"", "container")]
    [InlineData("\"context_management\":{\"edits\":[{\"type\":\"clear_tool_uses_20250919\"}]}", "context_management")]
    [InlineData("\"metadata\":{\"user_id\":\"u\"},\"service_tier\":\"auto\"", "metadata, service_tier")]
    [InlineData("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}", "thinking.budget_tokens")]
    [InlineData("\"output_config\":{\"task_budget\":{\"type\":\"tokens\"}}", "output_config.task_budget")]
    [InlineData("\"mcp_servers\":[],\"container\":null", null)]
    [InlineData("\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"},{\"name\":\"w\",\"input_schema\":{\"type\":\"object\"},\"strict\":true}]", "tools.web_search_20250305")]
    [InlineData("\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\",\"max_uses\":1},{\"name\":\"w\",\"input_schema\":{\"type\":\"object\"},\"defer_loading\":true,\"cache_control\":{\"type\":\"ephemeral\"}}]", "tools.web_search_20250305, tools.defer_loading")]
    [InlineData("\"cafés\":1", "caf?s")]
    public async Task Fields_without_meaning_are_named(string field, string? named)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());

        foreach (var stream in (string[])["true", "false"])
        {
            using var response = await gateway.PostAsync("/v1/messages", $$"""{"model":"m","max_tokens":9,"stream":{{stream}},{{field}},"messages":[{"role":"user","content":"x"}]}""");

            Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Token));
            Assert.Equal(named, response.Headers.TryGetValues("X-Chasqui-Passed-Over", out var header) ? Assert.Single(header) : null);
        }
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_hosted_tool_is_left_out_and_the_other_reaches_the_node(NodeKind kind)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini", Capabilities = ["completion", "tools"] }] }, kind: kind);

        using var response = await fleet.Gateway.PostAsync("/v1/messages", """
            {"model":"mini","max_tokens":50,"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"w","input_schema":{"type":"object"}}]}
            """);

        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Token));
        Assert.Equal("tools.web_search_20250305", Assert.Single(response.Headers.GetValues("X-Chasqui-Passed-Over")));
        var asked = JsonElement.Parse(fleet.Double.Requests.Last(request => request.Path is "/api/chat" or "/v1/chat/completions").Body);
        Assert.Equal("w", Assert.Single(asked.GetProperty("tools").EnumerateArray()).GetProperty("function").GetProperty("name").GetString());
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_thread_is_refused_so_that_the_package_goes_on_without(NodeKind kind)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini" }] }, kind: kind);

        foreach (var path in (string[])["/v1/messages", "/v1/messages/count_tokens"])
        {
            using var response = await fleet.Gateway.PostAsync(path, """{"model":"mini","max_tokens":50,"messages":[{"role":"user","content":"hi"}],"thread":{"type":"create"}}""");
            var error = JsonElement.Parse(await response.Content.ReadAsStringAsync(Token)).GetProperty("error");

            Assert.Equal(400, (int)response.StatusCode);
            Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
            Assert.Equal("""{"error_code":"thread_unsupported_request","unsupported":["thread"]}""", error.GetProperty("details").GetRawText());
        }
        Assert.DoesNotContain(fleet.Double.Requests, request => request.Method == "POST" && request.Path != "/api/show");
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task The_nodes_models_are_told_in_Anthropics_form(NodeKind kind)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "a" }, new DoubleModel { Name = "b" }, new DoubleModel { Name = "c" }] }, kind: kind);

        var all = await GetAsync(fleet, "/v1/models");
        var names = all.GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString()!).ToList();

        Assert.Equal(3, names.Count);
        Assert.False(all.GetProperty("has_more").GetBoolean());
        Assert.Equal((names[0], names[2]), (all.GetProperty("first_id").GetString(), all.GetProperty("last_id").GetString()));
        Assert.All(all.GetProperty("data").EnumerateArray(), model => Assert.Equal("model", model.GetProperty("type").GetString()));
        var page = await GetAsync(fleet, $"/v1/models?limit=1&after_id={Uri.EscapeDataString(names[0])}");
        Assert.Equal(names[1], Assert.Single(page.GetProperty("data").EnumerateArray()).GetProperty("id").GetString());
        Assert.True(page.GetProperty("has_more").GetBoolean());
        var one = await GetAsync(fleet, "/v1/models/b");
        Assert.Equal(("model", "b", "b"), (one.GetProperty("type").GetString(), one.GetProperty("id").GetString(), one.GetProperty("display_name").GetString()));
        Assert.True(one.GetProperty("created_at").TryGetDateTimeOffset(out _));
        var missing = await GetAsync(fleet, "/v1/models/nope", 404);
        Assert.Equal("not_found_error", missing.GetProperty("error").GetProperty("type").GetString());
        Assert.Equal("invalid_request_error", (await GetAsync(fleet, "/v1/models?limit=0", 400)).GetProperty("error").GetProperty("type").GetString());
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task Where_a_node_does_not_count_the_number_is_an_estimate_and_says_so(NodeKind kind)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini" }] }, kind: kind);

        using var response = await fleet.Gateway.PostAsync("/v1/messages/count_tokens", """{"model":"mini","messages":[{"role":"user","content":"How many tokens have these words of mine?"}]}""");
        var text = await response.Content.ReadAsStringAsync(Token);

        Assert.True(response.IsSuccessStatusCode, text);
        Assert.Equal("input_tokens", Assert.Single(response.Headers.GetValues("X-Chasqui-Estimated")));
        Assert.InRange(JsonElement.Parse(text).GetProperty("input_tokens").GetInt32(), 8, 30);
    }

    private static async Task<JsonElement> GetAsync(Fleet fleet, string path, int status = 200)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("anthropic-version", "2023-06-01");
        using var response = await fleet.Gateway.Http.SendAsync(request, Token);
        var text = await response.Content.ReadAsStringAsync(Token);
        Assert.True((int)response.StatusCode == status, text);
        return JsonElement.Parse(text);
    }
}
