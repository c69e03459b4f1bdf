using System.Text.Json;
using Anthropic.Exceptions;
using Anthropic.Models.Messages;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using TheirBlock = Anthropic.Models.Messages.ContentBlock;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Anthropic's .NET package, unchanged, before both kinds of node: one speaks its language, to the other it is translated.</summary>
public sealed class AnthropicBeforeNodesTests
{
    private static readonly IReadOnlyDictionary<string, JsonElement> _city = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>("""{"city":{"enum":["Lima"]}}""")!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Tool Weather => new() { Name = "weather", Description = "The weather of a city", InputSchema = new InputSchema { Properties = _city, Required = ["city"] } };

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_message_is_answered_streamed_and_whole_alike(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        var whole = await BothAsync(fleet, Hello("mini", "Hello!"));

        Assert.True(Assert.Single(whole.Content).TryPickText(out var block));
        Assert.NotEmpty(block.Text.Trim());
        Assert.Equal(("mini", StopReason.EndTurn, 16), (whole.Model.Raw(), whole.StopReason!.Value(), whole.Usage.OutputTokens));
        fleet.AssertAskedUnder(kind == NodeKind.Ollama ? "/v1/messages" : "/v1/chat/completions");
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_limit_of_tokens_is_held_and_told(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        var whole = await BothAsync(fleet, Hello("mini", "Hello!") with { MaxTokens = 3 });

        Assert.Equal((StopReason.MaxTokens, 3), (whole.StopReason!.Value(), whole.Usage.OutputTokens));
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_tool_is_called_and_its_result_goes_back(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var ask = Hello("mini-tools", "What is the weather in Lima?") with { Tools = [Weather] };

        var called = await BothAsync(fleet, ask);

        Assert.Equal(StopReason.ToolUse, called.StopReason!.Value());
        ToolUseBlock? call = null;
        Assert.Contains(called.Content, block => block.TryPickToolUse(out call));
        Assert.Equal(("weather", "Lima"), (call!.Name, call.Input["city"].GetString()));
        var answered = await BothAsync(fleet, ask with
        {
            Messages =
            [
                .. ask.Messages,
                new() { Role = Role.Assistant, Content = new List<ContentBlockParam> { new ToolUseBlockParam { ID = call.ID, Name = call.Name, Input = call.Input } } },
                new() { Role = Role.User, Content = new List<ContentBlockParam> { new ToolResultBlockParam { ToolUseID = call.ID, Content = "18 degrees" } } },
            ],
        });
        Assert.Equal(StopReason.EndTurn, answered.StopReason!.Value());
        Assert.True(Assert.Single(answered.Content).TryPickText(out var text));
        Assert.NotEmpty(text.Text);
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task What_a_model_thinks_is_told_apart(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        var whole = await BothAsync(fleet, Hello("mini-think", "Hello!") with { MaxTokens = 2000, Thinking = new ThinkingConfigEnabled(1024) });

        Assert.Equal(2, whole.Content.Count);
        Assert.True(whole.Content[0].TryPickThinking(out var thoughts));
        Assert.NotEmpty(thoughts.Thinking);
        Assert.True(whole.Content[1].TryPickText(out var text));
        Assert.DoesNotContain(thoughts.Thinking, text.Text, StringComparison.Ordinal);
        Assert.Equal(24, whole.Usage.OutputTokens);
    }

    [Fact]
    public async Task An_answer_has_the_shape_of_a_schema_where_it_is_translated()
    {
        // An Ollama that is asked in Anthropic's language has no such thing: OutputConfig in its anthropic/anthropic.go knows the effort alone.
        await using var fleet = await PackageFleet.StartAsync(NodeKind.OpenAi);
        var schema = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>("""{"type":"object","properties":{"city":{"enum":["Lima"]}},"required":["city"],"additionalProperties":false}""")!;

        var whole = await BothAsync(fleet, Hello("mini", "Hello!") with { OutputConfig = new OutputConfig { Format = new JsonOutputFormat { Schema = schema } } });

        Assert.True(Assert.Single(whole.Content).TryPickText(out var block));
        Assert.Equal("Lima", JsonDocument.Parse(block.Text).RootElement.GetProperty("city").GetString());
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task What_is_refused_is_an_exception_that_the_package_knows(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        var missing = await Assert.ThrowsAsync<AnthropicNotFoundException>(() => fleet.Anthropic.Messages.Create(Hello("nope", "Hello!"), Token));
        var streamed = await Assert.ThrowsAsync<AnthropicNotFoundException>(() => StreamAsync(fleet, Hello("nope", "Hello!")));
        Assert.All([missing.ResponseBody, streamed.ResponseBody], body => Assert.Contains("model 'nope' not found", body, StringComparison.Ordinal));

        // Where the request is translated, tools that the model may leave alone are passed over.
        if (kind == NodeKind.OpenAi)
        {
            Assert.NotEmpty((await fleet.Anthropic.Messages.Create(Hello("mini", "Hello!") with { Tools = [Weather] }, Token)).Content);
            return;
        }
        var unable = await Assert.ThrowsAsync<AnthropicBadRequestException>(() => fleet.Anthropic.Messages.Create(Hello("mini", "Hello!") with { Tools = [Weather] }, Token));
        Assert.Contains("does not support tools", unable.ResponseBody, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_stream_that_breaks_is_an_exception_of_the_package(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind, new Fault { Kind = FaultKind.DropMidStream, AfterTokens = 3 });

        var broken = await Assert.ThrowsAnyAsync<AnthropicException>(() => StreamAsync(fleet, Hello("mini", "Hello!")));

        Assert.Contains("n0", broken.ToString(), StringComparison.Ordinal);
    }

    private static MessageCreateParams Hello(string model, string text) => new()
    {
        Model = model,
        MaxTokens = 100,
        System = "Be brief.",
        Messages = [new() { Role = Role.User, Content = text }],
    };

    /// <summary>The same whole and streamed, which must say the same and have cost the same.</summary>
    private static async Task<Message> BothAsync(PackageFleet fleet, MessageCreateParams parameters)
    {
        var whole = await fleet.Anthropic.Messages.Create(parameters, Token);
        // A tool_use of Ollama lacks the caller, which the package asks for only here; ContentBlock in Ollama's anthropic/anthropic.go has none.
        if (!fleet.IsOllama || whole.StopReason!.Value() != StopReason.ToolUse)
            whole.Validate();
        var (text, reason, usage) = await StreamAsync(fleet, parameters);
        Assert.Equal(string.Concat(whole.Content.Select(Text)), text);
        Assert.Equal((whole.StopReason!.Value(), whole.Usage.InputTokens, whole.Usage.OutputTokens), (reason, usage!.InputTokens ?? 0, usage.OutputTokens));
        return whole;
    }

    private static async Task<(string Text, StopReason? Reason, MessageDeltaUsage? Usage)> StreamAsync(PackageFleet fleet, MessageCreateParams parameters)
    {
        var text = "";
        StopReason? reason = null;
        MessageDeltaUsage? usage = null;
        await foreach (var one in fleet.Anthropic.Messages.CreateStreaming(parameters, Token))
        {
            if (!fleet.IsOllama || !one.TryPickContentBlockStart(out _))
                one.Validate();
            if (one.TryPickContentBlockDelta(out var delta))
                text += Text(delta.Delta);
            if (one.TryPickDelta(out var end))
                (reason, usage) = (end.Delta.StopReason!.Value(), end.Usage);
        }
        return (text, reason, usage);
    }

    private static string Text(TheirBlock block) =>
        block.TryPickText(out var text) ? text.Text
        : block.TryPickThinking(out var thoughts) ? thoughts.Thinking
        : block.TryPickToolUse(out var call) ? JsonSerializer.Serialize(call.Input) : "";

    private static string Text(RawContentBlockDelta delta) =>
        delta.TryPickText(out var text) ? text.Text
        : delta.TryPickThinking(out var thoughts) ? thoughts.Thinking
        : delta.TryPickInputJson(out var call) ? Compact(call.PartialJson) : "";

    private static string Compact(string json) => JsonSerializer.Serialize(JsonDocument.Parse(json).RootElement);
}
