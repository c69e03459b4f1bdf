using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Http;

/// <summary>What is told of a node's answers. Prompts are not.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(1, LogLevel.Debug, "node {Node} answered {Path} with {Status}: {Message}")]
    internal static partial void Refused(ILogger logger, string node, string path, int status, string message);

    [LoggerMessage(2, LogLevel.Debug, "node {Node} failed: {Message}")]
    internal static partial void Failed(ILogger logger, string node, string message);

    [LoggerMessage(3, LogLevel.Warning, "node {Node} lists an entry without a name; it is left out")]
    internal static partial void Nameless(ILogger logger, string node);
}
