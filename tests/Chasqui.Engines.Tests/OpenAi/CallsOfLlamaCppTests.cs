using System.Text.Json;

namespace Chasqui.Engines.Tests.OpenAi;

/// <summary>Calls of tools that must be made, before servers that take the demand and pass over it, as llama.cpp's server (build 11669) does where a model's template has no place for tools.</summary>
public sealed class CallsOfLlamaCppTests
{
    private const string Without = """{"total_slots":1,"chat_template":"{{ messages }}","chat_template_caps":{"supports_tools":false},"build_info":"b11669"}""";
    private const string With = """{"total_slots":1,"chat_template":"{{ tools }}","chat_template_caps":{"supports_tools":true},"build_info":"b11669"}""";
    private const string Spelled = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"{\\\"name\\\":\\\"f\\\",\\\"arguments\\\":{\\\"a\\\":1}}\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";
    private const string Said = "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"Hm.\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"No.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";
    private const string Cut = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"No.\"},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";
    private const string Called = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Well. \"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

    private static readonly JsonElement _tools = JsonElement.Parse("""[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}}}]""");

    [Theory]
    [InlineData(null)]
    [InlineData("f")]
    public async Task A_model_without_tools_is_told_of_them_in_words_and_held_to_the_form_of_a_call(string? name)
    {
        await using var server = new OpenAiScript("llamacpp", Spelled).With("GET /props", Without);

        var updates = await Nodes.AllAsync(server.Engine.ChatAsync(Asked(name), Nodes.Token));

        Assert.False(server.Sent.TryGetProperty("tools", out _));
        Assert.False(server.Sent.TryGetProperty("tool_choice", out _));
        Assert.Contains("\"name\":\"f\"", server.Sent.GetProperty("messages")[0].GetProperty("content").GetString(), StringComparison.Ordinal);
        var schema = server.Sent.GetProperty("response_format").GetProperty("json_schema").GetProperty("schema");
        Assert.Equal("f", schema.GetProperty("properties").GetProperty("name").GetProperty("const").GetString());
        AssertCall(updates);
    }

    [Fact]
    public async Task One_with_tools_is_asked_by_the_word_for_it()
    {
        await using var server = new OpenAiScript("llamacpp", Called).With("GET /props", With);

        var updates = await Nodes.AllAsync(server.Engine.ChatAsync(Asked(null), Nodes.Token));

        Assert.Equal("required", server.Sent.GetProperty("tool_choice").GetString());
        Assert.Equal("Well. ", string.Concat(updates.Select(update => update.Text)));
        AssertCall(updates, text: "Well. ");
        Assert.Single(server.Requests, request => request.Method == "POST");
    }

    [Theory]
    [InlineData("vllm")]
    [InlineData("another")]
    [InlineData("llamacpp")]
    public async Task A_server_that_says_something_else_is_asked_once_more_and_held_to_it(string owner)
    {
        await using var server = new OpenAiScript(owner, body => body.Contains("response_format", StringComparison.Ordinal) ? Spelled : Said);

        var updates = await Nodes.AllAsync(server.Engine.ChatAsync(Asked("f"), Nodes.Token));

        AssertCall(updates);
        Assert.Equal("Hm.", string.Concat(updates.Select(update => update.Thinking)));
        // Both answers were made.
        Assert.Equal((9, 8), (updates[^1].Result!.PromptTokens, updates[^1].Result!.CompletionTokens));
        Assert.Equal(2, server.Requests.Count(request => request.Method == "POST"));
    }

    [Fact]
    public async Task An_answer_that_met_its_limit_is_told_as_it_is()
    {
        await using var server = new OpenAiScript("vllm", Cut);

        var updates = await Nodes.AllAsync(server.Engine.ChatAsync(Asked(null), Nodes.Token));

        Assert.Equal(("No.", FinishReason.Length), (string.Concat(updates.Select(update => update.Text)), updates[^1].Result!.Reason));
        Assert.Single(server.Requests, request => request.Method == "POST");
    }

    [Fact]
    public async Task A_call_that_a_server_spells_is_a_call_at_once()
    {
        await using var server = new OpenAiScript("another", Spelled);

        AssertCall(await Nodes.AllAsync(server.Engine.ChatAsync(Asked(null), Nodes.Token)));

        Assert.Single(server.Requests, request => request.Method == "POST");
    }

    [Theory]
    [InlineData(Without, true)]
    [InlineData(With, false)]
    [InlineData("""{"chat_template":"{{ messages }}"}""", true)]
    [InlineData("""{"chat_template":"{{ tools }}"}""", false)]
    [InlineData("{}", false)]
    public async Task The_report_tells_whether_requests_that_pass_would_be_heeded(string properties, bool ignores)
    {
        await using var server = new OpenAiScript("llamacpp").With("GET /props", properties);

        Assert.Equal(ignores, (await server.Node.ReportAsync(Nodes.Token)).IgnoresToolChoice);
    }

    private static ChatRequest Asked(string? name) => OpenAiScript.Chat() with { Tools = _tools, ToolChoice = new ToolChoice { Required = true, Name = name } };

    private static void AssertCall(List<GenerationUpdate> updates, string text = "")
    {
        var call = Assert.Single(updates[^1].ToolCalls!.Value.EnumerateArray()).GetProperty("function");
        Assert.Equal(("f", """{"a":1}"""), (call.GetProperty("name").GetString(), call.GetProperty("arguments").GetRawText()));
        Assert.Equal(text, string.Concat(updates.Select(update => update.Text)));
    }
}
