using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server.Tests.Keys;

/// <summary>What a gateway's log says of requests that have ended, as soon as it says so: their tokens are settled by then.</summary>
internal sealed class EndedRequests : ILoggerProvider, ILogger
{
    private readonly Channel<EndedRequest> _ended = Channel.CreateUnbounded<EndedRequest>();

    /// <summary>The next one that has ended, on a path or by an operation.</summary>
    public async Task<EndedRequest> NextAsync(string path)
    {
        while (true)
        {
            if (await _ended.Reader.ReadAsync(TestContext.Current.CancellationToken) is var ended && ended.Path == path)
                return ended;
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Name != "RequestEnded" || state is not IReadOnlyList<KeyValuePair<string, object?>> fields)
            return;
        var values = fields.ToDictionary(field => field.Key, field => field.Value);
        _ended.Writer.TryWrite(new EndedRequest((string)values["Path"]!, (int)values["PromptTokens"]!, (int)values["CompletionTokens"]!));
    }

    public void Dispose()
    {
        // Nothing is held.
    }
}

/// <summary>A request that has ended.</summary>
internal sealed record EndedRequest(string Path, int Prompt, int Completion);
