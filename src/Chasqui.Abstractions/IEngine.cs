namespace Chasqui;

/// <summary>
/// Whatever runs models: llama.cpp in this process, an Ollama node, an OpenAI-compatible server, another Chasqui.
/// </summary>
/// <remarks>
/// <para>All members are thread-safe. Every failure that a caller can act on is an <see cref="EngineException"/>;
/// a cancelled call throws <see cref="OperationCanceledException"/>.</para>
/// <para>A stream that has begun ends in exactly one of three ways: an update whose
/// <see cref="GenerationUpdate.Result"/> is set, an <see cref="EngineException"/>, or cancellation. Cancelling the token, or
/// disposing the enumerator early, frees what the request holds within one decode step.</para>
/// </remarks>
public interface IEngine : IAsyncDisposable
{
    /// <summary>A short name for logs and errors, e.g. <c>llama.cpp</c>.</summary>
    string Name { get; }

    /// <summary>Continues a prompt. The model is loaded first if it is not resident.</summary>
    /// <exception cref="EngineException">Thrown from the first <c>MoveNextAsync</c> or from a later one.</exception>
    IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default);

    /// <summary>Answers a conversation. The model is loaded first if it is not resident.</summary>
    /// <exception cref="EngineException">Thrown from the first <c>MoveNextAsync</c> or from a later one.</exception>
    IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default);

    /// <summary>Turns texts into vectors, one for each input and in their order.</summary>
    Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default);

    /// <summary>Turns a text into the model's token ids.</summary>
    Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default);

    /// <summary>The models that can be asked for, newest first.</summary>
    Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>Everything known of one model, without loading it.</summary>
    /// <exception cref="ModelNotFoundException">No model has this name.</exception>
    Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default);

    /// <summary>Makes a model resident, or renews its keep-alive when it is already.</summary>
    /// <exception cref="ModelNotFoundException">No model has this name.</exception>
    /// <exception cref="ModelLoadException">The file is damaged or of a kind the engine cannot run.</exception>
    /// <exception cref="InsufficientMemoryException">It does not fit beside what is in use.</exception>
    Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default);

    /// <summary>Frees a model once the requests that run on it have ended.</summary>
    /// <returns>False when it was not resident.</returns>
    /// <exception cref="ModelNotFoundException">No model has this name.</exception>
    Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default);

    /// <summary>The models in memory now, the one that stays longest first.</summary>
    Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default);
}
