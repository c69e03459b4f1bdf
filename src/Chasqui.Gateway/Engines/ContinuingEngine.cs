using Chasqui.Gateway.Continuity;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Policies;

namespace Chasqui.Gateway;

/// <summary>The engine of one node for one attempt, whose answers go on on other nodes when that one fails in the middle. What fails before anything was said is whoever's that has the attempt.</summary>
/// <param name="lease">The attempt; its owner's to dispose.</param>
/// <param name="route">The way that it is an attempt of.</param>
/// <param name="policyOf">The rules for options of a model; null for none.</param>
/// <param name="changed">Told what they changed, before anything is sent.</param>
public sealed class ContinuingEngine(NodeLease lease, Dispatch.Route route, Func<string, OptionPolicy?> policyOf, Action<IReadOnlyList<OptionChange>>? changed = null) : IEngine
{
    private readonly LeasedEngine _first = new(lease, policyOf(lease.Model), changed);

    /// <inheritdoc/>
    public string Name => _first.Name;

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Stream().RunAsync(request, lease, (engine, asked) => engine.GenerateAsync(asked, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Stream().RunAsync(request, lease, (engine, asked) => engine.ChatAsync(asked, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default) => _first.EmbedAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) => _first.TokenizeAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) => _first.ListAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) => _first.ShowAsync(model, cancellationToken);

    /// <inheritdoc/>
    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) => _first.LoadAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) => _first.UnloadAsync(model, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) => _first.ListResidentAsync(cancellationToken);

    /// <summary>Nothing of its own is held.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private ContinuedStream Stream() => new(route, one => ReferenceEquals(one, lease) ? _first : new LeasedEngine(one, policyOf(one.Model)));
}
