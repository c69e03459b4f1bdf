using System.Text.Json;
using Chasqui.Gateway;
using OllamaSharp.Models.Chat;
using OllamaSharp.Models.Exceptions;
using TheirMessage = OllamaSharp.Models.Chat.Message;
using TheirRole = OllamaSharp.Models.Chat.ChatRole;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Tools, shapes and thoughts over OllamaSharp, unchanged, before both kinds of node.</summary>
public sealed class OllamaSharpToolsBeforeNodesTests
{
    private static readonly JsonElement _shape = JsonDocument.Parse("""{"type":"object","properties":{"city":{"enum":["Lima"]},"n":{"type":"integer"}},"required":["city","n"]}""").RootElement;

    private static Tool Weather => new()
    {
        Function = new Function
        {
            Name = "get_weather",
            Description = "The weather of a city",
            Parameters = new Parameters { Properties = new() { ["city"] = new Property { Type = "string", Enum = ["Lima"] } }, Required = ["city"] },
        },
    };

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_tool_is_called_and_its_result_goes_back(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var ask = OllamaSharpChat.Hello("mini-tools", "What is the weather in Lima?");
        ask.Tools = [Weather];

        var (streamed, whole) = await OllamaSharpChat.BothAsync(fleet, ask);
        foreach (var call in (TheirMessage.ToolCall[])[Assert.Single(streamed.Calls), Assert.Single(whole.Calls)])
        {
            Assert.Equal("get_weather", call.Function!.Name);
            Assert.Equal("Lima", call.Function.Arguments!["city"]!.ToString());
            Assert.NotEmpty(call.Id!);
        }
        ask.Messages =
        [
            .. ask.Messages!,
            new TheirMessage { Role = TheirRole.Assistant, ToolCalls = whole.Calls },
            new TheirMessage(TheirRole.Tool, "18 degrees") { ToolName = "get_weather" },
        ];
        var then = await OllamaSharpChat.RunAsync(fleet, ask, stream: true);

        Assert.Empty(then.Calls);
        Assert.NotEmpty(then.Text);
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task An_answer_has_the_shape_of_a_schema(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var ask = OllamaSharpChat.Hello("mini");
        ask.Format = _shape;

        var (streamed, _) = await OllamaSharpChat.BothAsync(fleet, ask);

        var answer = JsonDocument.Parse(streamed.Text).RootElement;
        Assert.Equal(("Lima", 7), (answer.GetProperty("city").GetString(), answer.GetProperty("n").GetInt32()));
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task What_a_model_thinks_is_told_apart(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var ask = OllamaSharpChat.Hello("mini-think");
        ask.Think = true;

        var (streamed, whole) = await OllamaSharpChat.BothAsync(fleet, ask);

        Assert.NotEmpty(whole.Thoughts);
        Assert.Equal(whole.Thoughts, streamed.Thoughts);
        Assert.DoesNotContain(whole.Thoughts, whole.Text, StringComparison.Ordinal);
        Assert.Equal(24, whole.Done!.EvalCount);
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_model_without_tools_is_the_exception_of_the_package(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var ask = OllamaSharpChat.Hello("mini");
        ask.Tools = [Weather];

        foreach (var stream in (bool[])[true, false])
            await Assert.ThrowsAsync<ModelDoesNotSupportToolsException>(() => OllamaSharpChat.RunAsync(fleet, ask, stream));
    }
}
