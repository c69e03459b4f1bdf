using Microsoft.Extensions.AI;
using OllamaSharp;
using OllamaSharp.Models;
using OllamaSharp.Models.Exceptions;
using TheirEmbedRequest = OllamaSharp.Models.EmbedRequest;
using TheirGenerateRequest = OllamaSharp.Models.GenerateRequest;

namespace Chasqui.Server.Tests;

/// <summary>OllamaSharp and Microsoft.Extensions.AI, unchanged, against the embedded engine and the shipped model.</summary>
public abstract class OllamaSharpTests(EngineProcess process) : IAsyncLifetime
{
    private RunningGateway _gateway = null!;
    private OllamaApiClient _client = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await RunningGateway.StartAsync(process, options => options with
        {
            Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] },
        });
        _client = new OllamaApiClient(_gateway.Address, "mini");
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _client.Dispose();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task It_lists_shows_and_tells_what_is_in_memory()
    {
        Assert.True(await _client.IsRunningAsync(Token));
        Assert.Equal("0.33.0", await _client.GetVersionAsync(Token));

        var model = Assert.Single(await _client.ListLocalModelsAsync(Token));
        Assert.Equal("mini:latest", model.Name);
        Assert.Equal(64, model.Digest.Length);
        Assert.Equal(new FileInfo(Repository.Mini).Length, model.Size);

        var shown = await _client.ShowModelAsync("mini", Token);
        Assert.Equal("llama", shown.Details.Family);
        Assert.Equal(935040, shown.Info.ParameterCount);
        Assert.Contains("completion", shown.Capabilities!);

        await foreach (var _ in _client.GenerateAsync(new TheirGenerateRequest { Model = "mini", Prompt = "" }, Token))
        {
        }
        var running = Assert.Single(await _client.ListRunningModelsAsync(Token));
        Assert.Equal("mini:latest", running.Name);
        Assert.True(running.ExpiresAt > DateTimeOffset.UtcNow.UtcDateTime);
    }

    [Fact]
    public async Task It_generates_streamed_and_whole_alike()
    {
        var texts = new List<string>();
        foreach (var stream in (bool[])[true, false])
        {
            var text = "";
            GenerateDoneResponseStream? done = null;
            var request = new TheirGenerateRequest
            {
                Model = "mini",
                Prompt = "Hello!",
                Stream = stream,
                Options = new RequestOptions { Temperature = 0, NumPredict = 12 },
            };
            await foreach (var piece in _client.GenerateAsync(request, Token))
            {
                text += piece?.Response;
                done = piece as GenerateDoneResponseStream ?? done;
            }
            Assert.True(done!.EvalCount is > 0 and <= 12);
            Assert.True(done.PromptEvalCount > 0);
            Assert.True(done.TotalDuration > 0);
            texts.Add(text);
        }
        Assert.NotEmpty(texts[0].Trim());
        Assert.Equal(texts[0], texts[1]);
    }

    [Fact]
    public async Task It_chats_over_several_turns()
    {
        var chat = new Chat(_client, "You are a helpful assistant.") { Options = new RequestOptions { Temperature = 0, NumPredict = 16 } };
        foreach (var question in (string[])["Hello!", "Who are you?"])
        {
            var answer = "";
            await foreach (var piece in chat.SendAsync(question, Token))
                answer += piece;
            Assert.NotEmpty(answer.Trim());
        }
        Assert.Equal(5, chat.Messages.Count);
    }

    [Fact]
    public async Task It_embeds()
    {
        var response = await _client.EmbedAsync(new TheirEmbedRequest { Model = "mini", Input = ["a cat", "a cat", "the sea"] }, Token);

        Assert.Equal(3, response.Embeddings.Count);
        Assert.All(response.Embeddings, vector => Assert.Equal(1, vector.Sum(component => (double)component * component), 3));
        Assert.True(response.PromptEvalCount > 0);
    }

    [Fact]
    public async Task A_missing_model_is_an_error_that_names_the_nearest()
    {
        var error = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await foreach (var _ in _client.GenerateAsync(new TheirGenerateRequest { Model = "mini2", Prompt = "x" }, Token))
            {
            }
        });
        Assert.True(error is OllamaException or HttpRequestException, error.ToString());
    }

    [Fact]
    public async Task The_chat_client_of_Microsoft_answers_streamed_and_whole()
    {
        IChatClient client = _client;
        var options = new ChatOptions { ModelId = "mini", Temperature = 0, MaxOutputTokens = 12 };

        var whole = await client.GetResponseAsync("Hello!", options, Token);
        var streamed = "";
        UsageContent? usage = null;
        await foreach (var update in client.GetStreamingResponseAsync("Hello!", options, Token))
        {
            streamed += update.Text;
            usage = update.Contents.OfType<UsageContent>().SingleOrDefault() ?? usage;
        }

        Assert.NotEmpty(whole.Text.Trim());
        Assert.Equal(whole.Text, streamed);
        Assert.True(whole.Usage!.InputTokenCount > 0);
        Assert.True(whole.Usage.OutputTokenCount is > 0 and <= 12);
        Assert.NotNull(usage);
        Assert.NotNull(whole.FinishReason);
    }

    [Fact]
    public async Task The_chat_client_of_Microsoft_gets_structured_output()
    {
        IChatClient client = _client;
        var options = new ChatOptions { ModelId = "mini", Temperature = 0, MaxOutputTokens = 200 };

        var response = await client.GetResponseAsync<Paint>("Name a colour.", options, cancellationToken: Token);

        Assert.True(response.TryGetResult(out var paint), response.Text);
        Assert.True(Enum.IsDefined(paint.Colour));
    }

    [Fact]
    public async Task The_embedding_generator_of_Microsoft_embeds()
    {
        IEmbeddingGenerator<string, Embedding<float>> generator = _client;

        var vectors = await generator.GenerateAsync(["a cat", "the sea"], new EmbeddingGenerationOptions { ModelId = "mini" }, Token);

        Assert.Equal(2, vectors.Count);
        Assert.Equal(128, vectors[0].Vector.Length);
    }

    internal enum Colour
    {
        Red,
        Blue,
    }

    internal sealed record Paint(Colour Colour, bool Shiny);
}

/// <summary>With the engine in a worker process, as it comes.</summary>
public sealed class OllamaSharpWorkerTests() : OllamaSharpTests(EngineProcess.Worker);

/// <summary>With the engine in the gateway's own process.</summary>
public sealed class OllamaSharpGatewayTests() : OllamaSharpTests(EngineProcess.Gateway);
