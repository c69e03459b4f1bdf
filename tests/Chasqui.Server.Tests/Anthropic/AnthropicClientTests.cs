// The package calls the temperature obsolete, since Anthropic's newest models have none; local ones have.
#pragma warning disable CS0618

using System.Text.Json;
using Anthropic;
using Anthropic.Exceptions;
using Anthropic.Models.Messages;
using Microsoft.Extensions.AI;

namespace Chasqui.Server.Tests;

/// <summary>Anthropic's own .NET package, unchanged, against the embedded engine and the shipped model.</summary>
public abstract class AnthropicClientTests(EngineProcess process) : IAsyncLifetime
{
    private readonly OllamaStoreFolder _store = new();
    private RunningGateway _gateway = null!;
    private AnthropicClient _client = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await RunningGateway.StartAsync(process, options => options with { Models = new ModelOptions { OllamaStore = _store.Folder } });
        _client = Client(_gateway);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _client.Dispose();
        await _gateway.DisposeAsync();
        _store.Dispose();
    }

    [Fact]
    public async Task It_answers_streamed_and_whole_alike()
    {
        var whole = await _client.Messages.Create(Hello("mini"), Token);
        var text = "";
        var kinds = new List<string>();
        StopReason? reason = null;
        long tokens = 0;
        await foreach (var one in _client.Messages.CreateStreaming(Hello("mini"), Token))
        {
            one.Validate();
            kinds.Add(one.Type.GetString()!);
            if (one.TryPickContentBlockDelta(out var delta) && delta.Delta.TryPickText(out var piece))
                text += piece.Text;
            if (one.TryPickDelta(out var end))
                (reason, tokens) = (end.Delta.StopReason!.Value(), end.Usage.OutputTokens);
        }

        whole.Validate();
        Assert.Equal("mini", whole.Model.Raw());
        Assert.True(Assert.Single(whole.Content).TryPickText(out var block));
        Assert.NotEmpty(block.Text.Trim());
        Assert.Equal(block.Text, text);
        Assert.Equal((StopReason.MaxTokens, 8), (whole.StopReason!.Value(), whole.Usage.OutputTokens));
        Assert.Equal((StopReason.MaxTokens, 8), (reason, tokens));
        Assert.Equal(("message_start", "message_stop"), (kinds[0], kinds[^1]));
    }

    [Fact]
    public async Task It_is_told_what_a_thinking_model_thinks()
    {
        var parameters = Hello("mini-think") with { Thinking = new ThinkingConfigEnabled(1024) };

        var whole = await _client.Messages.Create(parameters, Token);
        var thoughts = "";
        await foreach (var one in _client.Messages.CreateStreaming(parameters, Token))
        {
            if (one.TryPickContentBlockDelta(out var delta) && delta.Delta.TryPickThinking(out var piece))
                thoughts += piece.Thinking;
        }

        whole.Validate();
        Assert.True(Assert.Single(whole.Content).TryPickThinking(out var block));
        Assert.NotEmpty(block.Thinking);
        Assert.Equal(block.Thinking, thoughts);
    }

    [Fact]
    public async Task What_is_counted_is_what_is_used()
    {
        foreach (var tools in (IReadOnlyList<ToolUnion>[])[[], [Weather]])
        {
            var hello = Hello("mini-tools") with { Tools = tools };
            var counted = await _client.Messages.CountTokens(
                new MessageCountTokensParams { Model = hello.Model, Messages = hello.Messages, System = "Be brief.", Tools = [.. tools.Select(_ => new MessageCountTokensTool(Weather))] }, Token);
            var used = await _client.Messages.Create(hello, Token);

            Assert.Equal(used.Usage.InputTokens, counted.InputTokens);
            Assert.True(counted.InputTokens > 10);
        }
    }

    [Fact]
    public async Task A_prompt_longer_than_the_context_is_counted_whole()
    {
        var long1 = await _client.Messages.CountTokens(Counted(string.Join(' ', Enumerable.Repeat("sea", 3_000))), Token);
        var short1 = await _client.Messages.CountTokens(Counted("sea"), Token);

        Assert.True(long1.InputTokens >= 3_000 + short1.InputTokens - 1, $"{long1.InputTokens}");
    }

    [Fact]
    public async Task It_calls_a_tool_and_takes_its_result()
    {
        var seen = new List<ChatRequest>();
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (request, token) => CallAsync(seen, (ChatRequest)request) });
        using var client = Client(gateway);
        var hello = Hello("m") with { Tools = [Weather] };

        var called = await client.Messages.Create(hello, Token);
        called.Validate();
        Assert.Equal(StopReason.ToolUse, called.StopReason!.Value());
        Assert.True(Assert.Single(called.Content).TryPickToolUse(out var call));
        Assert.Equal(("weather", "Lima"), (call.Name, call.Input["city"].GetString()));
        var answered = await client.Messages.Create(
            hello with
            {
                Messages =
                [
                    .. hello.Messages,
                    new() { Role = Role.Assistant, Content = new List<ContentBlockParam> { new ToolUseBlockParam { ID = call.ID, Name = call.Name, Input = call.Input } } },
                    new() { Role = Role.User, Content = new List<ContentBlockParam> { new ToolResultBlockParam { ToolUseID = call.ID, Content = "18 degrees" } } },
                ],
            }, Token);

        Assert.Equal(StopReason.EndTurn, answered.StopReason!.Value());
        Assert.Equal(["system", "user", "assistant", "tool"], seen[1].Messages.Select(turn => turn.Role));
        Assert.Equal(("weather", "18 degrees"), (seen[1].Messages[3].ToolName, seen[1].Messages[3].Content));
        Assert.Equal("weather", seen[1].Tools!.Value[0].GetProperty("function").GetProperty("name").GetString());
    }

    [Fact]
    public async Task Errors_are_those_that_the_package_knows()
    {
        var missing = await Assert.ThrowsAsync<AnthropicNotFoundException>(() => _client.Messages.Create(Hello("nope"), Token));
        Assert.Contains("not_found_error", missing.ResponseBody, StringComparison.Ordinal);
        Assert.Contains("model 'nope' not found", missing.ResponseBody, StringComparison.Ordinal);

        await Assert.ThrowsAsync<AnthropicBadRequestException>(() => _client.Messages.Create(Hello("mini") with { Temperature = 200 }, Token));
        await Assert.ThrowsAsync<AnthropicNotFoundException>(() => _client.Messages.CountTokens(Counted("x") with { Model = "nope" }, Token));
    }

    [Fact]
    public async Task Tools_that_a_model_may_leave_alone_and_does_not_know_are_passed_over()
    {
        var answer = await _client.Messages.Create(Hello("mini") with { Tools = [Weather] }, Token);

        Assert.True(Assert.Single(answer.Content).TryPickText(out _));
    }

    [Fact]
    public async Task A_stream_that_breaks_is_an_error_of_the_package()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.FailAfterAsync(["one"], new EngineFailedException("the engine broke"), token),
        });
        using var client = Client(gateway);

        var error = await Assert.ThrowsAnyAsync<AnthropicException>(async () =>
        {
            await foreach (var _ in client.Messages.CreateStreaming(Hello("m"), Token))
            {
            }
        });
        Assert.Contains("the engine broke", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_chat_client_of_Microsoft_answers_streamed_and_whole()
    {
        using var client = _client.AsIChatClient("mini", 12);
        var options = new ChatOptions { Temperature = 0 };

        var whole = await client.GetResponseAsync("Hello!", options, Token);
        var streamed = "";
        await foreach (var update in client.GetStreamingResponseAsync("Hello!", options, Token))
            streamed += update.Text;

        Assert.NotEmpty(whole.Text.Trim());
        Assert.Equal(whole.Text, streamed);
        Assert.True(whole.Usage!.InputTokenCount > 0);
        Assert.NotNull(whole.FinishReason);
    }

    [Fact]
    public async Task A_schema_holds()
    {
        var schema = new Dictionary<string, JsonElement>
        {
            ["type"] = JsonSerializer.SerializeToElement("object"),
            ["properties"] = JsonDocument.Parse("""{"colour":{"enum":["red","blue"]}}""").RootElement,
            ["required"] = JsonDocument.Parse("""["colour"]""").RootElement,
            ["additionalProperties"] = JsonSerializer.SerializeToElement(false),
        };
        var parameters = Hello("mini") with { MaxTokens = 100, OutputConfig = new OutputConfig { Format = new JsonOutputFormat { Schema = schema } } };

        var answer = await _client.Messages.Create(parameters, Token);

        Assert.True(Assert.Single(answer.Content).TryPickText(out var block));
        Assert.Contains(JsonDocument.Parse(block.Text).RootElement.GetProperty("colour").GetString(), (string[])["red", "blue"]);
    }

    private static Tool Weather => new()
    {
        Name = "weather",
        Description = "The weather of a city",
        InputSchema = new InputSchema
        {
            Properties = new Dictionary<string, JsonElement> { ["city"] = JsonDocument.Parse("""{"type":"string"}""").RootElement },
            Required = ["city"],
        },
    };

    private static AnthropicClient Client(RunningGateway gateway) =>
        new() { BaseUrl = gateway.Address.ToString().TrimEnd('/'), ApiKey = "any", MaxRetries = 0 };

    private static MessageCreateParams Hello(string model) => new()
    {
        Model = model,
        MaxTokens = 8,
        Temperature = 0,
        System = "Be brief.",
        Messages = [new() { Role = Role.User, Content = "Hello!" }],
    };

    private static MessageCountTokensParams Counted(string text) =>
        new() { Model = "mini", Messages = [new() { Role = Role.User, Content = text }] };

    private static async IAsyncEnumerable<GenerationUpdate> CallAsync(List<ChatRequest> seen, ChatRequest request)
    {
        await Task.Yield();
        seen.Add(request);
        yield return new GenerationUpdate
        {
            Text = seen.Count > 1 ? "It is warm." : "",
            ToolCalls = seen.Count > 1 ? null : JsonDocument.Parse("""[{"id":"call_1","function":{"index":0,"name":"weather","arguments":{"city":"Lima"}}}]""").RootElement,
            Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 3, CompletionTokens = 5 },
        };
    }
}

/// <summary>With the engine in a worker process, as it comes.</summary>
public sealed class AnthropicClientWorkerTests() : AnthropicClientTests(EngineProcess.Worker);

/// <summary>With the engine in the gateway's own process.</summary>
public sealed class AnthropicClientGatewayTests() : AnthropicClientTests(EngineProcess.Gateway);
