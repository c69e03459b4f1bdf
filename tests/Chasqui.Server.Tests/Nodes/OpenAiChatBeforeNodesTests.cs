using System.ClientModel;
using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using OpenAI.Chat;
using TheirMessage = OpenAI.Chat.ChatMessage;

// The package marks what lets a member through that it has no property for.
#pragma warning disable SCME0001

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Chats over OpenAI's package, unchanged, before both kinds of node; both speak its language.</summary>
public sealed class OpenAiChatBeforeNodesTests
{
    private static readonly BinaryData _city = BinaryData.FromString("""{"type":"object","properties":{"city":{"enum":["Lima"]},"n":{"type":"integer"}},"required":["city","n"]}""");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_chat_is_answered_streamed_and_whole_alike(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        var whole = await BothAsync(Client(fleet, "mini"), Hello("Hello!"), new ChatCompletionOptions { Temperature = 0 });

        Assert.NotEmpty(whole.Content[0].Text);
        Assert.Equal((ChatFinishReason.Stop, 16), (whole.FinishReason, whole.Usage.OutputTokenCount));
        Assert.Equal(whole.Usage.TotalTokenCount, whole.Usage.InputTokenCount + whole.Usage.OutputTokenCount);
        Assert.Equal("mini", whole.Model);
        fleet.AssertAskedUnder("/v1/chat/completions");
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_limit_of_tokens_is_held_and_told(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        // The package calls the limit by the newer name, which an Ollama does not know.
        var options = new ChatCompletionOptions();
        options.Patch.Set("$.max_tokens"u8, 3);
        var whole = await BothAsync(Client(fleet, "mini"), Hello("Hello!"), options);

        Assert.Equal((ChatFinishReason.Length, 3), (whole.FinishReason, whole.Usage.OutputTokenCount));
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_tool_is_called_and_its_result_goes_back(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var client = Client(fleet, "mini-tools");
        var options = new ChatCompletionOptions { Tools = { ChatTool.CreateFunctionTool("get_weather", "Get the weather", _city) } };

        var whole = await BothAsync(client, Hello("What is the weather in Lima?"), options);

        Assert.Equal(ChatFinishReason.ToolCalls, whole.FinishReason);
        var called = Assert.Single(whole.ToolCalls);
        Assert.Equal("get_weather", called.FunctionName);
        Assert.Equal("Lima", JsonDocument.Parse(called.FunctionArguments).RootElement.GetProperty("city").GetString());
        var then = await BothAsync(client, [.. Hello("What is the weather in Lima?"), new AssistantChatMessage(whole), new ToolChatMessage(called.Id, "Sunny.")], options);
        Assert.NotEmpty(then.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, then.FinishReason);
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task An_answer_has_the_shape_of_a_schema(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        var whole = await BothAsync(
            Client(fleet, "mini"), Hello("Hello!"), new ChatCompletionOptions { ResponseFormat = ChatResponseFormat.CreateJsonSchemaFormat("x", _city, null, true) });

        var answer = JsonDocument.Parse(whole.Content[0].Text).RootElement;
        Assert.Equal(("Lima", 7), (answer.GetProperty("city").GetString(), answer.GetProperty("n").GetInt32()));
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task Log_probabilities_come_with_their_alternatives(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var options = new ChatCompletionOptions { IncludeLogProbabilities = true, TopLogProbabilityCount = 3 };

        ChatCompletion whole = await Client(fleet, "mini").CompleteChatAsync(Hello("Hello!"), options, Token);
        var tokens = new List<string>();
        await foreach (var update in Client(fleet, "mini").CompleteChatStreamingAsync(Hello("Hello!"), options, Token))
            tokens.AddRange(update.ContentTokenLogProbabilities.Select(token => token.Token));

        Assert.Equal(16, whole.ContentTokenLogProbabilities.Count);
        Assert.All(whole.ContentTokenLogProbabilities, token => Assert.Equal(3, token.TopLogProbabilities.Count));
        Assert.Equal(whole.Content[0].Text, string.Concat(tokens));
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task What_is_refused_is_an_exception_that_says_why(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var tools = new ChatCompletionOptions { Tools = { ChatTool.CreateFunctionTool("get_weather") } };

        foreach (var (model, options, status, text) in ((string, ChatCompletionOptions, int, string)[])
            [("nope", new(), 404, "model 'nope' not found"), ("mini", tools, 400, "does not support tools")])
        {
            var whole = await Assert.ThrowsAsync<ClientResultException>(() => Client(fleet, model).CompleteChatAsync(Hello("Hello!"), options, Token));
            var streamed = await Assert.ThrowsAsync<ClientResultException>(async () =>
            {
                await foreach (var _ in Client(fleet, model).CompleteChatStreamingAsync(Hello("Hello!"), options, Token))
                {
                }
            });
            Assert.Equal((status, status), (whole.Status, streamed.Status));
            Assert.Contains(text, whole.Message, StringComparison.Ordinal);
            Assert.Equal(whole.Message, streamed.Message);
        }
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_stream_that_breaks_has_no_end(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind, new Fault { Kind = FaultKind.NoDone, AfterTokens = 3 });
        var pieces = 0;
        ChatFinishReason? reason = null;

        // What passes is not read, so that an end that the node leaves out is missing here too.
        await foreach (var update in Client(fleet, "mini").CompleteChatStreamingAsync(Hello("Hello!"), cancellationToken: Token))
        {
            pieces += update.ContentUpdate.Count;
            reason = update.FinishReason ?? reason;
        }

        Assert.Equal(3, pieces);
        Assert.Null(reason);
    }

    private static ChatClient Client(PackageFleet fleet, string model) => new(model, PackageFleet.Key, fleet.OpenAiOptions);

    private static IReadOnlyList<TheirMessage> Hello(string text) => [new UserChatMessage(text)];

    /// <summary>The same streamed and whole, which must say the same and have cost the same.</summary>
    private static async Task<ChatCompletion> BothAsync(ChatClient client, IReadOnlyList<TheirMessage> messages, ChatCompletionOptions options)
    {
        ChatCompletion whole = await client.CompleteChatAsync(messages, options, Token);
        var (text, name, arguments) = ("", "", "");
        ChatFinishReason? reason = null;
        ChatTokenUsage? usage = null;
        await foreach (var update in client.CompleteChatStreamingAsync(messages, options, Token))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            name += string.Concat(update.ToolCallUpdates.Select(call => call.FunctionName));
            arguments += string.Concat(update.ToolCallUpdates.Select(call => call.FunctionArgumentsUpdate?.ToString()));
            reason = update.FinishReason ?? reason;
            usage = update.Usage ?? usage;
        }
        Assert.Equal(string.Concat(whole.Content.Select(part => part.Text)), text);
        Assert.Equal(string.Concat(whole.ToolCalls.Select(call => call.FunctionName)), name);
        Assert.Equal(string.Concat(whole.ToolCalls.Select(call => call.FunctionArguments.ToString())), arguments);
        Assert.Equal(whole.FinishReason, reason);
        Assert.Equal((whole.Usage.InputTokenCount, whole.Usage.OutputTokenCount), (usage!.InputTokenCount, usage.OutputTokenCount));
        return whole;
    }
}
