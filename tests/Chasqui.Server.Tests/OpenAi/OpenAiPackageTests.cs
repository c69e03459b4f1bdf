using System.ClientModel;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Embeddings;
using OpenAI.Models;
using OpenAI.Responses;
using AiMessage = Microsoft.Extensions.AI.ChatMessage;
using AiRole = Microsoft.Extensions.AI.ChatRole;
using TheirFormat = OpenAI.Chat.ChatResponseFormat;
using TheirItem = OpenAI.Responses.ResponseItem;

// The package marks its client of responses as one that may change.
#pragma warning disable OPENAI001

namespace Chasqui.Server.Tests;

/// <summary>The packages OpenAI and Microsoft.Extensions.AI.OpenAI, unchanged, against the embedded engine and the shipped model.</summary>
public abstract class OpenAiPackageTests(EngineProcess process) : IAsyncLifetime
{
    private static readonly ApiKeyCredential _key = new("anything");

    private static readonly BinaryData _city = BinaryData.FromString(
        """{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}""");

    // A model this small calls a tool only when its answer can be nothing else.
    private static readonly BinaryData _call = BinaryData.FromString("""
        {"type":"object","properties":{"name":{"const":"get_weather"},"arguments":{"type":"object","properties":{"city":{"enum":["Paris"]}},"required":["city"]}},
         "required":["name","arguments"]}
        """);

    private OllamaStoreFolder _store = null!;
    private RunningGateway _gateway = null!;
    private OpenAIClientOptions _options = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _store = new OllamaStoreFolder();
        _gateway = await RunningGateway.StartAsync(process, options => options with { Models = new ModelOptions { OllamaStore = _store.Folder } });
        _options = new OpenAIClientOptions { Endpoint = new Uri(_gateway.Address, "v1") };
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _gateway.DisposeAsync();
        _store.Dispose();
    }

    [Fact]
    public async Task A_chat_is_answered_streamed_and_whole_alike()
    {
        var chat = Chat("mini");
        var options = new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 40 };

        ChatCompletion whole = await chat.CompleteChatAsync([new UserChatMessage("Hello!")], options, Token);
        var text = "";
        OpenAI.Chat.ChatFinishReason? reason = null;
        ChatTokenUsage? usage = null;
        await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage("Hello!")], options, Token))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            reason = update.FinishReason ?? reason;
            usage = update.Usage ?? usage;
        }

        Assert.NotEmpty(text);
        Assert.Equal(text, whole.Content[0].Text);
        Assert.Equal(OpenAI.Chat.ChatFinishReason.Stop, whole.FinishReason);
        Assert.Equal(OpenAI.Chat.ChatFinishReason.Stop, reason);
        Assert.Equal(whole.Usage.OutputTokenCount, usage!.OutputTokenCount);
        Assert.Equal(whole.Usage.InputTokenCount, usage.InputTokenCount);
        Assert.Equal("mini", whole.Model);
    }

    [Fact]
    public async Task A_limit_of_tokens_is_held_and_told()
    {
        ChatCompletion answer = await Chat("mini").CompleteChatAsync([new UserChatMessage("Hello!")], new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 3 }, Token);

        Assert.Equal(OpenAI.Chat.ChatFinishReason.Length, answer.FinishReason);
        Assert.Equal(3, answer.Usage.OutputTokenCount);
    }

    [Fact]
    public async Task A_tool_is_called_streamed_and_whole_alike()
    {
        var chat = Chat("mini-tools");
        var options = new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 400, ResponseFormat = TheirFormat.CreateJsonSchemaFormat("x", _call) };
        options.Tools.Add(ChatTool.CreateFunctionTool("get_weather", "Get the weather", _city));

        ChatCompletion whole = await chat.CompleteChatAsync([new UserChatMessage("Weather in Paris?")], options, Token);
        var name = "";
        var arguments = "";
        OpenAI.Chat.ChatFinishReason? reason = null;
        await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage("Weather in Paris?")], options, Token))
        {
            foreach (var call in update.ToolCallUpdates)
            {
                name += call.FunctionName;
                arguments += call.FunctionArgumentsUpdate;
            }
            reason = update.FinishReason ?? reason;
        }

        Assert.Equal(OpenAI.Chat.ChatFinishReason.ToolCalls, whole.FinishReason);
        var called = Assert.Single(whole.ToolCalls);
        Assert.Equal("get_weather", called.FunctionName);
        Assert.Equal("""{"city":"Paris"}""", Compact(called.FunctionArguments.ToString()));
        Assert.Equal(OpenAI.Chat.ChatFinishReason.ToolCalls, reason);
        Assert.Equal("get_weather", name);
        Assert.Equal("""{"city":"Paris"}""", Compact(arguments));

        // And its result goes back.
        ChatCompletion then = await chat.CompleteChatAsync(
            [new UserChatMessage("Weather in Paris?"), new AssistantChatMessage(whole), new ToolChatMessage(called.Id, "Sunny.")],
            new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 8 }, Token);
        Assert.NotEmpty(then.Content[0].Text);
    }

    [Fact]
    public async Task An_answer_has_the_shape_of_a_schema()
    {
        var schema = BinaryData.FromString("""{"type":"object","properties":{"color":{"enum":["red","blue"]},"n":{"type":"integer"}},"required":["color","n"]}""");

        ChatCompletion answer = await Chat("mini").CompleteChatAsync([new UserChatMessage("Hello!")],
            new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 300, ResponseFormat = TheirFormat.CreateJsonSchemaFormat("x", schema, null, true) }, Token);

        using var json = JsonDocument.Parse(answer.Content[0].Text);
        Assert.Contains(json.RootElement.GetProperty("color").GetString(), (string[])["red", "blue"]);
        Assert.Equal(JsonValueKind.Number, json.RootElement.GetProperty("n").ValueKind);
    }

    [Fact]
    public async Task Log_probabilities_come_with_their_alternatives()
    {
        ChatCompletion answer = await Chat("mini").CompleteChatAsync([new UserChatMessage("Hello!")],
            new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 2, IncludeLogProbabilities = true, TopLogProbabilityCount = 3 }, Token);

        Assert.Equal(2, answer.ContentTokenLogProbabilities.Count);
        Assert.All(answer.ContentTokenLogProbabilities, token =>
        {
            Assert.Equal(3, token.TopLogProbabilities.Count);
            Assert.Contains(token.Token, token.TopLogProbabilities.Select(other => other.Token));
            Assert.True(token.LogProbability < 0);
        });
        Assert.Equal(answer.Content[0].Text, string.Concat(answer.ContentTokenLogProbabilities.Select(token => token.Token)));
    }

    [Fact]
    public async Task Embeddings_are_the_same_in_both_encodings()
    {
        var client = new EmbeddingClient("mini-embed", _key, _options);

        // The package asks for base64 by itself; numbers it must be asked for by hand.
        OpenAIEmbeddingCollection packed = await client.GenerateEmbeddingsAsync(["Hello!", "Hi!"], cancellationToken: Token);
        var plain = await client.GenerateEmbeddingsAsync(BinaryContent.Create(BinaryData.FromString("""{"model":"mini-embed","input":["Hello!","Hi!"],"encoding_format":"float"}""")));
        OpenAIEmbeddingCollection cut = await client.GenerateEmbeddingsAsync(["Hello!"], new OpenAI.Embeddings.EmbeddingGenerationOptions { Dimensions = 4 }, Token);

        using var json = JsonDocument.Parse(plain.GetRawResponse().Content);
        var vectors = json.RootElement.GetProperty("data").EnumerateArray().Select(item => item.GetProperty("embedding").EnumerateArray().Select(x => x.GetSingle()).ToArray()).ToList();
        Assert.Equal(2, packed.Count);
        Assert.Equal(vectors, packed.Select(vector => vector.ToFloats().ToArray()));
        Assert.NotEqual(vectors[0], vectors[1]);
        Assert.Equal(1, vectors[0].Sum(x => x * x), 3);
        Assert.Equal(4, cut[0].ToFloats().Length);
        Assert.True(packed.Usage.InputTokenCount > 0);
        Assert.Equal(packed.Usage.InputTokenCount, packed.Usage.TotalTokenCount);
    }

    [Fact]
    public async Task Models_are_listed_and_shown()
    {
        var client = new OpenAIModelClient(_key, _options);

        OpenAIModelCollection models = await client.GetModelsAsync(Token);
        OpenAIModel model = await client.GetModelAsync("mini:latest", Token);

        Assert.Contains("mini-embed:latest", models.Select(one => one.Id));
        Assert.Equal("mini:latest", model.Id);
        Assert.Equal("library", model.OwnedBy);
        Assert.True(model.CreatedAt > DateTimeOffset.UtcNow.AddDays(-1));
        var missing = await Assert.ThrowsAsync<ClientResultException>(() => client.GetModelAsync("hf.co/a/nope:q4", Token));
        Assert.Equal(404, missing.Status);
    }

    [Fact]
    public async Task A_response_is_given_streamed_and_whole_alike()
    {
        var client = Responses();
        var options = new CreateResponseOptions("mini", [TheirItem.CreateUserMessageItem("Hello!")]) { Temperature = 0, MaxOutputTokenCount = 40 };

        ResponseResult whole = await client.CreateResponseAsync(options, Token);
        options.StreamingEnabled = true;
        var text = "";
        ResponseResult? last = null;
        await foreach (var update in await client.CreateResponseStreamingAsync(options, Token))
        {
            if (update is StreamingResponseOutputTextDeltaUpdate delta)
                text += delta.Delta;
            if (update is StreamingResponseCompletedUpdate completed)
                last = completed.Response;
        }

        Assert.NotEmpty(text);
        Assert.Equal(text, whole.GetOutputText());
        Assert.Equal(ResponseStatus.Completed, whole.Status);
        Assert.Equal(text, last!.GetOutputText());
        Assert.Equal(whole.Usage.OutputTokenCount, last.Usage.OutputTokenCount);
        Assert.Equal(ResponseStatus.Completed, last.Status);
    }

    [Fact]
    public async Task A_response_calls_a_tool_and_takes_its_result()
    {
        var client = Responses();
        var options = new CreateResponseOptions("mini-tools", [TheirItem.CreateUserMessageItem("Weather in Paris?")])
        {
            Temperature = 0,
            MaxOutputTokenCount = 400,
            TextOptions = new ResponseTextOptions { TextFormat = ResponseTextFormat.CreateJsonSchemaFormat("x", _call) },
        };
        options.Tools.Add(ResponseTool.CreateFunctionTool("get_weather", _city, false, "Get the weather"));

        ResponseResult answer = await client.CreateResponseAsync(options, Token);

        var called = Assert.Single(answer.OutputItems.OfType<FunctionCallResponseItem>());
        Assert.Equal("get_weather", called.FunctionName);
        Assert.Equal("""{"city":"Paris"}""", Compact(called.FunctionArguments.ToString()));
        Assert.Equal("get_weather", Assert.IsType<FunctionTool>(Assert.Single(answer.Tools)).FunctionName);

        ResponseResult then = await client.CreateResponseAsync(new CreateResponseOptions("mini-tools",
            [TheirItem.CreateUserMessageItem("Weather in Paris?"), called, TheirItem.CreateFunctionCallOutputItem(called.CallId, "Sunny.")])
        { Temperature = 0, MaxOutputTokenCount = 4 }, Token);
        Assert.NotEmpty(then.GetOutputText());
        Assert.Equal(ResponseStatus.Incomplete, then.Status);
    }

    [Fact]
    public async Task What_is_refused_is_an_exception_that_says_why()
    {
        var options = new ChatCompletionOptions { ToolChoice = ChatToolChoice.CreateFunctionChoice("g") };
        options.Tools.Add(ChatTool.CreateFunctionTool("f"));

        var refused = await Assert.ThrowsAsync<ClientResultException>(() => Chat("mini-tools").CompleteChatAsync([new UserChatMessage("x")], options, Token));

        Assert.Equal(400, refused.Status);
        Assert.Contains("tool_choice names the tool", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_chat_client_of_Microsoft_Extensions_AI_works_over_it()
    {
        using var client = Chat("mini").AsIChatClient();
        var options = new ChatOptions { Temperature = 0, MaxOutputTokens = 40 };
        AiMessage[] messages = [new(AiRole.User, "Hello!")];

        var whole = await client.GetResponseAsync(messages, options, Token);
        var streamed = await client.GetStreamingResponseAsync(messages, options, Token).ToChatResponseAsync(Token);

        Assert.NotEmpty(whole.Text);
        Assert.Equal(whole.Text, streamed.Text);
        Assert.True(whole.Usage!.OutputTokenCount > 0);
        Assert.Equal(whole.Usage.OutputTokenCount, streamed.Usage!.OutputTokenCount);
        Assert.Equal(Microsoft.Extensions.AI.ChatFinishReason.Stop, whole.FinishReason);
    }

    private static string Compact(string json) => JsonSerializer.Serialize(JsonDocument.Parse(json).RootElement);

    private ChatClient Chat(string model) => new(model, _key, _options);

    private ResponsesClient Responses() => new(_key, new ResponsesClientOptions { Endpoint = _options.Endpoint });
}

/// <summary>With the engine in a worker process, as it comes.</summary>
public sealed class OpenAiPackageWorkerTests() : OpenAiPackageTests(EngineProcess.Worker);

/// <summary>With the engine in the gateway's own process.</summary>
public sealed class OpenAiPackageGatewayTests() : OpenAiPackageTests(EngineProcess.Gateway);
