using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Http;

/// <summary>Asks one node over HTTP/1.1, on connections that are reused and as many as there are requests.</summary>
internal sealed class NodeHttp : IDisposable
{
    // Less than the servers' own patience with idle connections, except vLLM's five seconds, which the handler looks out for itself.
    private static readonly TimeSpan _idle = TimeSpan.FromSeconds(60);

    // So that a node that moved to another address is found again.
    private static readonly TimeSpan _lifetime = TimeSpan.FromMinutes(10);

    private readonly HttpMessageInvoker _invoker;
    private readonly Uri _address;
    private readonly string? _apiKey;
    private readonly TimeSpan _connect;
    private readonly ILogger _logger;

    public NodeHttp(HttpNodeOptions options, TimeProvider time, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Address is not { IsAbsoluteUri: true, Scheme: "http" or "https" })
            throw new ArgumentException($"a node's address must begin with http:// or https://, but is '{options.Address}'", nameof(options));
        // What follows a path must not replace its last part.
        _address = new Uri(options.Address.GetLeftPart(UriPartial.Path).TrimEnd('/'));
        _apiKey = string.IsNullOrEmpty(options.ApiKey) ? null : options.ApiKey;
        _connect = options.Timeouts.Connect;
        _logger = logger;
        Name = string.IsNullOrEmpty(options.Name) ? options.Address.Authority : options.Name;
        Timeouts = options.Timeouts;
        Time = time;
        _invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            // For TLS, which begins where the callback ends.
            ConnectTimeout = _connect,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            PooledConnectionIdleTimeout = _idle,
            PooledConnectionLifetime = _lifetime,
            // An answer that is given up is given up now: reading on would keep the node computing.
            MaxResponseDrainSize = 0,
            ResponseDrainTimeout = TimeSpan.Zero,
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
            using var request = new HttpRequestMessage(call.Method, new Uri(_address.AbsoluteUri.TrimEnd('/') + call.Path)) { Content = call.Content ?? JsonBody(call.Body) };
            if (call.Content is UploadContent upload)
                upload.Moved = clock.Progress;
            if (_apiKey is not null)
                request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + _apiKey);
            var response = await _invoker.SendAsync(request, clock.Token).ConfigureAwait(false);
            return new HttpReply(this, call, response, clock);
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
            return null;
        if (clock.CallerLeft)
            return new OperationCanceledException(e.Message, e, clock.Caller);
        if (clock.Expired is { } expired)
            return new EngineFailedException($"node '{Name}' {expired}", e);
        EngineException? explained = e switch
        {
            ObjectDisposedException => new EngineUnavailableException($"node '{Name}' is being removed", e),
            OperationCanceledException { InnerException: TimeoutException } => NotConnected($"connecting took longer than {CallClock.Show(_connect)} (time-out Connect)", e),
            HttpRequestException { InnerException: ConnectTimeoutException timeout } => NotConnected(timeout.Message, e),
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => NotConnected("its name is not known", e),
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => NotConnected($"TLS failed: {Root(e)}", e),
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => NotConnected(Root(e), e),
            JsonException or InvalidOperationException or FormatException => new EngineFailedException($"node '{Name}' sent an answer that is not what its API says: {Root(e)}", e),
            HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } => new EngineFailedException($"node '{Name}' sent what is no HTTP: {Root(e)}", e),
            LineTooLongException => new EngineFailedException($"node '{Name}' sent an answer that cannot be read: {e.Message}", e),
            IOException or HttpRequestException or SocketException => new EngineFailedException($"node '{Name}' broke the connection off: {Root(e)}", e),
            _ => null,
        };
        if (explained is not null)
            NodeLog.Failed(_logger, Name, explained.Message);
        return explained;
    }

    /// <summary>Notes an answer that is an error.</summary>
    public void Note(HttpCall call, int status, string message) => NodeLog.Refused(_logger, Name, call.Path, status, message);

    public void Dispose() => _invoker.Dispose();

    private EngineUnavailableException NotConnected(string why, Exception e) => new($"node '{Name}' cannot be reached at {_address.Authority}: {why}", e);

    private static string Root(Exception e)
    {
        while (e.InnerException is { } inner)
            e = inner;
        return e.Message.TrimEnd('.');
    }

    private static ReadOnlyMemoryContent? JsonBody(ReadOnlyMemory<byte> body) =>
        body.IsEmpty ? null : new ReadOnlyMemoryContent(body) { Headers = { ContentType = new MediaTypeHeaderValue(HttpCall.Json) } };

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_connect, Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, both.Token).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception e)
        {
            socket.Dispose();
            if (e is OperationCanceledException && limit.IsCancellationRequested)
                throw new ConnectTimeoutException($"connecting took longer than {CallClock.Show(_connect)} (time-out Connect)");
            throw;
        }
    }

    private sealed class ConnectTimeoutException(string message) : IOException(message);
}
