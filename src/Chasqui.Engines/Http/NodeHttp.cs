using System.Text.Json;
using Chasqui.Engines.Http1;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Http;

/// <summary>
/// Asks one node over HTTP/1.1 what is translated, on connections of the same kind as those of what passes unread. <c>HttpClient</c> would not do: it has a rule of its own for connections
/// that the node closed, which knows neither that nothing of an answer came nor how long ago the request was sent, and so fails requests at servers that close after each answer.
/// </summary>
internal sealed class NodeHttp : IDisposable
{
    private static readonly KeyValuePair<string, string>[] _jsonBody = [new("Content-Type", HttpCall.Json)];
    private static readonly KeyValuePair<string, string>[] _rawBody = [new("Content-Type", "application/octet-stream")];

    private readonly Http1Passage _passage;
    private readonly ILogger _logger;

    public NodeHttp(HttpNodeOptions options, TimeProvider time, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Address is not { IsAbsoluteUri: true, Scheme: "http" or "https" })
            throw new ArgumentException($"a node's address must begin with http:// or https://, but is '{options.Address}'", nameof(options));
        _logger = logger;
        Name = string.IsNullOrEmpty(options.Name) ? options.Address.Authority : options.Name;
        Timeouts = options.Timeouts;
        Time = time;
        _passage = new Http1Passage(Http1Options.Of(Name, options.Address) with
        {
            ApiKey = string.IsNullOrEmpty(options.ApiKey) ? null : options.ApiKey,
            ConnectTimeout = options.Timeouts.Connect,
            Connections = options.Connections,
            SentAgain = options.SentAgain,
            Time = time,
        });
    }

    /// <summary>For logs and errors.</summary>
    public string Name { get; }

    public CallTimeouts Timeouts { get; }

    public TimeProvider Time { get; }

    public CallLimits Computing => CallLimits.Computing(Timeouts);

    public CallLimits Asking => CallLimits.Asking(Timeouts);

    public CallLimits Moving => CallLimits.Moving(Timeouts);

    /// <summary>Sends a request.</summary>
    /// <returns>The answer once its head has come, whatever its status; to be disposed, which gives up what has not been read.</returns>
    /// <exception cref="EngineException">The node cannot be reached, or does not answer in time.</exception>
    public async Task<HttpReply> SendAsync(HttpCall call, CancellationToken cancellationToken)
    {
        var clock = new CallClock(Time, call.Limits, cancellationToken);
        try
        {
            if (call.Upload is { } upload)
                upload.Moved = clock.Progress;
            var headers = new List<KeyValuePair<string, string>>(4);
            headers.AddRange(call.Upload is not null ? _rawBody : call.Body.IsEmpty ? [] : _jsonBody);
            TraceHeaders.AddTo(headers);
            var request = new PassageRequest { Method = call.Method.Method, Path = call.Path, Body = call.Body, Headers = headers };
            var answer = await _passage.SendAsync(request, call.Upload, clock.Token).ConfigureAwait(false);
            return new HttpReply(this, call, await UnpackedAnswer.OfAsync(answer, Name).ConfigureAwait(false), clock);
        }
        catch (Exception e)
        {
            var explained = Explain(e, clock);
            clock.Dispose();
            if (explained is null)
                throw;
            throw explained;
        }
    }

    /// <summary>Sends a request and reads its answer, which must be a success and JSON.</summary>
    public async Task<T> AskAsync<T>(HttpCall call, Func<JsonElement, T> read, CancellationToken cancellationToken)
    {
        var reply = await SendAsync(call, cancellationToken).ConfigureAwait(false);
        await using (reply.ConfigureAwait(false))
        {
            await reply.EnsureSuccessAsync().ConfigureAwait(false);
            return await reply.ReadJsonAsync(read).ConfigureAwait(false);
        }
    }

    /// <summary>Sends a request whose success has no body that matters.</summary>
    public async Task TellAsync(HttpCall call, CancellationToken cancellationToken)
    {
        var reply = await SendAsync(call, cancellationToken).ConfigureAwait(false);
        await using (reply.ConfigureAwait(false))
        {
            await reply.EnsureSuccessAsync().ConfigureAwait(false);
            await reply.DrainAsync().ConfigureAwait(false);
        }
    }

    /// <summary>A question without a body.</summary>
    public HttpCall Get(string path) => new() { Method = HttpMethod.Get, Path = path, Limits = Asking };

    /// <summary>What a failure on the way means; null where it passes as it is.</summary>
    public Exception? Explain(Exception e, CallClock clock)
    {
        if (e is EngineException)
        {
            NodeLog.Failed(_logger, Name, e.Message);
            return null;
        }
        if (clock.CallerLeft)
            return new OperationCanceledException(e.Message, e, clock.Caller);
        if (clock.Expired is { } expired)
            return new EngineFailedException($"node '{Name}' {expired}", e);
        EngineException? explained = e switch
        {
            JsonException or InvalidOperationException or FormatException or KeyNotFoundException =>
                new EngineFailedException($"node '{Name}' sent an answer that is not what its API says: {JsonProblem.Of(Innermost(e))}", e),
            // A long request may have a long answer.
            LineTooLongException => new EngineFailedException($"node '{Name}' sent an answer that cannot be read: {e.Message}", e) { IsNodesAnswer = true },
            IOException => new EngineFailedException($"node '{Name}' broke the connection off: {Root(e)}", e),
            _ => null,
        };
        if (explained is not null)
            NodeLog.Failed(_logger, Name, explained.Message);
        return explained;
    }

    /// <summary>Notes an answer that is an error.</summary>
    public void Note(HttpCall call, int status, string message) => NodeLog.Refused(_logger, Name, call.Path, status, message);

    public void Dispose() => _passage.Dispose();

    private static string Root(Exception e) => Innermost(e).Message.TrimEnd('.');

    private static Exception Innermost(Exception e)
    {
        while (e.InnerException is { } inner)
            e = inner;
        return e;
    }
}
