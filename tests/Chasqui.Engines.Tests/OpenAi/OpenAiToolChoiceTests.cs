using System.Text.Json;

namespace Chasqui.Engines.Tests.OpenAi;

/// <summary>How tools are to be used, in the words of each server.</summary>
public sealed class OpenAiToolChoiceTests
{
    private const string Called = "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";
    private const string Spelled = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"{\\\"name\\\":\\\"f\\\",\\\"arguments\\\":{\\\"a\\\":1}}\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

    private static readonly JsonElement _tools = JsonElement.Parse("""[{"type":"function","function":{"name":"g"}},{"type":"function","function":{"name":"f"}}]""");

    [Theory]
    [InlineData("llamacpp", null, "\"required\"", 2)]
    [InlineData("llamacpp", "f", "\"required\"", 1)]
    [InlineData("organization_owner", "f", "\"required\"", 1)]
    [InlineData("vllm", null, "\"required\"", 2)]
    [InlineData("vllm", "f", """{"type":"function","function":{"name":"f"}}""", 2)]
    [InlineData("another", "f", """{"type":"function","function":{"name":"f"}}""", 2)]
    public async Task A_call_is_demanded(string owner, string? name, string sent, int tools)
    {
        await using var server = new OpenAiScript(owner, Called);

        var updates = await Nodes.AllAsync(server.Engine.ChatAsync(
            OpenAiScript.Chat() with { Tools = _tools, Format = OutputFormat.Json, ToolChoice = new ToolChoice { Required = true, Name = name, Single = true } }, Nodes.Token));

        Assert.Equal(sent, server.Sent.GetProperty("tool_choice").GetRawText());
        Assert.False(server.Sent.GetProperty("parallel_tool_calls").GetBoolean());
        Assert.Equal(tools, server.Sent.GetProperty("tools").GetArrayLength());
        Assert.Equal("f", server.Sent.GetProperty("tools")[tools - 1].GetProperty("function").GetProperty("name").GetString());
        Assert.False(server.Sent.TryGetProperty("response_format", out _));
        Assert.Equal("a", Assert.Single(updates[^1].ToolCalls!.Value.EnumerateArray()).GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_server_that_does_not_listen_is_held_to_the_form_of_a_call()
    {
        await using var server = new OpenAiScript("library", Spelled);

        var updates = await Nodes.AllAsync(server.Engine.ChatAsync(OpenAiScript.Chat() with { Tools = _tools, ToolChoice = new ToolChoice { Required = true, Name = "f" } }, Nodes.Token));

        Assert.Equal("f", server.Sent.GetProperty("response_format").GetProperty("json_schema").GetProperty("schema").GetProperty("properties").GetProperty("name").GetProperty("const").GetString());
        var call = Assert.Single(updates[^1].ToolCalls!.Value.EnumerateArray()).GetProperty("function");
        Assert.Equal(("f", """{"a":1}"""), (call.GetProperty("name").GetString(), call.GetProperty("arguments").GetRawText()));
        Assert.All(updates, update => Assert.Equal("", update.Text));
    }

    [Theory]
    [InlineData("vllm")]
    [InlineData("library")]
    public async Task Without_the_tool_nothing_is_sent(string owner)
    {
        await using var server = new OpenAiScript(owner, Called);

        await Nodes.FailAsync<GenerationUpdate, InvalidRequestException>(server.Engine.ChatAsync(OpenAiScript.Chat() with { Tools = _tools, ToolChoice = new ToolChoice { Required = true, Name = "x" } }, Nodes.Token));

        Assert.DoesNotContain(server.Requests, request => request.Method == "POST");
    }
}
