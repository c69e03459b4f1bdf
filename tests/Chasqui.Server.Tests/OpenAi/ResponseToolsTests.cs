using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Chasqui.Server.Tests;

/// <summary>Tools of <c>/v1/responses</c> that are no plain functions: what the model is offered, what the client hears, and what it may send back.</summary>
public sealed class ResponseToolsTests
{
    private const string Tools = """
        [{"type":"namespace","name":"crm","description":"x","tools":[{"type":"function","name":"close","description":"d","parameters":{"type":"object"}}]},
         {"type":"custom","name":"patch","description":"Edits files.","format":{"type":"grammar","syntax":"lark","definition":"start: \"x\""}},
         {"type":"function","name":"f","defer_loading":true,"strict":true},
         {"type":"web_search","external_web_access":false},{"type":"web_search"},{"type":"local_shell"}]
        """;

    private const string Calls = """
        [{"id":"c1","function":{"name":"crm__close","arguments":{"a":1}}},{"id":"c2","function":{"name":"patch","arguments":{"input":"a \"b\"\n"}}},
         {"id":"c3","function":{"name":"f","arguments":{}}},{"id":"c4","function":{"name":"patch","arguments":{"text":"x"}}}]
        """;

    private static readonly string[] _items =
    [
        """{"type":"function_call","status":"completed","call_id":"c1","name":"close","namespace":"crm","arguments":"{\u0022a\u0022:1}"}""",
        """{"type":"custom_tool_call","status":"completed","call_id":"c2","name":"patch","input":"a \u0022b\u0022\n"}""",
        """{"type":"function_call","status":"completed","call_id":"c3","name":"f","arguments":"{}"}""",
        """{"type":"custom_tool_call","status":"completed","call_id":"c4","name":"patch","input":"{\u0022text\u0022:\u0022x\u0022}"}""",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_tool_is_offered_as_a_function_and_what_runs_at_OpenAI_is_named()
    {
        ChatRequest? sent = null;
        await using var gateway = await StartAsync(request => sent = request, "[]");

        using var response = await gateway.PostAsync("/v1/responses", $$"""{"model":"m","input":"x","tools":{{Tools}},"text":{"verbosity":"low"},"include":["web_search_call.action.sources"],"client_metadata":{} }""");

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal("""
            [{"type":"function","function":{"name":"crm__close","description":"d","parameters":{"type":"object"}}},
            {"type":"function","function":{"name":"patch","description":"Edits files.\n\nThe input follows this grammar:\nstart: \"x\"",
            "parameters":{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}}},
            {"type":"function","function":{"name":"f","strict":true}}]
            """.ReplaceLineEndings(""), sent!.Tools!.Value.GetRawText());
        Assert.Equal("tools.patch.format, tools.defer_loading, tools.web_search, tools.local_shell, text.verbosity, include.web_search_call.action.sources, client_metadata",
            Assert.Single(response.Headers.GetValues("X-Chasqui-Passed-Over")));
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Token));
        Assert.Equal(["namespace", "custom", "function", "web_search", "web_search", "local_shell"],
            answer.RootElement.GetProperty("tools").EnumerateArray().Select(tool => tool.GetProperty("type").GetString()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_comes_back_as_the_client_knows_the_tool(bool stream)
    {
        await using var gateway = await StartAsync(_ => { }, Calls);

        using var response = await gateway.PostAsync("/v1/responses", $$"""{"model":"m","input":"x","stream":{{(stream ? "true" : "false")}},"tools":{{Tools}}}""");
        var text = await response.Content.ReadAsStringAsync(Token);

        var events = stream ? Events(text) : [];
        var whole = stream ? events[^1].GetProperty("response") : Parse(text);
        Assert.Equal(_items.Select(Plain), whole.GetProperty("output").EnumerateArray().Select(WithoutId));
        if (!stream)
            return;
        Assert.Equal(
            ["response.output_item.added", "response.custom_tool_call_input.delta", "response.custom_tool_call_input.done", "response.output_item.done"],
            events.Where(e => e.TryGetProperty("output_index", out var index) && index.GetInt32() == 1).Select(e => e.GetProperty("type").GetString()));
        Assert.Equal("a \"b\"\n", events.Single(e => Is(e, "response.custom_tool_call_input.delta", 1)).GetProperty("delta").GetString());
        Assert.Equal("a \"b\"\n", events.Single(e => Is(e, "response.custom_tool_call_input.done", 1)).GetProperty("input").GetString());
        Assert.Equal(Enumerable.Range(0, events.Count), events.Select(e => e.GetProperty("sequence_number").GetInt32()));
    }

    [Fact]
    public async Task What_came_back_is_accepted_in_later_input()
    {
        ChatRequest? sent = null;
        await using var gateway = await StartAsync(request => sent = request, "[]");

        using var response = await gateway.PostAsync("/v1/responses", $$"""
            {"model":"m","tools":{{Tools}},"input":[{"role":"user","content":"x"},{{_items[0]}},{{_items[1]}},
             {"type":"function_call_output","call_id":"c1","output":"one"},{"type":"custom_tool_call_output","call_id":"c2","output":"two"},
             {"type":"web_search_call","id":"ws_1","status":"completed"},{"type":"reasoning","encrypted_content":"gAAAAABx","summary":[{"type":"summary_text","text":"hm"}]}]}
            """);

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal("""[{"id":"c1","function":{"index":0,"name":"crm__close","arguments":{"a":1}}},{"id":"c2","function":{"index":1,"name":"patch","arguments":{"input":"a \"b\"\n"}}}]""",
            sent!.Messages[1].ToolCalls!.Value.GetRawText());
        Assert.Equal(["crm__close", "patch"], sent.Messages.Where(message => message.Role == "tool").Select(message => message.ToolName));
        Assert.Equal("hm", sent.Messages[^1].Thinking);
        Assert.Contains("input.web_search_call", Assert.Single(response.Headers.GetValues("X-Chasqui-Passed-Over")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"store":false,"input":"x","tools":[{"type":"function","name":"f"}]}""", true, true)]
    [InlineData("""{"input":[{"role":"user","content":[{"type":"input_text","text":"x"}]},{"type":"reasoning"},{"type":"function_call"}],"store":false}""", true, true)]
    [InlineData("""{"input":"x","previous_response_id":null,"Store":false}""", true, true)]
    [InlineData("""{"input":"x"}""", false, true)]
    [InlineData("""{"input":"x","store":true}""", false, true)]
    [InlineData("""{"input":"x","store":false,"store":null}""", true, true)]
    [InlineData("""{"input":"x","store":false,"tools":[{"type":"web_search"}]}""", false, false)]
    [InlineData("""{"input":"x","store":false,"TOOLS":[{"type":"function"},{"name":"n","type":"namespace"}]}""", false, false)]
    [InlineData("""{"store":false,"input":[{"type":"item_reference","id":"x"}]}""", false, false)]
    [InlineData("""{"store":false,"input":[{"id":"x"}]}""", false, false)]
    [InlineData("""{"store":false,"input":[{"type":"function_call","name":"f","namespace":"n"}]}""", false, false)]
    [InlineData("""{"store":false,"input":"x","previous_response_id":"resp_1"}""", false, false)]
    [InlineData("""{"store":false,"input":"x","\u0074ools":[]}""", false, false)]
    [InlineData("""{"store":false,"input":[{"type":1}]}""", false, false)]
    [InlineData("""{"store":false,"input":[""", false, false)]
    [InlineData("""{"store":false,"instructions":"x"}""", false, false)]
    [InlineData("""{"store":false,"input":null}""", false, false)]
    public void Only_what_each_node_knows_and_is_not_kept_is_passed_on_unread(string body, bool plain, bool plainWithoutStore)
    {
        Assert.Equal(plain, ResponseBody.IsPlain(Encoding.UTF8.GetBytes(body), mayKeep: true));
        Assert.Equal(plainWithoutStore, ResponseBody.IsPlain(Encoding.UTF8.GetBytes(body), mayKeep: false));
    }

    private static bool Is(JsonElement e, string type, int index) => e.GetProperty("type").GetString() == type && e.GetProperty("output_index").GetInt32() == index;

    private static string Plain(string json) => WithoutId(Parse(json));

    private static string WithoutId(JsonElement item) =>
        string.Join(',', item.EnumerateObject().Where(member => member.Name != "id").Select(member => member.Name + "=" + member.Value.ToString()));

    private static JsonElement Parse(string json) => JsonElement.Parse(json);

    private static List<JsonElement> Events(string text) =>
        [.. text.Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal)).Select(line => Parse(line["data: ".Length..]))];

    private static Task<RunningGateway> StartAsync(Action<ChatRequest> asked, string calls) => RunningGateway.StartAsync(new ScriptedEngine
    {
        Answer = (request, token) =>
        {
            asked((ChatRequest)request);
            return AnswerAsync(Parse(calls), token);
        },
    });

    private static async IAsyncEnumerable<GenerationUpdate> AnswerAsync(JsonElement calls, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        yield return new GenerationUpdate { ToolCalls = calls, Result = new GenerationResult { Reason = FinishReason.Stop } };
    }
}
