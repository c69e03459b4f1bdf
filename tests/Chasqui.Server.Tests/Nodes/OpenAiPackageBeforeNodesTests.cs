using System.ClientModel;
using System.Text.Json;
using Chasqui.Gateway;
using OpenAI.Embeddings;
using OpenAI.Models;
using OpenAI.Responses;
using TheirItem = OpenAI.Responses.ResponseItem;

// The package marks its client of responses as one that may change.
#pragma warning disable OPENAI001

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Responses, vectors and lists over OpenAI's package, unchanged, before both kinds of node.</summary>
public sealed class OpenAiPackageBeforeNodesTests
{
    private static readonly BinaryData _city = BinaryData.FromString("""{"type":"object","properties":{"city":{"enum":["Lima"]}},"required":["city"]}""");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_response_is_given_streamed_and_whole_alike(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        var whole = await BothAsync(fleet, new CreateResponseOptions("mini", [TheirItem.CreateUserMessageItem("Hello!")]) { Instructions = "Be brief.", StoredOutputEnabled = false });

        Assert.NotEmpty(whole.GetOutputText());
        Assert.Equal(("mini", 16), (whole.Model, whole.Usage.OutputTokenCount));
        Assert.True(whole.Usage.InputTokenCount > 0);
        fleet.AssertAskedUnder(kind == NodeKind.Ollama ? "/v1/responses" : "/v1/chat/completions");
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_response_calls_a_tool_and_takes_its_result(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var ask = TheirItem.CreateUserMessageItem("What is the weather in Lima?");
        var tool = ResponseTool.CreateFunctionTool("get_weather", _city, false, "Get the weather");

        var whole = await BothAsync(fleet, new CreateResponseOptions("mini-tools", [ask]) { Tools = { tool } });

        var called = Assert.Single(whole.OutputItems.OfType<FunctionCallResponseItem>());
        Assert.Equal("get_weather", called.FunctionName);
        Assert.Equal("Lima", JsonDocument.Parse(called.FunctionArguments).RootElement.GetProperty("city").GetString());
        var then = await BothAsync(
            fleet, new CreateResponseOptions("mini-tools", [ask, called, TheirItem.CreateFunctionCallOutputItem(called.CallId, "Sunny.")]) { Tools = { tool } });
        Assert.NotEmpty(then.GetOutputText());
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_response_has_the_shape_of_a_schema_and_its_thoughts_apart(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);

        var whole = await BothAsync(fleet, new CreateResponseOptions("mini-think", [TheirItem.CreateUserMessageItem("Hello!")])
        {
            TextOptions = new ResponseTextOptions { TextFormat = ResponseTextFormat.CreateJsonSchemaFormat("x", _city) },
        });

        Assert.Equal("Lima", JsonDocument.Parse(whole.GetOutputText()).RootElement.GetProperty("city").GetString());
        Assert.NotEmpty(Assert.Single(whole.OutputItems.OfType<ReasoningResponseItem>()).GetSummaryText());
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task Vectors_are_the_same_in_both_encodings(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var client = new EmbeddingClient("mini-embed", PackageFleet.Key, fleet.OpenAiOptions);

        // The package asks for base64 by itself; numbers it must be asked for by hand.
        OpenAIEmbeddingCollection packed = await client.GenerateEmbeddingsAsync(["Hello!", "Hi!"], cancellationToken: Token);
        var plain = await client.GenerateEmbeddingsAsync(BinaryContent.Create(BinaryData.FromString("""{"model":"mini-embed","input":["Hello!","Hi!"],"encoding_format":"float"}""")));
        OpenAIEmbeddingCollection cut = await client.GenerateEmbeddingsAsync(["Hello!"], new EmbeddingGenerationOptions { Dimensions = 4 }, Token);

        using var json = JsonDocument.Parse(plain.GetRawResponse().Content);
        var vectors = json.RootElement.GetProperty("data").EnumerateArray().Select(item => item.GetProperty("embedding").EnumerateArray().Select(x => x.GetSingle()).ToArray()).ToList();
        Assert.Equal(vectors, packed.Select(vector => vector.ToFloats().ToArray()));
        Assert.Equal((2, 128, 4), (packed.Count, vectors[0].Length, cut[0].ToFloats().Length));
        Assert.NotEqual(vectors[0], vectors[1]);
        Assert.Equal((3, 3), (packed.Usage.InputTokenCount, packed.Usage.TotalTokenCount));
        // Texts go to a node together, in its own language.
        fleet.AssertAskedUnder(kind == NodeKind.Ollama ? "/api/embed" : "/v1/embeddings");
        var missing = await Assert.ThrowsAsync<ClientResultException>(() => new EmbeddingClient("nope", PackageFleet.Key, fleet.OpenAiOptions).GenerateEmbeddingsAsync(["x"], cancellationToken: Token));
        Assert.Equal(404, missing.Status);
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task Models_are_listed_and_shown(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var client = new OpenAIModelClient(PackageFleet.Key, fleet.OpenAiOptions);

        OpenAIModelCollection models = await client.GetModelsAsync(Token);
        OpenAIModel model = await client.GetModelAsync("mini-tools", Token);

        Assert.Equal(["mini-embed:latest", "mini-think:latest", "mini-tools:latest", "mini:latest"], models.Select(one => one.Id).Order(StringComparer.Ordinal));
        Assert.Equal(("mini-tools", "library"), (model.Id, model.OwnedBy));
        Assert.True(model.CreatedAt > DateTimeOffset.UtcNow.AddHours(-1));
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => client.GetModelAsync("nope", Token))).Status);
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task A_missing_model_is_an_exception_that_says_so(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var options = new CreateResponseOptions("nope", [TheirItem.CreateUserMessageItem("Hello!")]);

        var whole = await Assert.ThrowsAsync<ClientResultException>(() => Client(fleet).CreateResponseAsync(options, Token));
        options.StreamingEnabled = true;
        var streamed = await Assert.ThrowsAsync<ClientResultException>(async () =>
        {
            await foreach (var _ in await Client(fleet).CreateResponseStreamingAsync(options, Token))
            {
            }
        });

        Assert.Equal((404, 404), (whole.Status, streamed.Status));
        Assert.Contains("model 'nope' not found", whole.Message, StringComparison.Ordinal);
    }

    private static ResponsesClient Client(PackageFleet fleet) => new(PackageFleet.Key, new ResponsesClientOptions { Endpoint = fleet.OpenAiOptions.Endpoint });

    /// <summary>The same streamed and whole, which must say the same and have cost the same.</summary>
    private static async Task<ResponseResult> BothAsync(PackageFleet fleet, CreateResponseOptions options)
    {
        ResponseResult whole = await Client(fleet).CreateResponseAsync(options, Token);
        options.StreamingEnabled = true;
        var (text, arguments) = ("", "");
        ResponseResult? last = null;
        await foreach (var update in await Client(fleet).CreateResponseStreamingAsync(options, Token))
        {
            text += (update as StreamingResponseOutputTextDeltaUpdate)?.Delta;
            arguments += (update as StreamingResponseFunctionCallArgumentsDeltaUpdate)?.Delta?.ToString();
            last = (update as StreamingResponseCompletedUpdate)?.Response ?? last;
        }
        Assert.Equal((ResponseStatus.Completed, ResponseStatus.Completed), (whole.Status, last!.Status));
        Assert.Equal((whole.GetOutputText() ?? "", last.GetOutputText() ?? ""), (text, text));
        Assert.Equal(string.Concat(whole.OutputItems.OfType<FunctionCallResponseItem>().Select(call => call.FunctionArguments.ToString())), arguments);
        Assert.Equal(whole.OutputItems.Select(item => item.GetType()), last.OutputItems.Select(item => item.GetType()));
        Assert.Equal((whole.Usage.InputTokenCount, whole.Usage.OutputTokenCount), (last.Usage.InputTokenCount, last.Usage.OutputTokenCount));
        return whole;
    }
}
