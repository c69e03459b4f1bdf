using System.Threading.Channels;
using Chasqui.Protocol.Messages;
using Google.Protobuf;

namespace Chasqui.Server;

/// <summary>Named channels: who publishes, who listens. Thread-safe.</summary>
internal sealed class ChannelHub
{
    /// <summary>Events kept for a subscriber that is slow.</summary>
    public const int Buffer = 256;

    /// <summary>The channel of loaded and unloaded models; only the gateway publishes there.</summary>
    public const string Models = "models";

    /// <summary>The channel on which the gateway tells of nodes that come, go, fail and return.</summary>
    public const string Nodes = "nodes";

    private const int MaxChannels = 10_000;
    private const int MaxSubscribers = 10_000;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ChannelState> _channels = new(StringComparer.Ordinal);
    private int _subscribers;

    /// <summary>Begins to listen; events from now on are delivered.</summary>
    /// <exception cref="InvalidRequestException">The name is wrong.</exception>
    /// <exception cref="EngineOverloadedException">There are too many subscribers or channels.</exception>
    public Subscription Subscribe(string channel)
    {
        lock (_gate)
        {
            if (_subscribers >= MaxSubscribers)
                throw new EngineOverloadedException($"there are {MaxSubscribers} subscribers already");
            var state = Open(channel);
            var subscription = new Subscription(this, channel, state.Number);
            state.Subscribers.Add(subscription);
            _subscribers++;
            return subscription;
        }
    }

    /// <summary>Publishes an event.</summary>
    /// <returns>Its number, and how many listen.</returns>
    /// <exception cref="InvalidRequestException">The name is wrong.</exception>
    /// <exception cref="EngineOverloadedException">There are too many channels.</exception>
    public (ulong Number, int Subscribers) Publish(string channel, string contentType, ByteString payload)
    {
        lock (_gate)
        {
            var state = Open(channel);
            state.Number++;
            foreach (var subscription in state.Subscribers)
                subscription.Offer(new ChannelEvent { Channel = channel, Number = state.Number, ContentType = contentType, Payload = payload });
            return (state.Number, state.Subscribers.Count);
        }
    }

    private void Leave(Subscription subscription)
    {
        lock (_gate)
        {
            if (_channels[subscription.Channel].Subscribers.Remove(subscription))
                _subscribers--;
        }
    }

    private ChannelState Open(string name)
    {
        if (_channels.TryGetValue(name, out var state))
            return state;
        if (name.Length is 0 or > 128 || !name.All(c => c is >= 'a' and <= 'z' or >= '0' and <= '9' or '.' or '_' or '-'))
            throw new InvalidRequestException($"channel is \"{name}\", but must be 1 to 128 characters of a-z 0-9 . _ -");
        if (_channels.Count >= MaxChannels)
        {
            // Numbers of a channel that nobody listens to are given up before anybody is refused.
            var idle = _channels.FirstOrDefault(c => c.Value.Subscribers.Count == 0).Key
                ?? throw new EngineOverloadedException($"there are {MaxChannels} channels already");
            _channels.Remove(idle);
        }

        return _channels[name] = new ChannelState();
    }

    private sealed class ChannelState
    {
        public ulong Number { get; set; }

        public List<Subscription> Subscribers { get; } = [];
    }

    /// <summary>One listener. Reading is for one reader.</summary>
    internal sealed class Subscription(ChannelHub hub, string channel, ulong number) : IDisposable
    {
        private readonly Channel<ChannelEvent> _events = System.Threading.Channels.Channel.CreateBounded<ChannelEvent>(
            new BoundedChannelOptions(Buffer) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

        private ulong _last = number;

        internal string Channel => channel;

        public async IAsyncEnumerable<ChannelEvent> ReadAllAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await foreach (var next in _events.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                // Numbers have no gaps, so a gap is what was dropped.
                next.Missed = next.Number - _last - 1;
                _last = next.Number;
                yield return next;
            }
        }

        public void Dispose() => hub.Leave(this);

        internal void Offer(ChannelEvent next) => _events.Writer.TryWrite(next);
    }
}
