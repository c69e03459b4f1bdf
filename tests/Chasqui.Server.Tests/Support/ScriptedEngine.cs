using System.Runtime.CompilerServices;

namespace Chasqui.Server.Tests;

/// <summary>An engine that does what a test tells it to, for what a real one does only when it is broken: hang, fail midway.</summary>
internal sealed class ScriptedEngine : IEngine
{
    /// <summary>Makes the updates of a generation or a chat.</summary>
    public Func<GenerationRequest, CancellationToken, IAsyncEnumerable<GenerationUpdate>> Answer { get; init; } =
        (_, cancellationToken) => TokensAsync(["Hi"], cancellationToken);

    /// <summary>Thrown by whatever is not an answer.</summary>
    public Func<Exception> Failure { get; init; } = () => new EngineUnavailableException("scripted");

    public IReadOnlyList<ModelSummary>? Models { get; init; }

    public IReadOnlyList<ResidentModel> Resident { get; init; } = [];

    public string Name => "scripted";

    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default) =>
        Answer(request, cancellationToken);

    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default) =>
        Answer(request, cancellationToken);

    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default) => throw Failure();

    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) => throw Failure();

    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) =>
        Models is null ? throw Failure() : Task.FromResult(Models);

    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) => throw Failure();

    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) => throw Failure();

    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) => throw Failure();

    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) =>
        Models is null ? throw Failure() : Task.FromResult(Resident);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The texts one by one, then a result.</summary>
    public static async IAsyncEnumerable<GenerationUpdate> TokensAsync(
        IEnumerable<string> tokens, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var count = 0;
        foreach (var token in tokens)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
            count++;
            yield return new GenerationUpdate { Text = token };
        }
        yield return new GenerationUpdate
        {
            Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 3, CompletionTokens = count, TotalDuration = TimeSpan.FromMilliseconds(1) },
        };
    }

    /// <summary>The texts one by one, then an exception.</summary>
    public static async IAsyncEnumerable<GenerationUpdate> FailAfterAsync(
        IEnumerable<string> tokens, Exception exception, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var token in tokens)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
            yield return new GenerationUpdate { Text = token };
        }
        throw exception;
    }
}
