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
        var headers = _caller.Headers(Operation.Http, call).Add("method", method).Add("path", path).Add("content-type", contentType);
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
}
