using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Chasqui.Bench.Peers.Servers;

/// <summary>Stands for an engine: hands out tokens, freely or all streams' on one tick, as a batched decode step does.</summary>
internal sealed class TokenSource
{
    private readonly ConcurrentDictionary<Channel<string>, byte> _streams = new();

    public TokenSource() => new Thread(Tick) { IsBackground = true, Name = "decode" }.Start();

    /// <param name="count">How many, at once; 0 for one on each tick, until cancelled.</param>
    /// <param name="cancellationToken">Ends the stream.</param>
    public async IAsyncEnumerable<string> ReadAsync(int count, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var i = 0; i < count; i++)
            yield return Payload.LongToken;
        if (count > 0)
            yield break;
        var channel = Channel.CreateBounded<string>(new BoundedChannelOptions(64) { SingleReader = true, SingleWriter = true, FullMode = BoundedChannelFullMode.DropWrite });
        _streams[channel] = 0;
        try
        {
            await foreach (var token in channel.Reader.ReadAllAsync(cancellationToken))
                yield return token;
        }
        finally
        {
            _streams.TryRemove(channel, out _);
        }
    }

    private void Tick()
    {
        var clock = Stopwatch.StartNew();
        for (var tick = 1L; ; tick++)
        {
            var wait = TimeSpan.FromSeconds(tick / Payload.Rate) - clock.Elapsed;
            if (wait > TimeSpan.Zero)
                // A thread of its own, as an engine decodes on one.
                Thread.Sleep(wait);
            var token = Payload.PacedTokens[tick % Payload.PacedTokens.Length];
            foreach (var (channel, _) in _streams)
                channel.Writer.TryWrite(token);
        }
    }
}
