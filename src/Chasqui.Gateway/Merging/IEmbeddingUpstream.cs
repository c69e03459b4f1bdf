using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Nodes;

namespace Chasqui.Gateway.Merging;

/// <summary>Where merged calls go. Thread-safe.</summary>
public interface IEmbeddingUpstream
{
    /// <summary>Texts to vectors.</summary>
    Task<EmbedResult> EmbedAsync(EmbedRequest request, string? node, CancellationToken cancellationToken);

    /// <summary>Calls for a model that can run at once.</summary>
    int Slots(string model, string? node);
}

/// <summary>The nodes as the place where merged calls go.</summary>
/// <param name="dispatcher">Sends requests to nodes.</param>
/// <param name="rules">What the settings say of models.</param>
public sealed class NodesUpstream(Dispatcher dispatcher, ModelRules rules) : IEmbeddingUpstream
{
    /// <inheritdoc/>
    public async Task<EmbedResult> EmbedAsync(EmbedRequest request, string? node, CancellationToken cancellationToken)
    {
        var engine = new NodesEngine(dispatcher, rules, node);
        await using (engine.ConfigureAwait(false))
            return await engine.EmbedAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public int Slots(string model, string? node)
    {
        var name = rules.Resolve(model);
        var slots = 0;
        foreach (var having in dispatcher.Nodes.Catalogue.Having(name, node))
        {
            if (having.Health.State is NodeState.Up or NodeState.Returning)
                slots += having.SlotsOf(name);
        }
        return slots;
    }
}
