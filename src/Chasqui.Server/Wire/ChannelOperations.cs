using Chasqui.Gateway;
using Chasqui.Gateway.Sessions;
using Chasqui.Protocol.Messages;
using Google.Protobuf;
using Op = Chasqui.Protocol.Operations.Operation;

namespace Chasqui.Server;

/// <summary>The operations of channels.</summary>
/// <param name="hub">Channels of which nothing is kept.</param>
/// <param name="gate">What the subscriber may see.</param>
/// <param name="keys">What the subscriber's key says now.</param>
/// <param name="sessions">Whose changes are the events of <c>session.ID</c>; null where there are none.</param>
/// <param name="callers">Ends subscriptions, which have no end of their own: those of keys that do not reach so far any more, and all when the gateway stops.</param>
/// <param name="stopping">The gateway begins to stop.</param>
internal sealed class ChannelOperations(ChannelHub hub, CallerGate gate, KeyRing keys, Lazy<SessionLog>? sessions, CallerSessions callers, CancellationToken stopping)
{
    /// <summary>With what the channels of sessions begin.</summary>
    private const string SessionPrefix = "session.";

    public IEnumerable<KeyValuePair<string, WireOperation>> All =>
    [
        new(Op.ChannelSubscribe, async (call, answer, ct) =>
        {
            var request = await WireRequest.ReadAsync(call, SubscribeRequest.Parser, ct).ConfigureAwait(false);
            var (caller, scope) = (CallerGate.Caller, WireScopes.Of(Op.ChannelSubscribe) | (request.Channel == ChannelHub.Nodes ? Scopes.Admin : Scopes.None));
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, callers.Of(caller, scope));
            try
            {
                await SubscribeAsync(request, answer, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                throw stopping.IsCancellationRequested ? new EngineUnavailableException("the gateway is stopping") : callers.Ended(caller, scope);
            }
        }),
        new(Op.ChannelPublish, async (call, answer, ct) =>
        {
            var request = await WireRequest.ReadAsync(call, PublishRequest.Parser, ct).ConfigureAwait(false);
            if (request.Channel is ChannelHub.Models or ChannelHub.Nodes || request.Channel.StartsWith(QueueEvents.Prefix, StringComparison.Ordinal)
                || request.Channel.StartsWith(SessionPrefix, StringComparison.Ordinal))
                throw new InvalidRequestException($"only the gateway publishes on \"{request.Channel}\"");
            var (number, subscribers) = hub.Publish(request.Channel, request.ContentType, request.Payload);
            await answer.SendAsync(new PublishResponse { Number = number, Subscribers = subscribers }, end: true, ct).ConfigureAwait(false);
        }),
    ];

    private async ValueTask SubscribeAsync(SubscribeRequest request, WireAnswer answer, CancellationToken cancellationToken)
    {
        if (sessions is not null && request.Channel.StartsWith(SessionPrefix, StringComparison.Ordinal))
        {
            await FollowAsync(sessions.Value, request, answer, cancellationToken).ConfigureAwait(false);
            return;
        }
        using var subscription = Subscribe(request.Channel, CallerGate.Caller);
        // The head says that events from now on are delivered.
        await answer.BeginAsync(cancellationToken).ConfigureAwait(false);
        await foreach (var next in subscription.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            await answer.SendAsync(next, end: false, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Listens as far as the caller may see.</summary>
    private ChannelHub.Subscription Subscribe(string channel, Caller caller)
    {
        if (channel == ChannelHub.Nodes)
        {
            CallerGate.Ensure(caller, Scopes.Admin);
            return hub.Subscribe(channel);
        }
        // Ids of requests are what their callers make of them, so two callers may have the same.
        if (channel.StartsWith(QueueEvents.Prefix, StringComparison.Ordinal))
            return hub.Subscribe(channel, caller.Id);
        return channel == ChannelHub.Models
            ? hub.Subscribe(channel, "", model => keys.Renew(caller) is { } now && gate.MaySee(now, model), countsAlone: caller.Models.Count > 0)
            : hub.Subscribe(channel);
    }

    /// <summary>The changes of a session: those after a version, or those from now on.</summary>
    private static async ValueTask FollowAsync(SessionLog log, SubscribeRequest request, WireAnswer answer, CancellationToken cancellationToken)
    {
        var key = SessionKey.Of(CallerGate.Caller.Sharers, request.Channel[SessionPrefix.Length..]);
        var session = await log.FindAsync(key, cancellationToken).ConfigureAwait(false);
        var after = request.HasAfter ? (long)Math.Min(request.After, long.MaxValue) : session?.Version ?? 0;
        // That it was deleted is news for whoever knew it.
        if (session is null && (await log.ReadAsync(key, after, 1, 1, cancellationToken).ConfigureAwait(false)).Count == 0)
            throw new SessionNotFoundException(key.Id);
        await answer.BeginAsync(cancellationToken).ConfigureAwait(false);
        await foreach (var (change, lagged) in log.FollowAsync(key, after, cancellationToken).ConfigureAwait(false))
        {
            var next = new ChannelEvent
            {
                Channel = request.Channel,
                Number = (ulong)change.Version,
                ContentType = "application/json",
                Payload = UnsafeByteOperations.UnsafeWrap(SessionJson.BytesOf(change)),
                Lagged = lagged,
            };
            await answer.SendAsync(next, end: change.Kind == ChangeKind.Deleted, cancellationToken).ConfigureAwait(false);
        }
    }
}
