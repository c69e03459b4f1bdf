namespace Chasqui.Engines.Models;

/// <summary>An engine together with the store whose models it runs, so that both are asked in one place. Thread-safe.</summary>
/// <param name="inner">Runs the models.</param>
/// <param name="manager">Changes them.</param>
public sealed class ManagedEngine(IEngine inner, IModelManager manager) : IEngine, IModelManager
{
    /// <summary>What runs the models.</summary>
    public IEngine Inner => inner;

    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default) =>
        inner.GenerateAsync(request, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default) =>
        inner.ChatAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default) => inner.EmbedAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) =>
        inner.TokenizeAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) => inner.ListAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) => inner.ShowAsync(model, cancellationToken);

    /// <inheritdoc/>
    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) => inner.LoadAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) => inner.UnloadAsync(model, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) => inner.ListResidentAsync(cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken = default) =>
        manager.PullAsync(request, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken = default) =>
        manager.PushAsync(request, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken = default) =>
        manager.CreateAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task CopyAsync(string source, string destination, CancellationToken cancellationToken = default) =>
        manager.CopyAsync(source, destination, cancellationToken);

    /// <inheritdoc/>
    public Task DeleteAsync(string model, CancellationToken cancellationToken = default) => manager.DeleteAsync(model, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken = default) => manager.HasBlobAsync(digest, cancellationToken);

    /// <inheritdoc/>
    public Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken = default) =>
        manager.WriteBlobAsync(digest, content, cancellationToken);

    /// <summary>Disposes both.</summary>
    public async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync().ConfigureAwait(false);
        if (manager is IAsyncDisposable disposable)
            await disposable.DisposeAsync().ConfigureAwait(false);
    }
}
