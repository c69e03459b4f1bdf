using System.Runtime.CompilerServices;

namespace Chasqui.Engines.Tests;

/// <summary>Notes what it is asked and answers what it is told: the far end of a round trip.</summary>
internal sealed class RecordingEngine : IEngine
{
    public GenerationRequest? Asked { get; private set; }

    public EmbedRequest? AskedVectors { get; private set; }

    public IReadOnlyList<GenerationUpdate> Updates { get; set; } = [new() { Result = new GenerationResult { Reason = FinishReason.Stop } }];

    public EmbedResult Vectors { get; set; } = new() { Vectors = [] };

    public string Name => "recording";

    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default) => AnswerAsync(request, cancellationToken);

    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default) => AnswerAsync(request, cancellationToken);

    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default)
    {
        AskedVectors = request;
        return Task.FromResult(Vectors);
    }

    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) => Task.FromResult<IReadOnlyList<ModelSummary>>([]);

    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) => Task.FromResult(new ModelDescription
    {
        Path = "",
        Summary = new ModelSummary { Name = model, Digest = "", Details = new ModelDetails(), Capabilities = ["completion", "embedding", "tools", "thinking", "insert", "vision"] },
    });

    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) => Task.FromResult<IReadOnlyList<ResidentModel>>([]);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async IAsyncEnumerable<GenerationUpdate> AnswerAsync(GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Asked = request;
        foreach (var update in Updates)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
            yield return update;
        }
    }
}
