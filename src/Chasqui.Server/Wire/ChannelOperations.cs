using Chasqui.Protocol.Messages;
using Op = Chasqui.Protocol.Operations.Operation;

namespace Chasqui.Server;

/// <summary>The operations of channels.</summary>
internal sealed class ChannelOperations(ChannelHub hub)
{
    public IEnumerable<KeyValuePair<string, WireOperation>> All =>
    [
        new(Op.ChannelSubscribe, async (call, answer, ct) =>
        {
            var request = await WireRequest.ReadAsync(call, SubscribeRequest.Parser, ct).ConfigureAwait(false);
            using var subscription = hub.Subscribe(request.Channel);
            // The head says that events from now on are delivered.
            await answer.BeginAsync(ct).ConfigureAwait(false);
            await foreach (var next in subscription.ReadAllAsync(ct).ConfigureAwait(false))
                await answer.SendAsync(next, end: false, ct).ConfigureAwait(false);
        }),
        new(Op.ChannelPublish, async (call, answer, ct) =>
        {
            var request = await WireRequest.ReadAsync(call, PublishRequest.Parser, ct).ConfigureAwait(false);
            if (request.Channel == ChannelHub.Models || request.Channel.StartsWith(QueueEvents.Prefix, StringComparison.Ordinal))
                throw new InvalidRequestException($"only the gateway publishes on \"{request.Channel}\"");
            var (number, subscribers) = hub.Publish(request.Channel, request.ContentType, request.Payload);
            await answer.SendAsync(new PublishResponse { Number = number, Subscribers = subscribers }, end: true, ct).ConfigureAwait(false);
        }),
    ];
}
