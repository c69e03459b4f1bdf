namespace Chasqui.Server;

/// <summary>The engine that comes with the gateway, as a node. It speaks no HTTP: every request reaches it by its types.</summary>
/// <param name="engine">The engine.</param>
/// <param name="slots">Requests of one model that it runs at once.</param>
internal sealed class EmbeddedNode(IEngine engine, int slots) : INodeConnection
{
    public IEngine Engine { get; } = engine;

    public IHttpPassage? Passage => null;

    public async Task<NodeReport> ReportAsync(CancellationToken cancellationToken)
    {
        var models = await Engine.ListAsync(cancellationToken).ConfigureAwait(false);
        var resident = await Engine.ListResidentAsync(cancellationToken).ConfigureAwait(false);
        return new NodeReport { Models = models, Resident = resident, Slots = slots, Software = Engine.Name };
    }

    /// <summary>The engine belongs to whoever made it.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
