using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server.Tests;

/// <summary>The lines of one logger, in their order. Thread-safe.</summary>
internal sealed class LineList<T> : ILogger<T>
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyList<string> Lines => [.. _lines];

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue(formatter(state, exception));
}
