using System.Text.Json;

namespace Chasqui.Server.Tests;

/// <summary>A call that must be made, on the embedded engine: models that know tools, that know none, and that think before.</summary>
public sealed class ForcedToolsTests : IAsyncLifetime
{
    private readonly OllamaStoreFolder _store = new();
    private RunningGateway _gateway = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() =>
        _gateway = await RunningGateway.StartAsync(options => options with { Models = new ModelOptions { OllamaStore = _store.Folder } });

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        _store.Dispose();
    }

    [Theory]
    [InlineData("mini")]
    [InlineData("mini-tools")]
    public async Task A_message_is_a_call_whole_and_streamed(string model)
    {
        const string Rest = """
            "max_tokens":50,"temperature":0,"messages":[{"role":"user","content":"What is the weather?"}],"tools":[{"name":"w","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}
            """;

        var whole = JsonElement.Parse(await PostAsync("/v1/messages", $$"""{"model":"{{model}}",{{Rest}}}"""));
        var streamed = await PostAsync("/v1/messages", $$"""{"model":"{{model}}","stream":true,{{Rest}}}""");

        Assert.Equal("tool_use", whole.GetProperty("stop_reason").GetString());
        var block = Assert.Single(whole.GetProperty("content").EnumerateArray());
        Assert.Equal(("tool_use", "w", "{}"), (block.GetProperty("type").GetString(), block.GetProperty("name").GetString(), block.GetProperty("input").GetRawText()));
        Assert.Contains("\"type\":\"input_json_delta\",\"partial_json\":\"{}\"", streamed, StringComparison.Ordinal);
        Assert.Contains("\"stop_reason\":\"tool_use\"", streamed, StringComparison.Ordinal);
        Assert.DoesNotContain("text_delta", streamed, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mini", false)]
    [InlineData("mini", true)]
    [InlineData("mini-tools", false)]
    [InlineData("mini-tools", true)]
    public async Task A_chat_calls_the_tool_that_is_named_with_arguments_of_its_schema(string model, bool stream)
    {
        var text = await PostAsync("/v1/chat/completions", $$$$$"""
            {"model":"{{{{{model}}}}}","max_tokens":300,"temperature":0,"stream":{{{{{(stream ? "true" : "false")}}}}},"messages":[{"role":"user","content":"Hello!"}],
             "tool_choice":{"type":"function","function":{"name":"f"}},
             "tools":[{"type":"function","function":{"name":"g","parameters":{"type":"object"}}},
                      {"type":"function","function":{"name":"f","parameters":{"$defs":{"town":{"enum":["Lima","Cusco"]}},"type":"object","properties":{"city":{"$ref":"#/$defs/town"},"days":{"type":"integer","minimum":1,"maximum":3}},"required":["city","days"],"additionalProperties":false}}}]}
            """);

        var json = stream ? text.Split('\n').First(line => line.Contains("tool_calls", StringComparison.Ordinal))["data: ".Length..] : text;
        var choice = JsonElement.Parse(json).GetProperty("choices")[0];
        var function = Assert.Single(choice.GetProperty(stream ? "delta" : "message").GetProperty("tool_calls").EnumerateArray()).GetProperty("function");
        Assert.Equal("f", function.GetProperty("name").GetString());
        var arguments = JsonElement.Parse(function.GetProperty("arguments").GetString()!);
        Assert.Contains(arguments.GetProperty("city").GetString(), (string[])["Lima", "Cusco"]);
        Assert.InRange(arguments.GetProperty("days").GetInt32(), 1, 3);
        Assert.Contains("\"finish_reason\":\"tool_calls\"", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mini")]
    [InlineData("mini-tools")]
    public async Task A_response_is_a_call(string model)
    {
        const string Rest = """
            "max_output_tokens":50,"temperature":0,"input":"What is the weather?","parallel_tool_calls":false,"tool_choice":{"type":"function","name":"w"},
            "tools":[{"type":"function","name":"v","parameters":{"type":"object"}},{"type":"function","name":"w","parameters":{"type":"object"}}]
            """;

        var whole = JsonElement.Parse(await PostAsync("/v1/responses", $$"""{"model":"{{model}}",{{Rest}}}"""));
        var streamed = await PostAsync("/v1/responses", $$"""{"model":"{{model}}","stream":true,{{Rest}}}""");

        var item = Assert.Single(whole.GetProperty("output").EnumerateArray());
        Assert.Equal(("function_call", "w", "{}"), (item.GetProperty("type").GetString(), item.GetProperty("name").GetString(), item.GetProperty("arguments").GetString()));
        Assert.Equal("""{"type":"function","name":"w"}""", whole.GetProperty("tool_choice").GetRawText());
        Assert.False(whole.GetProperty("parallel_tool_calls").GetBoolean());
        Assert.Contains("\"type\":\"response.function_call_arguments.done\"", streamed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_thinks_may_do_so_before_its_call()
    {
        var text = await PostAsync("/v1/messages", """
            {"model":"mini-think","max_tokens":60,"temperature":0,"messages":[{"role":"user","content":"Hello!"}],"tools":[{"name":"w","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}}
            """);

        // A model this small thinks for as long as it may; what matters is that its thoughts are not held to the form of a call.
        var first = JsonElement.Parse(text).GetProperty("content")[0];
        Assert.Equal("thinking", first.GetProperty("type").GetString());
        Assert.DoesNotContain("\"arguments\"", first.GetProperty("thinking").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_thinking_it_calls_at_once()
    {
        var text = await PostAsync("/v1/messages", """
            {"model":"mini-think","max_tokens":60,"thinking":{"type":"disabled"},"messages":[{"role":"user","content":"Hello!"}],"tools":[{"name":"w","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"w"}}
            """);

        Assert.Equal("tool_use", Assert.Single(JsonElement.Parse(text).GetProperty("content").EnumerateArray()).GetProperty("type").GetString());
    }

    [Theory]
    [InlineData("/v1/messages", """{"model":"mini","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"any"}}""")]
    [InlineData("/v1/chat/completions", """{"model":"mini","messages":[{"role":"user","content":"x"}],"tool_choice":"required"}""")]
    public async Task Without_tools_there_is_nothing_to_call(string path, string body)
    {
        using var response = await _gateway.PostAsync(path, body);

        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains("tool_choice asks for the call of a tool, but there are no tools", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_input_is_told_exactly_from_the_first_event_on()
    {
        const string Body = """{"model":"mini","max_tokens":4,"temperature":0,"stream":true,"messages":[{"role":"user","content":"How many tokens have these words of mine?"}]}""";

        var counted = JsonElement.Parse(await PostAsync("/v1/messages/count_tokens", Body)).GetProperty("input_tokens").GetInt32();
        foreach (var _ in (int[])[1, 2])
        {
            var events = (await PostAsync("/v1/messages", Body)).Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal)).Select(line => JsonElement.Parse(line[6..])).ToList();
            var first = events[0].GetProperty("message").GetProperty("usage");
            var last = events.Single(one => one.GetProperty("type").GetString() == "message_delta").GetProperty("usage");

            Assert.Equal(counted, first.GetProperty("input_tokens").GetInt32());
            Assert.Equal(counted, last.GetProperty("input_tokens").GetInt32());
        }
    }

    private async Task<string> PostAsync(string path, string body)
    {
        using var response = await _gateway.PostAsync(path, body);
        var text = await response.Content.ReadAsStringAsync(Token);
        Assert.True(response.IsSuccessStatusCode, text);
        return text;
    }
}
