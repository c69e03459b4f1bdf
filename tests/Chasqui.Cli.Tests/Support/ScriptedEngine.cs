using System.Runtime.CompilerServices;

namespace Chasqui.Cli.Tests;

/// <summary>An engine that answers at once with what a test gave it, and keeps what it was asked.</summary>
internal sealed class ScriptedEngine : IEngine
{
    private readonly List<ChatRequest> _asked = [];

    public IReadOnlyList<ChatRequest> Asked => _asked;

    public Func<ChatRequest, CancellationToken, IAsyncEnumerable<GenerationUpdate>> Answer { get; set; } =
        (_, cancellationToken) => SayAsync(cancellationToken, "Hello", " there");

    public List<ModelSummary> Models { get; } = [Summary("mini:latest")];

    public List<ResidentModel> Residents { get; } = [];

    public string Name => "scripted";

    public bool IsDisposed { get; private set; }

    public static ModelSummary Summary(string name) => new()
    {
        Name = name,
        ModifiedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        SizeBytes = 1_027_552,
        Digest = "8f72aeff398b972eba5daa9101fbd6c092c4798d31e630b99d50463de8dc9994",
        Details = new ModelDetails { Family = "llama", ParameterSize = "935K", QuantizationLevel = "Q8_0", ContextLength = 1024, EmbeddingLength = 128 },
        Capabilities = ["completion"],
    };

    /// <summary>The texts one by one, then a result with figures that are easy to recognise.</summary>
    public static async IAsyncEnumerable<GenerationUpdate> SayAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken, params IReadOnlyList<string> texts)
    {
        foreach (var text in texts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
            yield return new GenerationUpdate { Text = text };
        }
        yield return new GenerationUpdate
        {
            Result = new GenerationResult
            {
                Reason = FinishReason.Stop,
                PromptTokens = 7,
                CompletionTokens = 20,
                TotalDuration = TimeSpan.FromSeconds(4),
                PromptDuration = TimeSpan.FromMilliseconds(500),
                CompletionDuration = TimeSpan.FromSeconds(2),
            },
        };
    }

    /// <summary>A text, then nothing until it is cancelled.</summary>
    /// <param name="text">The text.</param>
    /// <param name="afterText">Runs when the text has been taken.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async IAsyncEnumerable<GenerationUpdate> SayAndHangAsync(
        string text, Action afterText, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new GenerationUpdate { Text = text };
        afterText();
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default)
    {
        Find(request.Model);
        _asked.Add(request);
        return Answer(request, cancellationToken);
    }

    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        Task.FromResult<IReadOnlyList<ModelSummary>>(Models);

    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) => Task.FromResult(new ModelDescription
    {
        Summary = Find(model),
        Path = "/models/mini.gguf",
        System = "Be\nkind.",
        Template = "{{ .Prompt }}",
        Metadata = new Dictionary<string, System.Text.Json.Nodes.JsonNode?>
        {
            ["general.architecture"] = "llama",
            ["llama.context_length"] = 1024,
            ["llama.embedding_length"] = 128,
        },
    });

    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default)
    {
        var resident = new ResidentModel
        {
            Summary = Find(request.Model),
            SizeBytes = 48_000_000,
            ContextLength = request.Options.NumCtx ?? 1024,
            ExpiresAt = request.KeepAlive == Timeout.InfiniteTimeSpan ? DateTimeOffset.MaxValue : DateTimeOffset.UnixEpoch + (request.KeepAlive ?? TimeSpan.Zero),
        };
        Residents.RemoveAll(r => r.Summary.Name == resident.Summary.Name);
        Residents.Add(resident);
        return Task.FromResult(resident);
    }

    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default)
    {
        var name = Find(model).Name;
        return Task.FromResult(Residents.RemoveAll(r => r.Summary.Name == name) > 0);
    }

    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) =>
        Task.FromResult<IReadOnlyList<ResidentModel>>(Residents);

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }

    private ModelSummary Find(string model) => Models.Find(m => m.Name == model || m.Name == model + ":latest")
        ?? throw new ModelNotFoundException(model, [.. Models.Take(1).Select(m => m.Name)]);
}
