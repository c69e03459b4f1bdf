namespace Chasqui.Gateway.Nodes;

/// <summary>A node has come, gone, or is in another state than before.</summary>
/// <param name="Node">The node.</param>
/// <param name="State">Its state now; null for one that is gone.</param>
/// <param name="Reason">Why it is not used, where that is so; else empty.</param>
public sealed record NodeChange(string Node, NodeState? State, string Reason);

/// <summary>Finds out what has changed of the nodes since it last looked. Not thread-safe.</summary>
internal sealed class NodeWatch
{
    private readonly Dictionary<string, NodeState> _known = new(StringComparer.Ordinal);

    /// <summary>The changes since the last look.</summary>
    public IEnumerable<NodeChange> Look(IReadOnlyList<Node> nodes)
    {
        foreach (var node in nodes)
        {
            var state = node.Health.State;
            if (_known.TryGetValue(node.Name, out var before) && before == state)
                continue;
            _known[node.Name] = state;
            yield return new NodeChange(node.Name, state, node.Health.LastFailure);
        }
        if (_known.Count == nodes.Count)
            yield break;
        foreach (var gone in _known.Keys.Except(nodes.Select(node => node.Name)).ToList())
        {
            _known.Remove(gone);
            yield return new NodeChange(gone, null, "");
        }
    }
}
