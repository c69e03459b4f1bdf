using System.Net;
using System.Text.Json;
using Chasqui.Client;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Hosting;

/// <summary>What a request may hold for the embedded engine: each refusal says what is the limit, in the form of the API that was called.</summary>
public sealed class RequestBudgetTests : IAsyncLifetime
{
    private const string Turn = """{"role":"user","content":"Who are you?"}""";

    private readonly OllamaStoreFolder _store = new();
    private RunningGateway _gateway = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, string> Refused { get; } = new()
    {
        { "/api/generate", $$$"""{"model":"mini","prompt":"x","options":{"stop":[{{{Many("\"a#\"", 65)}}}]}}""", "at most 64 texts" },
        { "/api/generate", $$$"""{"model":"mini","prompt":"x","options":{"stop":["{{{new string('a', 1_025)}}}"]}}""", "texts of at most 1024 characters" },
        { "/api/chat", $$$"""{"model":"mini","messages":[{{{Turn}}}],"options":{"stop":[{{{Many($"\"{new string('a', 1_000)}#\"", 9)}}}]}}""", "at most 8192 characters in all" },
        { "/v1/chat/completions", $$$"""{"model":"mini","messages":[{{{Turn}}}],"stop":["{{{new string('a', 1_025)}}}"]}""", "texts of at most 1024 characters" },
        { "/v1/messages", $$$"""{"model":"mini","max_tokens":1,"messages":[{{{Turn}}}],"stop_sequences":["{{{new string('a', 1_025)}}}"]}""", "texts of at most 1024 characters" },
        { "/v1/completions", """{"model":"mini","prompt":["a","b"]}""", "send a request for each" },
        { "/v1/completions", """{"model":"mini","prompt":"a","n":100}""", "except as 1" },
        { "/v1/completions", """{"model":"mini","prompt":"a","best_of":100}""", "except as 1" },
        { "/v1/completions", """{"model":"mini","prompt":"a","logprobs":21}""", "between 0 and 20" },
        { "/v1/chat/completions", $$$"""{"model":"mini","messages":[{{{Turn}}}],"logprobs":true,"top_logprobs":21}""", "between 0 and 20" },
        { "/v1/chat/completions", $$$"""{"model":"mini","messages":[{{{Turn}}}],"logit_bias":{"1":1}}""", "except empty" },
        { "/api/chat", $$$"""{"model":"mini","messages":[{{{Many(Turn, 65_537)}}}]}""", "65537 messages are too many" },
        { "/v1/messages", $$$"""{"model":"mini","max_tokens":1,"messages":[{{{Many(Turn, 65_537)}}}]}""", "65537 messages are too many" },
        { "/api/embed", $$$"""{"model":"mini","input":[{{{Many("\"a\"", 65_537)}}}]}""", "may hold 16384 for this model" },
        { "/v1/embeddings", $$$"""{"model":"mini","input":[{{{Many("\"a\"", 65_537)}}}]}""", "may hold 16384 for this model" },
        { "/api/chat", $$$"""{"model":"mini","messages":[{{{Turn}}}],"format":{"type":"string","pattern":"^{{{new string('a', 5_000)}}}$"}}""", "at most 4096" },
        { "/api/chat", $$$"""{"model":"mini","messages":[{{{Turn}}}],"format":{"enum":[{{{Many("\"a#\"", 5_001)}}}]}}""", "at most 5000 values" },
        { "/v1/chat/completions", $$$"""{"model":"mini","messages":[{{{Turn}}}],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"string","pattern":"^{{{new string('a', 5_000)}}}$"} } } }""", "at most 4096" },
        { "/api/chat", $$$"""{"model":"mini","messages":[{{{Turn}}}],"format":{{{Deep(70)}}} }""", "levels of nesting" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_costs_too_much_is_refused_with_its_limit(string path, string body, string limit)
    {
        using var answer = await _gateway.PostAsync(path, body);

        var error = JsonElement.Parse(await answer.Content.ReadAsStringAsync(Cancellation)).GetProperty("error");
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(limit, error.ValueKind == JsonValueKind.String ? error.GetString() : error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(path.StartsWith("/api/", StringComparison.Ordinal), error.ValueKind == JsonValueKind.String);
    }

    [Theory]
    [InlineData(513, 0, "513 tools are too many")]
    [InlineData(2, 600_000, "bytes of JSON, but may have at most 1048576")]
    public async Task Tools_have_a_bound_in_number_and_size(int count, int description, string limit)
    {
        string ToolsOf(string form) => Many(form.Replace("TEXT", new string('d', description), StringComparison.Ordinal), count);
        const string function = """{"name":"t#","description":"TEXT","parameters":{"type":"object","properties":{}}}""";
        var openAi = ToolsOf($$$"""{"type":"function","function":{{{function}}} }""");
        var bodies = new (string Path, string Body)[]
        {
            ("/api/chat", $$$"""{"model":"mini","messages":[{{{Turn}}}],"tools":[{{{openAi}}}]}"""),
            ("/v1/chat/completions", $$$"""{"model":"mini","messages":[{{{Turn}}}],"tools":[{{{openAi}}}],"tool_choice":"required"}"""),
            ("/v1/messages", $$$"""{"model":"mini","max_tokens":1,"messages":[{{{Turn}}}],"tools":[{{{ToolsOf("""{"name":"t#","description":"TEXT","input_schema":{"type":"object"}}""")}}}]}"""),
        };
        foreach (var (path, body) in bodies)
        {
            using var answer = await _gateway.PostAsync(path, body);
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
            Assert.Contains(limit, await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        }
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(_gateway.App)[0]);
        var request = new Messages.ChatRequest { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = "x" } }, Tools = $"[{openAi}]" };
        var error = await Assert.ThrowsAsync<ClientException>(() => DrainAsync(client.ChatAsync(request, null, Cancellation)));
        Assert.Contains(limit, error.Message, StringComparison.Ordinal);
        Assert.Equal(400, error.Status);
    }

    [Fact]
    public async Task The_same_limits_hold_over_MCP()
    {
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(_gateway.App)[0]);

        var stop = await Assert.ThrowsAsync<ClientException>(() => DrainAsync(client.GenerateAsync(
            new Messages.GenerateRequest { Model = "mini", Prompt = "x", Common = new Messages.GenerationCommon { Options = new Messages.GenerationOptions { HasStop = true, Stop = { new string('a', 1_025) } } } }, null, Cancellation)));
        var embed = new Messages.EmbedRequest { Model = "mini" };
        embed.Inputs.AddRange(Enumerable.Repeat("a", 65_537));
        var inputs = await Assert.ThrowsAsync<ClientException>(() => client.EmbedAsync(embed, null, Cancellation));
        var text = await Assert.ThrowsAsync<ClientException>(() => client.TokenizeAsync(new Messages.TokenizeRequest { Model = "mini", Text = new string('a', 8_388_609) }, null, Cancellation));

        Assert.Equal("invalid_option", stop.Error.Code);
        Assert.Contains("16384 for this model", inputs.Message, StringComparison.Ordinal);
        Assert.Contains("at most 8388608", text.Message, StringComparison.Ordinal);
    }

    /// <summary>Each of these once added to a list that was made anew.</summary>
    [Fact]
    public async Task A_member_that_is_repeated_very_often_is_remembered_once()
    {
        using var answer = await _gateway.PostAsync("/api/chat", $$$"""{"model":"mini","messages":[{{{Turn}}}],"stream":false,"options":{"num_predict":1,{{{Many("\"mirostat\":1", 200_000)}}} } }""");

        Assert.True(answer.IsSuccessStatusCode);
        Assert.Equal(["options.mirostat"], answer.Headers.GetValues("X-Chasqui-Passed-Over").Select(name => name.Contains('.', StringComparison.Ordinal) ? name : "options." + name));
    }

    public async ValueTask InitializeAsync() =>
        _gateway = await RunningGateway.StartAsync(options => options with { Models = options.Models with { OllamaStore = _store.Folder } });

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        _store.Dispose();
    }

    private static string Many(string form, int count) => string.Join(',', Enumerable.Range(0, count).Select(i => form.Replace("#", $"{i}", StringComparison.Ordinal)));

    private static string Deep(int levels) => string.Concat(Enumerable.Repeat("""{"items":""", levels)) + "{}" + new string('}', levels);

    private static async Task DrainAsync(IAsyncEnumerable<Messages.GenerationUpdate> updates)
    {
        await foreach (var _ in updates)
        {
            // Only its end matters.
        }
    }
}
