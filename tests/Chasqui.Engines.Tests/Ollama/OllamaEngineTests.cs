using System.Text.Json;
using Chasqui.Engines.Ollama;
using Chasqui.Engines.Tests.LlamaCpp;

namespace Chasqui.Engines.Tests.Ollama;

/// <summary>A node of Ollama's kind that really runs models: a gateway with the embedded engine.</summary>
[Collection(EngineCollection.Name)]
public sealed class OllamaEngineTests : IAsyncLifetime
{
    private static readonly GenerationOptions _greedy = new() { Temperature = 0, NumPredict = 8 };

    private static readonly OutputFormat _endless = OutputFormat.FromSchema(JsonElement.Parse("{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":3000}"));

    private readonly EngineBed _bed = new();
    private TestGateway _gateway = null!;
    private OllamaNode _node = null!;

    private IEngine Engine => _node.Engine;

    public async ValueTask InitializeAsync()
    {
        _gateway = await TestGateway.StartAsync(_bed.Engine);
        _node = Nodes.Ollama(_gateway.Address);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await _gateway.DisposeAsync();
        await _bed.DisposeAsync();
    }

    [Fact]
    public async Task A_generation_says_what_the_engine_itself_says()
    {
        var request = Nodes.Prompt() with { Options = _greedy };
        var near = await Nodes.AllAsync(_bed.Engine.GenerateAsync(request, Nodes.Token));
        var far = await Nodes.AllAsync(Engine.GenerateAsync(request, Nodes.Token));

        Assert.Equal(string.Concat(near.Select(u => u.Text)), string.Concat(far.Select(u => u.Text)));
        var (a, b) = (near[^1].Result!, far[^1].Result!);
        Assert.Equal((a.Reason, a.PromptTokens, a.CompletionTokens), (b.Reason, b.PromptTokens, b.CompletionTokens));
        Assert.Equal(a.Context, b.Context);
        Assert.All(far.SkipLast(1), u => Assert.Null(u.Result));
    }

    [Fact]
    public async Task A_chat_with_logprobs_says_what_the_engine_itself_says()
    {
        var request = new ChatRequest { Model = "mini", Messages = [new ChatMessage { Role = "user", Content = "Hello!" }], Options = _greedy, Logprobs = true, TopLogprobs = 2 };
        var near = await Nodes.AllAsync(_bed.Engine.ChatAsync(request, Nodes.Token));
        var far = await Nodes.AllAsync(Engine.ChatAsync(request, Nodes.Token));

        var (a, b) = (near.SelectMany(u => u.Logprobs ?? []).ToList(), far.SelectMany(u => u.Logprobs ?? []).ToList());
        Assert.Equal(a.Select(t => t.Token), b.Select(t => t.Token));
        Assert.Equal(a.Select(t => Convert.ToHexString(t.Bytes.Span)), b.Select(t => Convert.ToHexString(t.Bytes.Span)));
        Assert.All(b, t => Assert.Equal(2, t.Alternatives.Count));
    }

    [Fact]
    public async Task Vectors_are_those_of_the_engine_itself()
    {
        var request = new EmbedRequest { Model = "mini", Inputs = ["Hello!", "Good day"], Dimensions = 16 };
        var near = await _bed.Engine.EmbedAsync(request, Nodes.Token);
        var far = await Engine.EmbedAsync(request, Nodes.Token);

        Assert.Equal(near.PromptTokens, far.PromptTokens);
        Assert.Equal(near.Vectors.Select(v => v.Length), far.Vectors.Select(v => v.Length));
        foreach (var (x, y) in near.Vectors.Zip(far.Vectors))
            Assert.All(x.Zip(y), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }

    [Fact]
    public async Task Models_are_listed_shown_loaded_and_unloaded()
    {
        var near = await _bed.Engine.ShowAsync("mini", Nodes.Token);

        var listed = Assert.Single(await Engine.ListAsync(Nodes.Token));
        Assert.Equal((near.Summary.Name, near.Summary.Digest, near.Summary.SizeBytes), (listed.Name, listed.Digest, listed.SizeBytes));
        Assert.Equal(near.Summary.Capabilities, listed.Capabilities);

        var shown = await Engine.ShowAsync("mini", Nodes.Token);
        Assert.Equal(near.Summary.Name, shown.Summary.Name);
        Assert.Equal(near.Summary.Details, shown.Summary.Details);
        Assert.Equal(near.Template, shown.Template);
        Assert.Equal(near.TemplateIsGo, shown.TemplateIsGo);
        Assert.Equal(near.Tensors.Select(t => t.Name), shown.Tensors.Select(t => t.Name));
        Assert.Equal(1024, (int)shown.Metadata["llama.context_length"]!);

        var loaded = await Engine.LoadAsync(new LoadRequest { Model = "mini", KeepAlive = Timeout.InfiniteTimeSpan }, Nodes.Token);
        Assert.Equal(("mini:latest", DateTimeOffset.MaxValue), (loaded.Summary.Name, loaded.ExpiresAt));
        Assert.Equal("mini:latest", Assert.Single(await Engine.ListResidentAsync(Nodes.Token)).Summary.Name);
        Assert.True(await Engine.UnloadAsync("mini", Nodes.Token));
        Assert.Empty(await Engine.ListResidentAsync(Nodes.Token));
        Assert.False(await Engine.UnloadAsync("mini", Nodes.Token));
    }

    [Fact]
    public async Task A_model_that_is_not_there_is_told_by_its_name()
    {
        Assert.Equal("nope", (await Nodes.FailAsync<GenerationUpdate, ModelNotFoundException>(Engine.GenerateAsync(Nodes.Prompt("nope"), Nodes.Token))).Error.Model);
        Assert.Equal("nope", (await Assert.ThrowsAsync<ModelNotFoundException>(() => Engine.ShowAsync("nope", Nodes.Token))).Model);
        Assert.Equal("nope", (await Assert.ThrowsAsync<ModelNotFoundException>(() => Engine.LoadAsync(new LoadRequest { Model = "nope" }, Nodes.Token))).Model);
        Assert.Equal("nope", (await Assert.ThrowsAsync<ModelNotFoundException>(() => Engine.EmbedAsync(new EmbedRequest { Model = "nope", Inputs = ["a"] }, Nodes.Token))).Model);
    }

    [Fact]
    public async Task The_reader_leaving_ends_the_work_at_the_node()
    {
        // A schema that only a very long answer satisfies.
        var request = Nodes.Prompt() with { Options = new GenerationOptions { Temperature = 1, Seed = 1, NumPredict = 10_000 }, Format = _endless };
        await foreach (var _ in Engine.GenerateAsync(request, Nodes.Token))
            break;
        await _bed.UntilIdle();

        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Nodes.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in Engine.GenerateAsync(request, leave.Token))
                await leave.CancelAsync();
        });
        await _bed.UntilIdle();
    }

    [Fact]
    public async Task The_report_tells_what_is_there_and_what_it_is()
    {
        await using var node = new OllamaNode(Nodes.Options(_gateway.Address), new NoPassage());
        await node.Engine.LoadAsync(new LoadRequest { Model = "mini" }, Nodes.Token);

        var report = await node.ReportAsync(Nodes.Token);

        Assert.Equal("mini:latest", Assert.Single(report.Models).Name);
        Assert.Equal("mini:latest", Assert.Single(report.Resident).Summary.Name);
        Assert.StartsWith("Chasqui ", report.Software, StringComparison.Ordinal);
        Assert.Equal(Dialects.Ollama | Dialects.OpenAi | Dialects.OpenAiResponses | Dialects.Anthropic | Dialects.AnthropicCountTokens, report.Dialects);
        Assert.Equal(Dialects.None, (await _node.ReportAsync(Nodes.Token)).Dialects);
    }

    private sealed class NoPassage : IHttpPassage
    {
        public ValueTask<IPassageAnswer> SendAsync(PassageRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
