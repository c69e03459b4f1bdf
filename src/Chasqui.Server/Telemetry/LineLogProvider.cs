using System.Buffers;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>
/// The gateway's log: a line for each entry, in the form that was chosen, with the id of the request that it belongs to. Lines are made where they are logged, into a buffer of the
/// thread's own, and written elsewhere (<see cref="LineWriter"/>).
/// </summary>
internal sealed class LineLogProvider(Stream output, LogFormat format, TimeProvider time) : ILoggerProvider
{
    private readonly LineWriter _writer = new(output, time);

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _line;

    /// <summary>Lines that were dropped because nobody took them fast enough.</summary>
    public long Dropped => _writer.Dropped;

    public ILogger CreateLogger(string categoryName) => new LineLogger(this, categoryName);

    public void Dispose() => _writer.Dispose();

    private void Log<TState>(in LineEntry<TState> entry)
    {
        // Whatever a state's text logs while it is made would write into the same buffer.
        var line = _line ?? new ArrayBufferWriter<byte>(1_024);
        _line = null;
        line.ResetWrittenCount();
        if (format == LogFormat.Json)
            JsonLine.Write(line, entry, time);
        else
            TextLine.Write(line, entry, time);
        line.Write("\n"u8);
        _writer.Write(line.WrittenSpan, urgent: entry.Level >= LogLevel.Warning);
        // One long text does not keep its memory for ever.
        if (line.Capacity <= 64 << 10)
            _line = line;
    }

    private sealed class LineLogger(LineLogProvider provider, string category) : ILogger
    {
        // The id of the request is known without one.
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                provider.Log(new LineEntry<TState>(logLevel, category, state, exception, formatter));
        }
    }
}

/// <summary>What was logged.</summary>
internal readonly record struct LineEntry<TState>(LogLevel Level, string Category, TState State, Exception? Exception, Func<TState, Exception?, string> Formatter)
{
    /// <summary>Puts its text into a buffer.</summary>
    /// <returns>The text as UTF-8, valid until the buffer changes.</returns>
    public ReadOnlySpan<byte> Text(Span<byte> buffer, out bool oneLine)
    {
        if (State is IUtf8SpanFormattable text && text.TryFormat(buffer, out var written, default, null))
        {
            oneLine = true;
            return buffer[..written];
        }

        oneLine = false;
        return System.Text.Encoding.UTF8.GetBytes(Formatter(State, Exception));
    }
}
