namespace Chasqui.Gateway.Nodes;

/// <summary>Says why nodes cannot be used.</summary>
internal static class DownNodes
{
    /// <summary>One that was asked for by name.</summary>
    public static EngineUnavailableException Named(Node node) => new(
        node.Health.LastFailureForAll.Length == 0 ? $"node {node.Name} has not answered yet"
        : node.Health.PauseLeft is { Ticks: > 0 } left
            ? FormattableString.Invariant($"node {node.Name} is down: {NodeFailure.Reason(node.Name, node.Health.LastFailureForAll)}; it is tried again in {Math.Ceiling(left.TotalSeconds)} s")
        : $"node {node.Name} is down: {NodeFailure.Reason(node.Name, node.Health.LastFailureForAll)}");

    /// <summary>Each with its reason, for a list in brackets.</summary>
    public static string List(IEnumerable<Node> nodes) =>
        string.Join("; ", nodes.Select(node =>
            $"{node.Name}: {(node.Health.LastFailureForAll.Length > 0 ? NodeFailure.Reason(node.Name, node.Health.LastFailureForAll) : "has not answered yet")}"));
}
