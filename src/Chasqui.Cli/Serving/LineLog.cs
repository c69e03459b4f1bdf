using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Chasqui.Cli;

/// <summary>Logs on standard error, one line an entry: time, level where it is no mere information, text.</summary>
internal sealed class LineLog() : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        textWriter.Write(DateTime.Now.ToString("HH:mm:ss ", System.Globalization.CultureInfo.InvariantCulture));
        textWriter.Write(logEntry.LogLevel switch
        {
            LogLevel.Warning => "warning: ",
            LogLevel.Error => "error: ",
            LogLevel.Critical => "critical: ",
            _ => "",
        });
        textWriter.WriteLine(SafeText.OneLine(logEntry.Formatter(logEntry.State, logEntry.Exception)));
        if (logEntry.Exception is { } exception)
            textWriter.WriteLine(exception);
    }
}

/// <summary>Puts <see cref="LineLog"/> to work.</summary>
internal static class LineLogExtensions
{
    public static ILoggingBuilder AddLines(this ILoggingBuilder logging)
    {
        logging.AddConsoleFormatter<LineLog, ConsoleFormatterOptions>();
        // All of it: standard output is for what was asked.
        logging.AddConsole(options =>
        {
            options.FormatterName = LineLog.FormatterName;
            options.LogToStandardErrorThreshold = LogLevel.Trace;
        });
        return logging;
    }
}
