using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Worker;

/// <summary>What is told of a worker.</summary>
internal static partial class WorkerLog
{
    private const int MaxLine = 4_096;

    /// <summary>A line of the worker's own log, at the level that it names.</summary>
    internal static void Forward(ILogger logger, string? line)
    {
        if (string.IsNullOrWhiteSpace(line))
            return;
        // Its clock is ours.
        var text = line.Length > 9 && line[2] == ':' && line[5] == ':' && line[8] == ' ' ? line[9..] : line;
        var level = text.StartsWith("critical: ", StringComparison.Ordinal) ? LogLevel.Critical
            : text.StartsWith("error: ", StringComparison.Ordinal) ? LogLevel.Error
            : text.StartsWith("warning: ", StringComparison.Ordinal) ? LogLevel.Warning
            : LogLevel.Information;
        if (level != LogLevel.Information)
            text = text[(text.IndexOf(':', StringComparison.Ordinal) + 2)..];
        Line(logger, level, text.Length > MaxLine ? text[..MaxLine] : text);
    }

    [LoggerMessage(1, LogLevel.Information, "engine worker {Id} is ready")]
    internal static partial void Ready(ILogger logger, int id);

    [LoggerMessage(2, LogLevel.Error, "engine worker {Id} died ({How}); a new one is started in {Wait} ms")]
    internal static partial void Died(ILogger logger, int id, string how, double wait);

    [LoggerMessage(3, LogLevel.Error, "the engine's worker cannot be started; it is tried again in {Wait} ms")]
    internal static partial void Failed(ILogger logger, Exception exception, double wait);

    [LoggerMessage(4, LogLevel.Information, "engine worker {Id} ended ({How})")]
    internal static partial void Ended(ILogger logger, int id, string how);

    [LoggerMessage(EventId = 5, Message = "worker: {Text}")]
    private static partial void Line(ILogger logger, LogLevel level, string text);
}
