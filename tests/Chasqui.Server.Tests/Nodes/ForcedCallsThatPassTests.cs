using System.Text;
using System.Text.Json;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>A call that must be made, before a node that takes the request as it is: its answer is looked at, and where it is no call the node is asked again by types.</summary>
public sealed class ForcedCallsThatPassTests
{
    private const string Chat = "/v1/chat/completions";
    private const string Message = "/v1/messages";
    private const string Response = "/v1/responses";

    private static readonly JsonElement _call = JsonElement.Parse("""[{"id":"c1","function":{"name":"f","arguments":{"a":1}}}]""");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Answers with a call, and answers without one, of each API.</summary>
    private static readonly Dictionary<(string Path, bool Stream), (string Call, string Text)> _answers = new()
    {
        [(Chat, false)] = (
            """{"choices":[{"finish_reason":"stop","index":0,"message":{"content":null,"tool_calls": [ {"id":"n","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}""",
            """{"choices":[{"finish_reason":"stop","index":0,"message":{"content":"no \"tool_calls\": [{ here","tool_calls":[]}}]}"""),
        [(Chat, true)] = (
            Data("""{"choices":[{"index":0,"delta":{"content":""},"finish_reason":null}]}""", """{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"n","function":{"name":"f","arguments":"{}"}}]},"finish_reason":null}]}""",
                """{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""", "[DONE]"),
            Data("""{"choices":[{"index":0,"delta":{"content":"no"},"finish_reason":null}]}""", """{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""", "[DONE]")),
        [(Message, false)] = (
            """{"type":"message","content":[{"type":"tool_use","id":"n","name":"f","input":{}}],"stop_reason":"tool_use"}""",
            """{"type":"message","content":[{"type":"text","text":"no"}],"stop_reason":"end_turn"}"""),
        [(Message, true)] = (
            Data("""{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"n","name":"f","input":{}}}""", """{"type":"message_delta","delta":{"stop_reason":"tool_use"}}""", """{"type":"message_stop"}"""),
            Data("""{"type":"content_block_delta","delta":{"text":"no"}}""", """{"type":"message_delta","delta":{"stop_reason":"end_turn"}}""", """{"type":"message_stop"}""")),
        [(Response, false)] = (
            """{"object":"response","status":"completed","output":[{"type":"function_call","call_id":"n","name":"f","arguments":"{}","status":"completed"}],"tool_choice":"required"}""",
            """{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"no"}],"status":"completed"}],"tools":[{"type":"function","name":"f"}]}"""),
        [(Response, true)] = (
            Data("""{"type":"response.output_item.added","item":{"type":"function_call","call_id":"n","name":"f","arguments":""}}""", """{"type":"response.completed","response":{}}"""),
            Data("""{"type":"response.output_text.delta","delta":"no"}""", """{"type":"response.output_item.done","item":{"type":"message","status":"completed"}}""", """{"type":"response.completed","response":{"status":"completed"}}""")),
    };

    public static TheoryData<string, bool> Cases => [.. _answers.Keys.Select(key => new TheoryDataRow<string, bool>(key.Path, key.Stream))];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_call_passes_byte_for_byte_however_it_is_cut(string path, bool stream)
    {
        var (call, _) = _answers[(path, stream)];
        foreach (var size in (int[])[1, 7, 10_000])
        {
            var node = Node(stream, call, size);
            await using var gateway = await PassingNode.StartAsync(node);

            Assert.Equal(call, await AskAsync(gateway, path, stream));
            Assert.Equal(call, await AskAsync(gateway, path, stream));
            Assert.Equal(2, node.Requests.Count);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task An_answer_that_is_no_call_is_made_again_by_types_and_from_then_on_at_once(string path, bool stream)
    {
        foreach (var size in (int[])[1, 7, 10_000])
        {
            var asked = new List<ChatRequest>();
            var node = Node(stream, _answers[(path, stream)].Text, size, asked);
            await using var gateway = await PassingNode.StartAsync(node);

            foreach (var times in (int[])[1, 2])
            {
                var answer = await AskAsync(gateway, path, stream);

                Assert.DoesNotContain("\"no", answer, StringComparison.Ordinal);
                Assert.Contains("c1", answer, StringComparison.Ordinal);
                Assert.Equal((1, times), (node.Requests.Count, asked.Count));
                Assert.True(asked[^1].ToolChoice is { IsForced: true });
            }
            // What is left to the model goes to the node as it is.
            Assert.Contains("no", await AskAsync(gateway, path, stream, isForced: false), StringComparison.Ordinal);
            Assert.Equal((2, 2), (node.Requests.Count, asked.Count));
        }
    }

    [Theory]
    [InlineData(Chat, """{"choices":[{"finish_reason":"length","index":0,"message":{"content":"no"}}]}""")]
    [InlineData(Chat, """{"choices":[{"finish_reason":"content_filter","index":0,"message":{"content":"no"}}]}""")]
    [InlineData(Message, """{"type":"message","content":[{"type":"text","text":"no"}],"stop_reason":"max_tokens"}""")]
    [InlineData(Message, """{"type":"message","content":[],"stop_reason":"refusal"}""")]
    [InlineData(Response, """{"object":"response","status":"incomplete","output":[{"type":"message","status":"completed"}]}""")]
    public async Task An_answer_that_was_cut_off_or_filtered_passes_as_it_is(string path, string answer)
    {
        var asked = new List<ChatRequest>();
        await using var gateway = await PassingNode.StartAsync(Node(stream: false, answer, 9, asked));

        Assert.Equal(answer, await AskAsync(gateway, path, stream: false));
        Assert.Empty(asked);
    }

    [Fact]
    public async Task A_longer_answer_than_can_be_kept_back_passes_as_it_is()
    {
        var answer = $$"""{"choices":[{"index":0,"message":{"content":"{{new string('n', 3 << 20)}}"},"finish_reason":"stop"}]}""";
        await using var gateway = await PassingNode.StartAsync(Node(stream: false, answer, 100_000));

        Assert.Equal(answer, await AskAsync(gateway, Chat, stream: false));
    }

    [Fact]
    public async Task A_node_that_breaks_off_before_a_call_has_said_nothing()
    {
        var node = new PassingNode(_ => new PassingAnswer(Sse.ContentType) { Parts = [Data("""{"choices":[{"index":0,"delta":{"content":"no"},"finish_reason":null}]}""")], Ending = PassingEnd.Broken });
        await using var gateway = await PassingNode.StartAsync(node);

        using var response = await gateway.PostAsync(Chat, Body(Chat, stream: true, isForced: true));

        Assert.Equal(500, (int)response.StatusCode);
        Assert.DoesNotContain("\"no\"", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    private static PassingNode Node(bool stream, string answer, int size, List<ChatRequest>? asked = null) => new(_ => new PassingAnswer(stream ? Sse.ContentType : "application/json")
    {
        Bytes = [.. Encoding.UTF8.GetBytes(answer).Chunk(size)],
    })
    {
        Engine = new ScriptedEngine
        {
            Answer = (request, _) =>
            {
                asked?.Add((ChatRequest)request);
                return CallAsync();
            },
        },
    };

    private static async IAsyncEnumerable<GenerationUpdate> CallAsync()
    {
        await Task.Yield();
        yield return new GenerationUpdate { ToolCalls = _call, Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 3, CompletionTokens = 5 } };
    }

    private static async Task<string> AskAsync(RunningGateway gateway, string path, bool stream, bool isForced = true)
    {
        using var response = await gateway.PostAsync(path, Body(path, stream, isForced));
        var text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, text);
        return text;
    }

    private static string Body(string path, bool stream, bool isForced) => (path, stream ? "true" : "false", isForced) switch
    {
        (Message, var streams, _) => $$$"""
            {"model":"mini","stream":{{{streams}}},"max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"tools":[{"name":"f","input_schema":{"type":"object"}}],
             "tool_choice":{"type":"{{{(isForced ? "any" : "auto")}}}"} }
            """,
        (Response, var streams, _) => $$$"""
            {"model":"mini","stream":{{{streams}}},"store":false,"input":"Hi","tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"tool_choice":"{{{(isForced ? "required" : "auto")}}}"}
            """,
        (_, var streams, _) => $$$"""
            {"model":"mini","stream":{{{streams}}},"messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"} } }],
             "tool_choice":"{{{(isForced ? "required" : "auto")}}}"}
            """,
    };

    private static string Data(params string[] events) => string.Concat(events.Select(one => $"data: {one}\n\n"));
}
