using Chasqui.Gateway;
using Microsoft.Extensions.AI;
using OpenAI.Chat;
using OpenAI.Embeddings;
using TheirMessage = Microsoft.Extensions.AI.ChatMessage;
using TheirReason = Microsoft.Extensions.AI.ChatFinishReason;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Microsoft.Extensions.AI, unchanged, over each of the packages that it knows, before both kinds of node.</summary>
public sealed class MicrosoftAiBeforeNodesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Each package before each kind of node.</summary>
    public static TheoryData<string, NodeKind> All =>
    [
        .. new[] { "ollama", "openai", "anthropic" }.SelectMany(package => new[] { NodeKind.Ollama, NodeKind.OpenAi }
            .Select(kind => new TheoryDataRow<string, NodeKind>(package, kind))),
    ];

    [Theory]
    [MemberData(nameof(All))]
    public async Task It_answers_streamed_and_whole_alike(string package, NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        using var client = Client(fleet, package, "mini");

        var whole = await client.GetResponseAsync("Hello!", cancellationToken: Token);
        var streamed = await client.GetStreamingResponseAsync("Hello!", cancellationToken: Token).ToChatResponseAsync(Token);

        Assert.NotEmpty(whole.Text.Trim());
        Assert.Equal(whole.Text, streamed.Text);
        Assert.Equal((TheirReason.Stop, TheirReason.Stop), (whole.FinishReason, streamed.FinishReason));
        Assert.Equal((16, 16), (whole.Usage!.OutputTokenCount, streamed.Usage!.OutputTokenCount));
        Assert.True(whole.Usage.InputTokenCount > 0);
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task It_calls_a_function_by_itself_and_answers(string package, NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        var asked = new List<string>();
        var tool = AIFunctionFactory.Create(
            (string city) =>
            {
                asked.Add(city);
                return "18 degrees";
            }, "get_weather", "The weather of a city");
        using var client = new FunctionInvokingChatClient(Client(fleet, package, "mini-tools"));
        TheirMessage[] messages = [new(Microsoft.Extensions.AI.ChatRole.User, "What is the weather in Lima?")];

        var whole = await client.GetResponseAsync(messages, new ChatOptions { Tools = [tool] }, Token);
        var streamed = await client.GetStreamingResponseAsync(messages, new ChatOptions { Tools = [tool] }, Token).ToChatResponseAsync(Token);

        // The double fills in its own word for a text.
        Assert.Equal(["karana", "karana"], asked);
        foreach (var answer in (ChatResponse[])[whole, streamed])
        {
            var contents = answer.Messages.SelectMany(message => message.Contents).ToList();
            Assert.Equal("get_weather", Assert.Single(contents.OfType<FunctionCallContent>()).Name);
            Assert.Equal("18 degrees", Assert.Single(contents.OfType<FunctionResultContent>()).Result?.ToString());
            Assert.NotEmpty(answer.Messages[^1].Text);
        }
    }

    // An Ollama that is asked in Anthropic's language knows no schemas, so that one is missing.
    [Theory]
    [InlineData("ollama", NodeKind.Ollama)]
    [InlineData("ollama", NodeKind.OpenAi)]
    [InlineData("openai", NodeKind.Ollama)]
    [InlineData("openai", NodeKind.OpenAi)]
    [InlineData("anthropic", NodeKind.OpenAi)]
    public async Task It_gets_what_a_type_says(string package, NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        using var client = Client(fleet, package, "mini");

        var response = await client.GetResponseAsync<Paint>("Name a colour.", cancellationToken: Token);

        Assert.True(response.TryGetResult(out var paint), response.Text);
        Assert.Equal(new Paint(Colour.Red, true), paint);
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task Its_generators_of_vectors_get_the_same(NodeKind kind)
    {
        await using var fleet = await PackageFleet.StartAsync(kind);
        IEmbeddingGenerator<string, Embedding<float>> ollama = fleet.Ollama;
        using var openAi = new EmbeddingClient("mini-embed", PackageFleet.Key, fleet.OpenAiOptions).AsIEmbeddingGenerator();

        var first = await ollama.GenerateAsync(["a cat", "the sea"], new() { ModelId = "mini-embed" }, Token);
        var second = await openAi.GenerateAsync(["a cat", "the sea"], cancellationToken: Token);

        Assert.Equal(128, first[0].Vector.Length);
        Assert.Equal(first.Select(one => one.Vector.ToArray()), second.Select(one => one.Vector.ToArray()));
        Assert.Equal((4, 4), (first.Usage!.InputTokenCount, second.Usage!.InputTokenCount));
    }

    private static IChatClient Client(PackageFleet fleet, string package, string model) => package switch
    {
        "ollama" => new OllamaSharp.OllamaApiClient(fleet.OpenAiOptions.Endpoint.GetLeftPart(UriPartial.Authority), model),
        "openai" => new ChatClient(model, PackageFleet.Key, fleet.OpenAiOptions).AsIChatClient(),
        _ => fleet.Anthropic.AsIChatClient(model, 400),
    };

    internal enum Colour
    {
        Red,
        Blue,
    }

    internal sealed record Paint(Colour Colour, bool Shiny);
}
