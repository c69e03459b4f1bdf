using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Keys;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests;

/// <summary>Responses that are kept: gone on from, read, listed, deleted, each within its tenant.</summary>
public sealed class StoredResponseTests
{
    private const string Path = "/v1/responses";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_response_goes_on_from_the_one_before(bool stream)
    {
        List<ChatRequest> asked = [];
        await using var gateway = await RunningGateway.StartAsync(Engine(asked));
        var first = await AskAsync(gateway, $$"""{"model":"m","input":"one","instructions":"Be brief.","metadata":{"a":"b"},"stream":{{(stream ? "true" : "false")}}}""");

        var second = await AskAsync(gateway, $$"""{"model":"m","input":[{"role":"user","content":"two"}],"previous_response_id":"{{Id(first)}}","stream":{{(stream ? "true" : "false")}}}""");
        var third = await AskAsync(gateway, $$"""{"model":"m","input":"three","previous_response_id":"{{Id(second)}}"}""");

        // Instructions are those of each request.
        Assert.Equal(["system Be brief.", "user one"], Turns(asked[0]));
        Assert.Equal(["user one", "assistant Well.", "user two"], Turns(asked[1]));
        Assert.Equal("hm", asked[1].Messages[1].Thinking);
        Assert.Equal(["user one", "assistant Well.", "user two", "assistant Well.", "user three"], Turns(asked[2]));
        Assert.Equal(Id(first), second.GetProperty("previous_response_id").GetString());
        Assert.All((JsonElement[])[first, second, third], response => Assert.True(response.GetProperty("store").GetBoolean()));
        foreach (var response in (JsonElement[])[first, second, third])
            Assert.Equal(response.GetRawText(), (await GetAsync(gateway, $"{Path}/{Id(response)}")).GetRawText());
        Assert.Equal("b", first.GetProperty("metadata").GetProperty("a").GetString());
    }

    [Fact]
    public async Task Calls_and_their_results_stay_what_they_were()
    {
        List<ChatRequest> asked = [];
        await using var gateway = await RunningGateway.StartAsync(Engine(asked, """[{"id":"c1","function":{"name":"n__f","arguments":{"a":1}}},{"id":"c2","function":{"name":"p","arguments":{"input":"x"}}}]"""));
        const string Tools = """[{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]},{"type":"custom","name":"p"}]""";
        var first = await AskAsync(gateway, $$"""{"model":"m","input":"one","tools":{{Tools}}}""");

        await AskAsync(gateway, $$"""
            {"model":"m","tools":{{Tools}},"previous_response_id":"{{Id(first)}}","input":[
              {"type":"function_call_output","call_id":"c1","output":"r1"},{"type":"custom_tool_call_output","call_id":"c2","output":"r2"}]}
            """);

        Assert.Equal(["user one", "assistant Well.", "tool r1", "tool r2"], Turns(asked[1]));
        Assert.Equal("""[{"id":"c1","function":{"index":0,"name":"n__f","arguments":{"a":1}}},{"id":"c2","function":{"index":1,"name":"p","arguments":{"input":"x"}}}]""",
            asked[1].Messages[1].ToolCalls!.Value.GetRawText());
        Assert.Equal([null, null, "n__f", "p"], asked[1].Messages.Select(message => message.ToolName));
    }

    [Fact]
    public async Task An_item_is_named_instead_of_sent()
    {
        List<ChatRequest> asked = [];
        await using var gateway = await RunningGateway.StartAsync(Engine(asked));
        var first = await AskAsync(gateway, """{"model":"m","input":"one"}""");
        var items = await GetAsync(gateway, $"{Path}/{Id(first)}/input_items");
        var references = items.GetProperty("data").EnumerateArray().Concat(first.GetProperty("output").EnumerateArray())
            .Select(item => $$"""{"type":"item_reference","id":"{{Id(item)}}"}""");

        await AskAsync(gateway, $$"""{"model":"m","input":[{{string.Join(',', references)}},{"role":"user","content":"two"}]}""");
        await AskAsync(gateway, $$"""{"model":"m","store":false,"input":[{"id":"{{Id(first.GetProperty("output")[1])}}"},{"role":"user","content":"two"}]}""");

        Assert.Equal(["user one", "assistant Well.", "user two"], Turns(asked[1]));
        Assert.Equal("hm", asked[1].Messages[1].Thinking);
        Assert.Equal(["assistant Well.", "user two"], Turns(asked[2]));
    }

    [Fact]
    public async Task An_item_is_referred_to_once()
    {
        List<ChatRequest> asked = [];
        await using var gateway = await RunningGateway.StartAsync(Engine(asked));
        var item = Id((await AskAsync(gateway, """{"model":"m","input":"one"}""")).GetProperty("output")[0]);

        var twice = string.Join(',', Enumerable.Repeat($$"""{"type":"item_reference","id":"{{item}}"}""", 2));
        await RefusedAsync(await gateway.SendAsync(HttpMethod.Post, Path, null, $$"""{"model":"m","input":[{{twice}}]}"""),
            400, $"\"input\" refers to the item \"{item}\" twice; refer to each item once", "input", null);
        Assert.Single(asked);
    }

    [Fact]
    public async Task The_items_that_a_response_answered_are_listed_page_by_page()
    {
        await using var gateway = await RunningGateway.StartAsync(Engine([]));
        var first = await AskAsync(gateway, """{"model":"m","input":"one"}""");
        var second = await AskAsync(gateway, $$"""{"model":"m","previous_response_id":"{{Id(first)}}","input":[{"role":"user","content":"two"},{"type":"message","id":"mine","role":"assistant","content":"three"}]}""");

        var all = await GetAsync(gateway, $"{Path}/{Id(second)}/input_items?order=asc");
        var page = await GetAsync(gateway, $"{Path}/{Id(second)}/input_items?limit=2");
        var next = await GetAsync(gateway, $"{Path}/{Id(second)}/input_items?limit=2&after={page.GetProperty("last_id").GetString()}");

        Assert.Equal(
            [
                """message user [{"type":"input_text","text":"one"}]""", "reasoning  ", """message assistant [{"type":"output_text","text":"Well.","annotations":[],"logprobs":[]}]""",
                """message user [{"type":"input_text","text":"two"}]""", """message assistant [{"type":"output_text","text":"three"}]""",
            ],
            all.GetProperty("data").EnumerateArray().Select(item => $"{Text(item, "type")} {Text(item, "role")} {Text(item, "content")}"));
        var ids = all.GetProperty("data").EnumerateArray().Select(Id).ToList();
        Assert.Equal(5, ids.Distinct().Count());
        Assert.Equal("mine", ids[^1]);
        Assert.Equal([ids[4], ids[3]], page.GetProperty("data").EnumerateArray().Select(Id));
        Assert.Equal([ids[2], ids[1]], next.GetProperty("data").EnumerateArray().Select(Id));
        Assert.Equal((true, true, false), (page.GetProperty("has_more").GetBoolean(), next.GetProperty("has_more").GetBoolean(), all.GetProperty("has_more").GetBoolean()));
        Assert.Equal((ids[0], ids[4], "list"), (Text(all, "first_id"), Text(all, "last_id"), Text(all, "object")));
    }

    [Fact]
    public async Task A_response_is_seen_within_its_tenant_alone_and_until_it_is_deleted()
    {
        await using var gateway = await RunningGateway.StartAsync(Engine([]));
        var (a, b, other) = (
            await gateway.AddKeyAsync("a", caller => caller with { Tenant = "one" }), await gateway.AddKeyAsync("b", caller => caller with { Tenant = "one" }),
            await gateway.AddKeyAsync("c", caller => caller with { Tenant = "two" }));
        using var made = await gateway.SendAsync(HttpMethod.Post, Path, a, """{"model":"m","input":"one"}""");
        var response = JsonElement.Parse(await made.Content.ReadAsStringAsync(Token));
        var id = Id(response);
        var item = Id(response.GetProperty("output")[0]);

        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Delete])
            await RefusedAsync(await gateway.SendAsync(method, $"{Path}/{id}", other), 404, $"Response with id '{id}' not found.", null, null);
        await RefusedAsync(await gateway.SendAsync(HttpMethod.Get, $"{Path}/{id}/input_items", other), 404, $"Response with id '{id}' not found.", null, null);
        await RefusedAsync(await gateway.SendAsync(HttpMethod.Post, Path, other, $$"""{"model":"m","input":"two","previous_response_id":"{{id}}"}"""),
            404, $"Previous response with id '{id}' not found.", "previous_response_id", "previous_response_not_found");
        await RefusedAsync(await gateway.SendAsync(HttpMethod.Post, Path, other, $$"""{"model":"m","input":[{"type":"item_reference","id":"{{item}}"}]}"""),
            404, $"Item with id '{item}' not found. Items of a response are kept unless \"store\" is false, and for a while; send the item itself.", "input", null);

        using var seen = await gateway.SendAsync(HttpMethod.Get, $"{Path}/{id}", b);
        using var deleted = await gateway.SendAsync(HttpMethod.Delete, $"{Path}/{id}", b);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (seen.StatusCode, deleted.StatusCode));
        Assert.Equal($$"""{"id":"{{id}}","object":"response","deleted":true}""", (await deleted.Content.ReadAsStringAsync(Token)).TrimEnd());
        await RefusedAsync(await gateway.SendAsync(HttpMethod.Get, $"{Path}/{id}", a), 404, $"Response with id '{id}' not found.", null, null);
        await RefusedAsync(await gateway.SendAsync(HttpMethod.Get, $"{Path}/{id}", null), 401, null, null, "invalid_api_key");
    }

    [Theory]
    [InlineData("POST", "/cancel", 400, "only responses with \"background\": true can be cancelled", "background")]
    [InlineData("POST", "/nothing", 400, "there is no POST /v1/responses/", null)]
    [InlineData("GET", "?stream=true", 400, "\"stream\" is not supported", "stream")]
    [InlineData("GET", "/input_items?limit=0", 400, "from 1 to 100", "limit")]
    [InlineData("GET", "/input_items?order=up", 400, "\"asc\" or \"desc\"", "order")]
    [InlineData("GET", "/input_items?after=x", 400, "the id of an item", "after")]
    public async Task What_cannot_be_is_named(string method, string rest, int status, string message, string? parameter)
    {
        await using var gateway = await RunningGateway.StartAsync(Engine([]));
        var made = await AskAsync(gateway, """{"model":"m","input":"one"}""");

        await RefusedAsync(await gateway.SendAsync(new HttpMethod(method), $"{Path}/{Id(made)}{rest}", null), status, message, parameter, null);
    }

    [Fact]
    public async Task What_shall_not_be_kept_or_is_too_long_or_too_old_is_not()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var gateway = await RunningGateway.StartAsync(
            Engine([]), options => options with { Sessions = options.Sessions with { ResponseBytes = 4_000, ResponseAge = TimeSpan.FromHours(1) } },
            builder => builder.Services.AddSingleton<TimeProvider>(time));
        var unkept = await AskAsync(gateway, """{"model":"m","input":"one","store":false}""");
        var tooLong = await AskAsync(gateway, $$"""{"model":"m","input":"{{new string('x', 4_000)}}","stream":true}""");
        var kept = await AskAsync(gateway, """{"model":"m","input":"one"}""");

        Assert.Equal([false, false, true], new[] { unkept, tooLong, kept }.Select(response => response.GetProperty("store").GetBoolean()));
        Assert.Equal([404, 404, 200], await StatusesAsync(gateway, unkept, tooLong, kept));
        time.Advance(TimeSpan.FromHours(2));
        Assert.Equal([404], await StatusesAsync(gateway, kept));
    }

    [Fact]
    public async Task Without_room_for_any_nothing_is_kept()
    {
        await using var gateway = await RunningGateway.StartAsync(Engine([]), options => options with { Sessions = options.Sessions with { MaxResponses = 0 } });

        var made = await AskAsync(gateway, """{"model":"m","input":"one"}""");

        Assert.False(made.GetProperty("store").GetBoolean());
        Assert.Equal([404], await StatusesAsync(gateway, made));
    }

    [Fact]
    public async Task A_response_that_fails_or_whose_client_leaves_is_not_kept()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.FailAfterAsync(["one"], new EngineFailedException("the engine broke"), token),
        });
        using var answer = await gateway.PostAsync(Path, """{"model":"m","input":"one","stream":true}""");
        var last = Last(await answer.Content.ReadAsStringAsync(Token));

        Assert.Equal("failed", last.GetProperty("status").GetString());
        Assert.Equal([404], await StatusesAsync(gateway, last));
    }

    [Theory]
    [InlineData(NodeKind.Ollama, "/api/chat")]
    [InlineData(NodeKind.OpenAi, "/v1/chat/completions")]
    public async Task Before_nodes_a_kept_response_is_the_gateways_own_and_what_is_not_kept_passes(NodeKind kind, string path)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript(), kind: kind);
        var first = await AskAsync(fleet.Gateway, """{"model":"mini","input":"one"}""");
        var second = await AskAsync(fleet.Gateway, $$"""{"model":"mini","input":"two","previous_response_id":"{{Id(first)}}","stream":true}""");
        await AskAsync(fleet.Gateway, $$"""{"model":"mini","input":"two","previous_response_id":"{{Id(second)}}","store":false}""");
        using var passed = await fleet.Gateway.PostAsync(Path, """{"model":"mini","input":"one","store":false}""");

        Assert.Equal("n0", Assert.Single(passed.Headers.GetValues("X-Chasqui-Node")));
        var requests = fleet.Double.Requests.Where(request => request.Body.Contains("one", StringComparison.Ordinal)).ToList();
        Assert.Equal([path, path, path, kind == NodeKind.Ollama ? "/v1/responses" : path], requests.Select(request => request.Path));
        Assert.Equal([1, 3, 5], requests.Take(3).Select(request => JsonElement.Parse(request.Body).GetProperty("messages").GetArrayLength()));
        Assert.DoesNotContain("previous_response_id", string.Concat(requests.Select(request => request.Body)), StringComparison.Ordinal);
        Assert.Equal([200, 200], await StatusesAsync(fleet.Gateway, first, second));
    }

    [Fact]
    public async Task Responses_outlive_the_gateway()
    {
        var folder = Directory.CreateTempSubdirectory("chasqui-responses-");
        try
        {
            JsonElement made;
            await using (var before = await RunningGateway.StartAsync(Engine([]), options => options with { Data = options.Data with { Folder = folder.FullName } }))
                made = await AskAsync(before, """{"model":"m","input":"one"}""");
            List<ChatRequest> asked = [];
            await using var gateway = await RunningGateway.StartAsync(Engine(asked), options => options with { Data = options.Data with { Folder = folder.FullName } });

            await AskAsync(gateway, $$"""{"model":"m","input":"two","previous_response_id":"{{Id(made)}}"}""");

            Assert.Equal(["user one", "assistant Well.", "user two"], Turns(asked[0]));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Over_MCP_it_is_the_same()
    {
        List<ChatRequest> asked = [];
        await using var gateway = await RunningGateway.StartAsync(Engine(asked));
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        var first = await CallAsync("POST", Path, """{"model":"m","input":"one"}""");

        await CallAsync("POST", Path, $$"""{"model":"m","input":"two","previous_response_id":"{{Id(first)}}","stream":true}""");

        Assert.Equal(["user one", "assistant Well.", "user two"], Turns(asked[1]));
        Assert.Equal(first.GetRawText(), (await CallAsync("GET", $"{Path}/{Id(first)}", "")).GetRawText());

        async Task<JsonElement> CallAsync(string method, string path, string body)
        {
            await using var answer = await client.HttpAsync(method, path, Encoding.UTF8.GetBytes(body), cancellationToken: Token);
            var text = new MemoryStream();
            await foreach (var part in answer.ReadPartsAsync(Token))
                text.Write(part.Span);
            return Last(Encoding.UTF8.GetString(text.ToArray()));
        }
    }

    private static string Id(JsonElement element) => element.GetProperty("id").GetString()!;

    private static string Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText() : "";

    private static IEnumerable<string> Turns(ChatRequest request) => request.Messages.Select(message => $"{message.Role} {message.Content}");

    private static async Task<JsonElement> AskAsync(RunningGateway gateway, string body)
    {
        using var answer = await gateway.PostAsync(Path, body);
        var text = await answer.Content.ReadAsStringAsync(Token);
        Assert.True(answer.IsSuccessStatusCode, text);
        return Last(text);
    }

    /// <summary>The response, or that of the last event.</summary>
    private static JsonElement Last(string text) => text.Contains("\ndata: ", StringComparison.Ordinal)
        ? JsonElement.Parse(text[(text.LastIndexOf("\ndata: ", StringComparison.Ordinal) + "\ndata: ".Length)..]).GetProperty("response")
        : JsonElement.Parse(text);

    private static async Task<JsonElement> GetAsync(RunningGateway gateway, string path)
    {
        using var answer = await gateway.GetAsync(path);
        var text = await answer.Content.ReadAsStringAsync(Token);
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonElement.Parse(text);
    }

    private static async Task<List<int>> StatusesAsync(RunningGateway gateway, params JsonElement[] responses)
    {
        List<int> statuses = [];
        foreach (var response in responses)
        {
            using var answer = await gateway.GetAsync($"{Path}/{Id(response)}");
            statuses.Add((int)answer.StatusCode);
        }
        return statuses;
    }

    private static async Task RefusedAsync(HttpResponseMessage answer, int status, string? message, string? parameter, string? code)
    {
        using (answer)
        {
            var error = JsonElement.Parse(await answer.Content.ReadAsStringAsync(Token)).GetProperty("error");
            Assert.Equal(status, (int)answer.StatusCode);
            Assert.Contains(message ?? "", error.GetProperty("message").GetString(), StringComparison.Ordinal);
            Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
            Assert.Equal((parameter, code), (error.GetProperty("param").GetString(), error.GetProperty("code").GetString()));
        }
    }

    private static ScriptedEngine Engine(List<ChatRequest> asked, string? calls = null) => new()
    {
        Answer = (request, token) =>
        {
            lock (asked)
                asked.Add((ChatRequest)request);
            return AnswerAsync(calls is null ? null : JsonElement.Parse(calls), token);
        },
    };

    private static async IAsyncEnumerable<GenerationUpdate> AnswerAsync(JsonElement? calls, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        yield return new GenerationUpdate { Thinking = "hm" };
        yield return new GenerationUpdate { Text = "Well.", ToolCalls = calls };
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 3, CompletionTokens = 2 } };
    }
}
