using Chasqui.Protocol.Messages;
using Chasqui.Protocol.Operations;
using Google.Protobuf;

namespace Chasqui.Client;

/// <content>Channels, and the HTTP API over this connection.</content>
public sealed partial class ChasquiClient
{
    /// <summary>Events of a channel from now on, until the caller leaves. A slow reader misses events; the next one says how many.</summary>
    /// <param name="channel">1 to 128 characters <c>a-z 0-9 . _ -</c>.</param>
    /// <param name="call">What the request wants.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public IAsyncEnumerable<ChannelEvent> SubscribeAsync(string channel, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.StreamAsync(Operation.ChannelSubscribe, new SubscribeRequest { Channel = channel }, ChannelEvent.Parser, call, cancellationToken);

    /// <summary>Events of a channel that the gateway keeps, <c>session.ID</c>: those after a number, each once and in order, and then those to come. None is missed; a slow reader is told that he lags.
    /// When the connection is lost, it goes on over the next one.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="after">The last number that is known already; 0 for all.</param>
    /// <param name="call">What the request wants.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public IAsyncEnumerable<ChannelEvent> SubscribeAsync(string channel, long after, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _resuming.FollowAsync(channel, (ulong)Math.Max(0, after), call ?? CallOptions.Default, cancellationToken);

    /// <summary>Sends an event to all who are subscribed.</summary>
    /// <param name="channel">1 to 128 characters <c>a-z 0-9 . _ -</c>.</param>
    /// <param name="payload">Any bytes.</param>
    /// <param name="contentType">What they are.</param>
    /// <param name="call">What the request wants.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<PublishResponse> PublishAsync(
        string channel, ReadOnlyMemory<byte> payload, string contentType = "application/octet-stream", CallOptions? call = null,
        CancellationToken cancellationToken = default)
    {
        var request = new PublishRequest { Channel = channel, ContentType = contentType, Payload = ByteString.CopyFrom(payload.Span) };
        return _caller.UnaryAsync(Operation.ChannelPublish, request, PublishResponse.Parser, call, cancellationToken);
    }

    /// <summary>Sends a request of the gateway's HTTP API over this connection. A status of 400 or more is no exception here.</summary>
    /// <param name="method">E.g. <c>POST</c>.</param>
    /// <param name="path">E.g. <c>/api/generate</c>.</param>
    /// <param name="body">The request's body.</param>
    /// <param name="contentType">What it is.</param>
    /// <param name="call">What the request wants.</param>
    /// <param name="cancellationToken">Gives up, also while the body is read.</param>
    /// <returns>The answer, to be disposed.</returns>
    public async Task<HttpAnswer> HttpAsync(
        string method, string path, ReadOnlyMemory<byte> body = default, string contentType = "application/json", CallOptions? call = null,
        CancellationToken cancellationToken = default)
    {
        call ??= CallOptions.Default;
        var headers = HttpHeaders(method, path, contentType, call);
        var scope = _caller.Scope(call, cancellationToken);
        try
        {
            var (stream, answer) = await _caller.StartAsync(headers, body.ToArray(), call, scope).ConfigureAwait(false);
            return new HttpAnswer(stream, answer, scope);
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>Sends a message of an operation as it is, and leaves the answer's messages unread.</summary>
    /// <param name="operation">The operation, e.g. <c>chat</c>.</param>
    /// <param name="message">The message; copied.</param>
    /// <param name="call">What the request wants.</param>
    /// <param name="cancellationToken">Gives up, also while the answer is read.</param>
    /// <returns>The answer, to be disposed. A status of 400 or more is no exception here.</returns>
    public async Task<RawAnswer> SendAsync(string operation, ReadOnlyMemory<byte> message, CallOptions? call = null, CancellationToken cancellationToken = default)
    {
        call ??= CallOptions.Default;
        var scope = _caller.Scope(call, cancellationToken);
        try
        {
            var (stream, answer) = await _caller.StartAsync(_caller.Headers(operation, call), message.ToArray(), call, scope).ConfigureAwait(false);
            return new RawAnswer(stream, answer, scope);
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request of the gateway's HTTP API with headers of the caller's own.</summary>
    /// <param name="method">E.g. <c>POST</c>.</param>
    /// <param name="path">E.g. <c>/api/generate</c>.</param>
    /// <param name="body">The request's body; copied.</param>
    /// <param name="headers">Headers; their names are sent in small letters.</param>
    /// <param name="cancellationToken">Gives up, also while the body is read.</param>
    /// <returns>The answer, to be disposed.</returns>
    public async Task<HttpAnswer> HttpAsync(
        string method, string path, ReadOnlyMemory<byte> body, IReadOnlyList<KeyValuePair<string, string>> headers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(headers);
        var fields = _caller.Headers(Operation.Http, CallOptions.Default).Add("method", method).Add("path", path);
        foreach (var (name, value) in headers)
            fields.Add(name.ToLowerInvariant(), value);
        var scope = _caller.Scope(CallOptions.Default, cancellationToken);
        try
        {
            var (stream, answer) = await _caller.StartAsync(fields, body.ToArray(), CallOptions.Default, scope).ConfigureAwait(false);
            return new HttpAnswer(stream, answer, scope);
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>Sends a body of any length to the gateway's HTTP API over this connection, as it is read. It is not sent twice.</summary>
    /// <param name="path">E.g. <c>/api/blobs/sha256:…</c>.</param>
    /// <param name="body">Read to its end, not disposed.</param>
    /// <param name="call">What the request wants.</param>
    /// <param name="cancellationToken">Gives up, also while the answer's body is read.</param>
    /// <returns>The answer, to be disposed.</returns>
    public async Task<HttpAnswer> UploadAsync(string path, Stream body, CallOptions? call = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(body);
        call ??= CallOptions.Default;
        var scope = _caller.Scope(call, cancellationToken);
        try
        {
            var (stream, answer) = await _caller.UploadAsync(HttpHeaders("POST", path, "application/octet-stream", call), body, call, scope).ConfigureAwait(false);
            return new HttpAnswer(stream, answer, scope);
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    private Protocol.Headers.HeaderList HttpHeaders(string method, string path, string contentType, CallOptions call)
    {
        var headers = _caller.Headers(Operation.Http, call).Add("method", method).Add("path", path).Add("content-type", contentType);
        // The HTTP API has a name of its own for it.
        return call.Node is { } node ? headers.Add("x-chasqui-node", node) : headers;
    }
}
