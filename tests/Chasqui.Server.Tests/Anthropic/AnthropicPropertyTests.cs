using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Chasqui.Client;
using CsCheck;

namespace Chasqui.Server.Tests;

/// <summary>What holds for every answer and every request in Anthropic's form.</summary>
public sealed class AnthropicPropertyTests
{
    private const string Whole =
        """
        {"model":"m","max_tokens":9,"temperature":1,"top_p":1,"top_k":1,"stop_sequences":["a"],"stream":false,"system":[{"type":"text","text":"s"}],
         "tools":[{"name":"f","description":"d","type":"custom","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true},
         "thinking":{"type":"enabled","budget_tokens":1024},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}},"metadata":{},
         "messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},
          {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":""},{"type":"tool_use","id":"i","name":"f","input":{"a":1}}]},
          {"role":"user","content":[{"type":"tool_result","tool_use_id":"i","content":[{"type":"text","text":"r"}]}]}]}
        """;

    private static readonly string[] _others = ["null", "5", "-1.5", "1e999", "true", "\"x\"", "\"\"", "[]", "{}", "[null]", "[5]", "[{}]", "[[]]", "{\"type\":5}"];

    private static readonly string[] _texts = ["", "", "a", "<b>\n", "ü😀", "\"\\\u2028"];

    private static readonly Gen<string> _text = Gen.Int[0, 5].Select(i => _texts[i]);

    private static readonly Gen<GenerationUpdate> _update = Gen.Select(
        _text, _text, Gen.Int[0, 2],
        (text, thinking, calls) => new GenerationUpdate { Text = text, Thinking = thinking, ToolCalls = calls == 0 ? null : Calls(calls) });

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stream_says_what_the_whole_answer_says_and_its_blocks_stand_one_after_another()
    {
        IReadOnlyList<GenerationUpdate> said = [];
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, _) => SayAsync(said) });

        await Gen.Select(_update.Array[0, 8], Gen.Bool).SampleAsync(
            async test =>
            {
                said = test.Item1;
                var choice = test.Item2 ? ",\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}" : "";
                var whole = JsonDocument.Parse(await PostAsync(gateway, Body(false, choice))).RootElement;
                var (streamed, reason) = Gather(await PostAsync(gateway, Body(true, choice)));

                foreach (var type in (string[])["thinking", "text", "tool_use"])
                    Assert.Equal(Joined(whole.GetProperty("content").EnumerateArray().Select(JsonNodeOf), type), Joined(streamed, type));
                Assert.Equal(whole.GetProperty("stop_reason").GetString(), reason);
            },
            iter: 100, threads: 1, writeLine: TestContext.Current.TestOutputHelper!.WriteLine);
    }

    [Fact]
    public async Task No_value_of_a_wrong_kind_is_more_than_a_bad_request()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        Assert.Equal(200, await StatusAsync(gateway, Whole));

        var paths = Paths(JsonNode.Parse(Whole)!, []).ToList();
        Assert.True(paths.Count > 50);
        foreach (var path in paths)
        {
            foreach (var other in _others)
            {
                var body = Replaced(path, other);
                var status = await StatusAsync(gateway, body);
                Assert.True(status is 200 or 400, $"{status} for {body}");
            }
        }
    }

    [Fact]
    public async Task A_request_that_is_cut_anywhere_is_a_bad_request()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());

        var body = Whole.Trim();
        for (var length = 1; length < body.Length; length++)
            Assert.Equal(400, await StatusAsync(gateway, body[..length]));
    }

    [Fact]
    public async Task Over_MCP_the_answers_are_the_same()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);

        foreach (var (body, status, contentType, ending) in (IReadOnlyList<(string, int, string, string)>)
            [
                (Body(true, ""), 200, "text/event-stream", "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
                (Body(false, ""), 200, "application/json", "\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}\n"),
                ("{}", 400, "application/json; charset=utf-8", "\"}"),
            ])
        {
            await using var answer = await client.HttpAsync("POST", "/v1/messages", Encoding.UTF8.GetBytes(body), cancellationToken: Token);
            var text = new StringBuilder();
            await foreach (var part in answer.ReadPartsAsync(Token))
                text.Append(Encoding.UTF8.GetString(part.Span));

            Assert.Equal((status, contentType), (answer.Status, answer.ContentType));
            Assert.EndsWith(ending, text.ToString(), StringComparison.Ordinal);
            Assert.StartsWith("req_", answer.Headers["request-id"], StringComparison.Ordinal);
        }
    }

    private static string Body(bool stream, string more) =>
        $$"""{"model":"m","max_tokens":9,"stream":{{(stream ? "true" : "false")}}{{more}},"messages":[{"role":"user","content":"x"}]}""";

    private static async Task<string> PostAsync(RunningGateway gateway, string body)
    {
        using var response = await gateway.PostAsync("/v1/messages", body);
        var text = await response.Content.ReadAsStringAsync(Token);
        Assert.True(response.IsSuccessStatusCode, text);
        return text;
    }

    private static async Task<int> StatusAsync(RunningGateway gateway, string body)
    {
        using var response = await gateway.PostAsync("/v1/messages", body);
        return (int)response.StatusCode;
    }

    /// <summary>Puts a stream together as a client does, and checks its order.</summary>
    private static (List<JsonObject> Blocks, string? Reason) Gather(string stream)
    {
        var blocks = new List<JsonObject>();
        var open = false;
        string? reason = null;
        foreach (var text in stream.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var data = JsonNode.Parse(text.Split('\n')[1]["data: ".Length..])!;
            switch ((string?)data["type"])
            {
                case "content_block_start":
                    Assert.False(open);
                    Assert.Equal(blocks.Count, (int)data["index"]!);
                    blocks.Add(data["content_block"]!.DeepClone().AsObject());
                    open = true;
                    break;
                case "content_block_delta":
                    Assert.True(open);
                    Assert.Equal(blocks.Count - 1, (int)data["index"]!);
                    Add(blocks[^1], data["delta"]!);
                    break;
                case "content_block_stop":
                    Assert.True(open);
                    open = false;
                    break;
                case "message_delta":
                    Assert.False(open);
                    reason = (string?)data["delta"]!["stop_reason"];
                    break;
            }
        }
        Assert.NotNull(reason);
        return (blocks, reason);
    }

    private static void Add(JsonObject block, JsonNode delta)
    {
        if ((string?)delta["type"] == "input_json_delta")
            block["input"] = JsonNode.Parse((string)delta["partial_json"]!);
        else
            block[(string)block["type"]!] = (string?)block[(string)block["type"]!] + (string?)delta[(string)block["type"]!];
    }

    /// <summary>What the blocks of one type say together.</summary>
    private static string Joined(IEnumerable<JsonObject> blocks, string type) => string.Concat(blocks.Where(block => (string?)block["type"] == type)
        .Select(block => type == "tool_use" ? $"{block["id"]} {block["name"]} {block["input"]!.ToJsonString()};" : (string?)block[type]));

    private static JsonObject JsonNodeOf(JsonElement element) => JsonObject.Create(element)!;

    private static JsonElement Calls(int count) => JsonSerializer.SerializeToElement(
        Enumerable.Range(0, count).Select(i => new { id = $"call_{i}", function = new { index = i, name = "f", arguments = new { text = "ü<\n", i } } }));

    private static async IAsyncEnumerable<GenerationUpdate> SayAsync(IReadOnlyList<GenerationUpdate> said)
    {
        await Task.Yield();
        foreach (var update in said)
            yield return update;
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Length } };
    }

    /// <summary>The places of all values.</summary>
    private static IEnumerable<object[]> Paths(JsonNode? node, object[] at)
    {
        yield return at;
        var children = node switch
        {
            JsonObject members => members.Select(member => ((object)member.Key, member.Value)),
            JsonArray items => items.Select((item, i) => ((object)i, item)),
            _ => [],
        };
        foreach (var (step, child) in children)
        {
            foreach (var path in Paths(child, [.. at, step]))
                yield return path;
        }
    }

    private static string Replaced(object[] path, string value)
    {
        if (path.Length == 0)
            return value;
        // By a mark, since what replaces it need not be a value that a parser of this process takes.
        const string Mark = "\u0001mark";
        var root = JsonNode.Parse(Whole)!;
        var parent = root;
        foreach (var step in path[..^1])
            parent = step is string name ? parent[name]! : parent[(int)step]!;
        if (path[^1] is string member)
            parent[member] = Mark;
        else
            parent[(int)path[^1]] = Mark;
        return root.ToJsonString().Replace(JsonSerializer.Serialize(Mark), value, StringComparison.Ordinal);
    }
}
