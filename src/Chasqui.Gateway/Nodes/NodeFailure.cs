namespace Chasqui.Gateway.Nodes;

/// <summary>Failures of nodes in words.</summary>
public static class NodeFailure
{
    /// <summary>A failure without the node's name before it, for where the name has been said already.</summary>
    /// <param name="node">The node.</param>
    /// <param name="failure">Why it failed, which may begin with <c>node NAME</c>.</param>
    public static string Reason(string node, string failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        foreach (var before in (ReadOnlySpan<string>)[$"node '{node}' ", $"node {node} "])
        {
            if (failure.Length > before.Length && failure.StartsWith(before, StringComparison.Ordinal))
                return failure[before.Length..];
        }
        return failure;
    }
}
