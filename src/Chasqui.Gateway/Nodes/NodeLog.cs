using Microsoft.Extensions.Logging;

namespace Chasqui.Gateway.Nodes;

/// <summary>Says in the log that a node is down, and that it is up again: once for each change, with the reason. Not thread-safe.</summary>
internal sealed partial class NodeLog(ILogger logger)
{
    private readonly HashSet<string> _down = new(StringComparer.Ordinal);

    /// <summary>Writes what is new.</summary>
    /// <param name="change">The change.</param>
    /// <param name="node">The node; null for one that is gone.</param>
    public void Write(NodeChange change, Node? node)
    {
        switch (change.State)
        {
            // Each trial that fails pauses it again, which is no news.
            case NodeState.Paused when node is not null && !(node.Options.IsImplied && node.Report is null) && _down.Add(change.Node):
                if (node.Options.Url.Length > 0)
                    LogDown(change.Node, node.Options.Url, NodeFailure.Reason(change.Node, change.Reason));
                else
                    LogEngineDown(change.Node, change.Reason);
                break;
            case NodeState.Up or NodeState.Returning when _down.Remove(change.Node):
                LogUp(change.Node);
                break;
            case null:
                _down.Remove(change.Node);
                break;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node} at {Url} is down: {Reason}")]
    private partial void LogDown(string node, string url, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node}, the embedded engine, is down: {Reason}")]
    private partial void LogEngineDown(string node, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Node {Node} is up again")]
    private partial void LogUp(string node);
}
