using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>A call that must be made: told to a node that listens to it, and elsewhere held by the form of the answer, also where the model knows no tools.</summary>
public sealed class ForcedToolsBeforeNodesTests
{
    private const string Parameters = """{"type":"object","properties":{"city":{"enum":["Lima"]}},"required":["city"]}""";

    private static readonly string[] _shapes = ["any", "named", "one"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<NodeKind, string, string, bool, string> Cases
    {
        get
        {
            var cases = new TheoryData<NodeKind, string, string, bool, string>();
            foreach (var kind in (NodeKind[])[NodeKind.Ollama, NodeKind.OpenAi])
            {
                foreach (var path in (string[])["/v1/messages", "/v1/chat/completions"])
                {
                    foreach (var model in (string[])["mini", "mini-tools", "mini-both"])
                    {
                        foreach (var shape in _shapes)
                            cases.Add(kind, path, model, shape == "any", shape);
                        cases.Add(kind, path, model, true, "one");
                    }
                }
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_answer_is_a_call(NodeKind kind, string path, string model, bool stream, string shape)
    {
        await using var fleet = await StartAsync(kind);

        using var response = await fleet.Gateway.PostAsync(path, Body(path, model, stream, shape));
        var text = await response.Content.ReadAsStringAsync(Token);

        Assert.True(response.IsSuccessStatusCode, text);
        var call = path == "/v1/messages" ? MessageCall(text, stream) : ChatCall(text, stream);
        Assert.Equal((shape == "any" ? "first" : "wanted", """{"city":"Lima"}"""), call);
        var asked = Asked(fleet);
        Assert.Equal(kind == NodeKind.Ollama ? "/api/chat" : "/v1/chat/completions", asked.Path);
        if (kind == NodeKind.OpenAi && model != "mini")
            Assert.Equal(shape == "any" ? "\"required\"" : """{"type":"function","function":{"name":"wanted"}}""", asked.Body.GetProperty("tool_choice").GetRawText());
    }

    [Theory]
    [InlineData(NodeKind.Ollama, "/v1/messages")]
    [InlineData(NodeKind.OpenAi, "/v1/messages")]
    [InlineData(NodeKind.Ollama, "/v1/chat/completions")]
    [InlineData(NodeKind.OpenAi, "/v1/chat/completions")]
    public async Task A_tool_that_is_not_there_is_refused_by_name(NodeKind kind, string path)
    {
        await using var fleet = await StartAsync(kind);

        using var response = await fleet.Gateway.PostAsync(path, Body(path, "mini-tools", false, "one").Replace("\"name\":\"wanted\",\"input", "\"name\":\"other\",\"input", StringComparison.Ordinal)
            .Replace("\"name\":\"wanted\",\"parameters", "\"name\":\"other\",\"parameters", StringComparison.Ordinal));

        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains("tool_choice names the tool \\\"wanted\\\", which is not among the tools", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/messages", "\"tool_choice\":{\"type\":\"none\"}")]
    [InlineData("/v1/chat/completions", "\"tool_choice\":\"none\"")]
    public async Task A_node_that_does_not_listen_is_not_shown_tools_that_must_not_be_used(string path, string choice)
    {
        await using var fleet = await StartAsync(NodeKind.Ollama);

        using var response = await fleet.Gateway.PostAsync(path, Body(path, "mini-tools", false, "any").Replace(Choice(path, "any"), choice, StringComparison.Ordinal));

        Assert.True(response.IsSuccessStatusCode);
        Assert.False(Asked(fleet).Body.TryGetProperty("tools", out _));
    }

    [Fact]
    public async Task What_is_left_to_the_model_passes_as_it_is()
    {
        await using var fleet = await StartAsync(NodeKind.Ollama);

        foreach (var path in (string[])["/v1/messages", "/v1/chat/completions"])
        {
            var auto = path == "/v1/messages" ? "\"tool_choice\":{\"type\":\"auto\"}" : "\"tool_choice\":\"auto\"";
            using var response = await fleet.Gateway.PostAsync(path, Body(path, "mini-tools", false, "any").Replace(Choice(path, "any"), auto, StringComparison.Ordinal));

            Assert.True(response.IsSuccessStatusCode);
            Assert.Equal(path, Asked(fleet).Path);
        }
    }

    /// <summary>llama.cpp's server takes the demand, and passes over it where its model's template has no place for tools.</summary>
    [Theory]
    [InlineData("/v1/messages", false, false)]
    [InlineData("/v1/messages", true, false)]
    [InlineData("/v1/chat/completions", false, false)]
    [InlineData("/v1/chat/completions", true, false)]
    [InlineData("/v1/messages", false, true)]
    [InlineData("/v1/chat/completions", true, true)]
    public async Task Before_the_server_of_llama_cpp_the_answer_is_a_call_whatever_its_model_knows(string path, bool stream, bool knowsTools)
    {
        await using var fleet = await Fleet.StartAsync(
            new DoubleScript { IsLlamaCpp = true, Models = [new DoubleModel { Name = "mini", Capabilities = knowsTools ? ["completion", "tools"] : ["completion"] }] }, kind: NodeKind.OpenAi);

        using var response = await fleet.Gateway.PostAsync(path, Body(path, "mini", stream, "any"));
        var text = await response.Content.ReadAsStringAsync(Token);

        Assert.True(response.IsSuccessStatusCode, text);
        var (name, arguments) = path == "/v1/messages" ? MessageCall(text, stream) : ChatCall(text, stream);
        Assert.Equal(("first", """{"city":"Lima"}"""), (name, arguments));
        var asked = Asked(fleet);
        Assert.Equal(knowsTools ? path : "/v1/chat/completions", asked.Path);
        Assert.Equal(!knowsTools, asked.Body.TryGetProperty("response_format", out _));

        // What is left to the model passes as it is.
        using var free = await fleet.Gateway.PostAsync(path, Body(path, "mini", stream, "any").Replace(Choice(path, "any") + ",", "", StringComparison.Ordinal));
        Assert.True(free.IsSuccessStatusCode);
        Assert.Equal(path, Asked(fleet).Path);
    }

    private static Task<Fleet> StartAsync(NodeKind kind) => Fleet.StartAsync(new DoubleScript
    {
        Models =
        [
            new DoubleModel { Name = "mini" },
            new DoubleModel { Name = "mini-tools", Capabilities = ["completion", "tools"] },
            new DoubleModel { Name = "mini-both", Capabilities = ["completion", "tools", "thinking"] },
        ],
    }, kind: kind);

    private static string Body(string path, string model, bool stream, string shape) => path == "/v1/messages"
        ? $$"""
            {"model":"{{model}}","max_tokens":200,"stream":{{(stream ? "true" : "false")}},"messages":[{"role":"user","content":"Hello!"}],{{Choice(path, shape)}},
             "tools":[{"name":"first","input_schema":{{Parameters}}},{"name":"wanted","input_schema":{{Parameters}}}]}
            """
        : $$$$"""
            {"model":"{{{{model}}}}","max_tokens":200,"stream":{{{{(stream ? "true" : "false")}}}},"messages":[{"role":"user","content":"Hello!"}],{{{{Choice(path, shape)}}}},
             "tools":[{"type":"function","function":{"name":"first","parameters":{{{{Parameters}}}}}},{"type":"function","function":{"name":"wanted","parameters":{{{{Parameters}}}}}}]}
            """;

    private static string Choice(string path, string shape) => (path == "/v1/messages", shape) switch
    {
        (true, "any") => "\"tool_choice\":{\"type\":\"any\"}",
        (true, "named") => "\"tool_choice\":{\"type\":\"tool\",\"name\":\"wanted\"}",
        (true, _) => "\"tool_choice\":{\"type\":\"tool\",\"name\":\"wanted\",\"disable_parallel_tool_use\":true}",
        (false, "any") => "\"tool_choice\":\"required\"",
        (false, "named") => "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"wanted\"}}",
        (false, _) => "\"parallel_tool_calls\":false,\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"wanted\"}}",
    };

    /// <summary>The last request that computed something.</summary>
    private static (string Path, JsonElement Body) Asked(Fleet fleet)
    {
        var last = fleet.Double.Requests.Last(request => request.Path is "/api/chat" or "/v1/chat/completions" or "/v1/messages");
        return (last.Path, JsonElement.Parse(last.Body));
    }

    private static (string Name, string Arguments) MessageCall(string text, bool stream)
    {
        if (!stream)
        {
            var answer = JsonElement.Parse(text);
            Assert.Equal("tool_use", answer.GetProperty("stop_reason").GetString());
            var block = Assert.Single(answer.GetProperty("content").EnumerateArray(), one => one.GetProperty("type").GetString() != "thinking");
            return (block.GetProperty("name").GetString()!, Compact(block.GetProperty("input").GetRawText()));
        }
        var events = Events(text);
        Assert.Contains(events, one => one.TryGetProperty("delta", out var delta) && delta.TryGetProperty("stop_reason", out var reason) && reason.GetString() == "tool_use");
        var start = Assert.Single(events, one => one.TryGetProperty("content_block", out var block) && block.GetProperty("type").GetString() == "tool_use");
        Assert.DoesNotContain(events, one => one.TryGetProperty("content_block", out var block) && block.GetProperty("type").GetString() == "text");
        var input = string.Concat(events.Select(one => one.TryGetProperty("delta", out var delta) && delta.TryGetProperty("partial_json", out var json) ? json.GetString() : ""));
        return (start.GetProperty("content_block").GetProperty("name").GetString()!, Compact(input));
    }

    private static (string Name, string Arguments) ChatCall(string text, bool stream)
    {
        var calls = stream
            ? Events(text).SelectMany(one => one.GetProperty("choices").EnumerateArray()).Select(choice => choice.GetProperty("delta"))
            : [JsonElement.Parse(text).GetProperty("choices")[0].GetProperty("message")];
        var made = calls.SelectMany(one => one.TryGetProperty("tool_calls", out var some) ? some.EnumerateArray() : default).ToList();
        var function = Assert.Single(made).GetProperty("function");
        Assert.Contains("\"finish_reason\":\"tool_calls\"", text, StringComparison.Ordinal);
        return (function.GetProperty("name").GetString()!, Compact(function.GetProperty("arguments").GetString()!));
    }

    private static List<JsonElement> Events(string text) =>
        [.. text.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal)).Select(line => JsonElement.Parse(line["data: ".Length..]))];

    private static string Compact(string json) => JsonSerializer.Serialize(JsonElement.Parse(json));
}
