using System.Diagnostics;
using Chasqui.Bench.Peers.Clients;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers.Loads;

/// <summary>Callers that each send the next request when they have the answer of the last.</summary>
internal sealed class UnaryLoad(IClientPeer client, PeerLoad load) : ILoad
{
    // One call in eight is timed in the histogram.
    private const int Sampled = 8;

    private IUnaryCaller[] _callers = [];

    public async Task PrepareAsync(double seconds)
    {
        await client.ConnectAsync(load.Connections);
        _callers = [.. Enumerable.Range(0, load.Connections * load.InFlight).Select(i => client.Caller(i % load.Connections))];
        await RunAsync(seconds);
    }

    public async Task<PeerAnswer> RunAsync(double seconds)
    {
        var histogram = new LatencyHistogram();
        var begin = Stopwatch.GetTimestamp();
        var end = begin + (long)(seconds * Stopwatch.Frequency);
        var counts = await Task.WhenAll(_callers.Select(c => Task.Run(() => CallAsync(c, end, histogram))));
        return new PeerAnswer
        {
            Operations = counts.Sum(),
            Seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds,
            P50 = histogram.Quantile(0.5),
            P99 = histogram.Quantile(0.99),
        };
    }

    public ValueTask DisposeAsync() => client.DisposeAsync();

    private static async Task<long> CallAsync(IUnaryCaller caller, long end, LatencyHistogram histogram)
    {
        var count = 0L;
        for (var now = Stopwatch.GetTimestamp(); now < end;)
        {
            if (await caller.CallAsync() != Payload.BodyBytes)
                throw new InvalidDataException("another body came back than was sent");
            var before = now;
            now = Stopwatch.GetTimestamp();
            if (count++ % Sampled == 0)
                histogram.Add(now - before);
        }

        return count;
    }
}
