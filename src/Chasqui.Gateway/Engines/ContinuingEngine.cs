using Chasqui.Gateway.Continuity;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Policies;

namespace Chasqui.Gateway;

/// <summary>The engine of one node for one attempt, whose answers go on on other nodes when that one fails in the middle. What fails before anything was said is whoever's that has the attempt.</summary>
public sealed class ContinuingEngine : IEngine
{
    private readonly Dispatch.Route _route;
    private readonly NodeLease? _lease;
    private readonly Func<string, OptionPolicy?> _policyOf;
    private readonly LeasedEngine? _leased;
    private readonly (AnswerSoFar Answer, EngineException Failure)? _broken;

    /// <summary>An answer from its beginning.</summary>
    /// <param name="lease">The attempt; its owner's to dispose.</param>
    /// <param name="route">The way that it is an attempt of.</param>
    /// <param name="policyOf">The rules for options of a model; null for none.</param>
    /// <param name="changed">Told what they changed, before anything is sent.</param>
    public ContinuingEngine(NodeLease lease, Dispatch.Route route, Func<string, OptionPolicy?> policyOf, Action<IReadOnlyList<OptionChange>>? changed = null)
    {
        ArgumentNullException.ThrowIfNull(lease);
        (_lease, _route, _policyOf) = (lease, route, policyOf);
        _leased = new LeasedEngine(lease, policyOf(lease.Model), changed);
    }

    /// <summary>The rest of an answer that was broken off after a part of it was passed on: its updates have what is new alone.</summary>
    /// <param name="route">The way of the request, which has found out that it may be gone on with.</param>
    /// <param name="policyOf">The rules for options of a model; null for none.</param>
    /// <param name="answer">What was passed on.</param>
    /// <param name="failure">How it failed.</param>
    public ContinuingEngine(Dispatch.Route route, Func<string, OptionPolicy?> policyOf, AnswerSoFar answer, EngineException failure) =>
        (_route, _policyOf, _broken) = (route, policyOf, (answer, failure));

    private LeasedEngine First => _leased ?? throw new NotSupportedException("only what was broken off is gone on with");

    /// <inheritdoc/>
    public string Name => _leased?.Name ?? "continued";

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Stream().RunAsync(request, _lease, (engine, asked) => engine.GenerateAsync(asked, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Stream().RunAsync(request, _lease, (engine, asked) => engine.ChatAsync(asked, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default) => First.EmbedAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) => First.TokenizeAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) => First.ListAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) => First.ShowAsync(model, cancellationToken);

    /// <inheritdoc/>
    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) => First.LoadAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) => First.UnloadAsync(model, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) => First.ListResidentAsync(cancellationToken);

    /// <summary>Nothing of its own is held.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private ContinuedStream Stream()
    {
        IEngine Of(NodeLease one) => ReferenceEquals(one, _lease) ? First : new LeasedEngine(one, _policyOf(one.Model));
        return _broken is var (answer, failure) ? new ContinuedStream(_route, Of, answer, failure) : new ContinuedStream(_route, Of);
    }
}
