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
    private readonly Dictionary<(string Name, string Audience), ChannelState> _channels = [];
    private int _subscribers;

    /// <summary>Begins to listen; events from now on are delivered.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="audience">Of a channel that is each caller's own: whose. Empty for one that is everybody's.</param>
    /// <param name="sees">Which events it is told of, by what they are about; null for all. It is called while others wait, and must not throw. An event that it is not told of
    /// is not counted for it either.</param>
    /// <param name="countsAlone">Its events have numbers from 1, so that they do not tell how many others there were.</param>
    /// <exception cref="InvalidRequestException">The name is wrong.</exception>
    /// <exception cref="EngineOverloadedException">There are too many subscribers or channels.</exception>
    public Subscription Subscribe(string channel, string audience = "", Func<string, bool>? sees = null, bool countsAlone = false)
    {
        lock (_gate)
        {
            if (_subscribers >= MaxSubscribers)
                throw new EngineOverloadedException($"there are {MaxSubscribers} subscribers already");
            var state = Open(channel, audience);
            var subscription = new Subscription(this, state, sees, countsAlone ? 0 : state.Number);
            state.Subscribers.Add(subscription);
            _subscribers++;
            return subscription;
        }
    }

    /// <summary>Publishes an event.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="contentType">What the payload is.</param>
    /// <param name="payload">The event.</param>
    /// <param name="audience">Of a channel that is each caller's own: whose. Empty for one that is everybody's.</param>
    /// <param name="about">What it is about, for subscribers that do not see everything.</param>
    /// <returns>Its number, and how many listen.</returns>
    /// <exception cref="InvalidRequestException">The name is wrong.</exception>
    /// <exception cref="EngineOverloadedException">There are too many channels.</exception>
    public (ulong Number, int Subscribers) Publish(string channel, string contentType, ByteString payload, string audience = "", string about = "")
    {
        lock (_gate)
        {
            var state = Open(channel, audience);
            state.Number++;
            foreach (var subscription in state.Subscribers)
                subscription.Offer(new ChannelEvent { Channel = channel, ContentType = contentType, Payload = payload }, about);
            return (state.Number, state.Subscribers.Count);
        }
    }

    private void Leave(Subscription subscription)
    {
        lock (_gate)
        {
            if (subscription.State.Subscribers.Remove(subscription))
                _subscribers--;
        }
    }

    private ChannelState Open(string name, string audience)
    {
        if (_channels.TryGetValue((name, audience), out var state))
            return state;
        if (name.Length is 0 or > 128 || !name.All(c => c is >= 'a' and <= 'z' or >= '0' and <= '9' or '.' or '_' or '-'))
            throw new InvalidRequestException($"channel is \"{name}\", but must be 1 to 128 characters of a-z 0-9 . _ -");
        if (_channels.Count >= MaxChannels)
        {
            // Numbers of a channel that nobody listens to are given up before anybody is refused.
            var idle = _channels.FirstOrDefault(c => c.Value.Subscribers.Count == 0);
            if (idle.Value is null)
                throw new EngineOverloadedException($"there are {MaxChannels} channels already");
            _channels.Remove(idle.Key);
        }

        return _channels[(name, audience)] = new ChannelState();
    }

    internal sealed class ChannelState
    {
        public ulong Number { get; set; }

        public List<Subscription> Subscribers { get; } = [];
    }

    /// <summary>One listener. Reading is for one reader.</summary>
    internal sealed class Subscription(ChannelHub hub, ChannelState state, Func<string, bool>? sees, ulong number) : IDisposable
    {
        private readonly Channel<ChannelEvent> _events = System.Threading.Channels.Channel.CreateBounded<ChannelEvent>(
            new BoundedChannelOptions(Buffer) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

        private ulong _offered = number;
        private ulong _last = number;

        internal ChannelState State => state;

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

        /// <summary>Called by one at a time.</summary>
        internal void Offer(ChannelEvent next, string about)
        {
            if (sees?.Invoke(about) == false)
                return;
            next.Number = ++_offered;
            _events.Writer.TryWrite(next);
        }
    }
}
