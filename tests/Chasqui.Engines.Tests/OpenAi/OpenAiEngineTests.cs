using System.Text.Json;
using Chasqui.Engines.OpenAi;
using Chasqui.Engines.Tests.LlamaCpp;

namespace Chasqui.Engines.Tests.OpenAi;

/// <summary>A node of OpenAI's kind that really runs models: a gateway with the embedded engine, asked in its second language.</summary>
[Collection(EngineCollection.Name)]
public sealed class OpenAiEngineTests : IAsyncLifetime
{
    private static readonly GenerationOptions _greedy = new() { Temperature = 0, NumPredict = 8 };

    private static readonly OutputFormat _endless = OutputFormat.FromSchema(JsonElement.Parse("{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":3000}"));

    private readonly EngineBed _bed = new();
    private TestGateway _gateway = null!;
    private OpenAiNode _node = null!;

    public async ValueTask InitializeAsync()
    {
        _gateway = await TestGateway.StartAsync(_bed.Engine);
        _node = new OpenAiNode(Nodes.Options(_gateway.Address));
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await _gateway.DisposeAsync();
        await _bed.DisposeAsync();
    }

    [Fact]
    public async Task A_chat_and_a_prompt_say_what_the_engine_itself_says()
    {
        var chat = EngineBed.Question("Hello!", _greedy) with { Logprobs = true, TopLogprobs = 2 };
        var near = await Nodes.AllAsync(_bed.Engine.ChatAsync(chat, Nodes.Token));
        var far = await Nodes.AllAsync(_node.Engine.ChatAsync(chat, Nodes.Token));
        var prompted = await Nodes.AllAsync(_node.Engine.GenerateAsync(Nodes.Prompt() with { Options = _greedy }, Nodes.Token));

        var text = string.Concat(near.Select(u => u.Text));
        Assert.Equal(text, string.Concat(far.Select(u => u.Text)));
        Assert.Equal(text, string.Concat(prompted.Select(u => u.Text)));
        var (a, b) = (near[^1].Result!, far[^1].Result!);
        Assert.Equal((a.Reason, a.PromptTokens, a.CompletionTokens), (b.Reason, b.PromptTokens, b.CompletionTokens));
        Assert.Equal(near.SelectMany(u => u.Logprobs ?? []).Select(t => t.Token), far.SelectMany(u => u.Logprobs ?? []).Select(t => t.Token));
    }

    [Fact]
    public async Task Vectors_models_and_refusals()
    {
        var request = new EmbedRequest { Model = "mini", Inputs = ["Hello!", "Good day"], Dimensions = 16 };
        var near = await _bed.Engine.EmbedAsync(request, Nodes.Token);
        var far = await _node.Engine.EmbedAsync(request, Nodes.Token);
        foreach (var (x, y) in near.Vectors.Zip(far.Vectors))
            Assert.All(x.Zip(y), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        Assert.Equal(2, far.Vectors.Count);

        Assert.Equal("mini:latest", Assert.Single(await _node.Engine.ListAsync(Nodes.Token)).Name);
        await Nodes.FailAsync<GenerationUpdate, ModelNotFoundException>(_node.Engine.ChatAsync(EngineBed.Question("?", model: "nope"), Nodes.Token));
        var (_, raw) = await Nodes.FailAsync<GenerationUpdate, InvalidRequestException>(_node.Engine.GenerateAsync(Nodes.Prompt() with { Raw = true }, Nodes.Token));
        Assert.Contains("Ollama", raw.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_reader_leaving_ends_the_work_at_the_node()
    {
        await foreach (var _ in _node.Engine.ChatAsync(EngineBed.Question("Hello!", new GenerationOptions { Temperature = 1, Seed = 1, NumPredict = 10_000 }) with { Format = _endless }, Nodes.Token))
            break;
        await _bed.UntilIdle();
    }
}
