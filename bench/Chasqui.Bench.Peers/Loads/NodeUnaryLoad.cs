using System.Diagnostics;
using Chasqui.Bench.Peers.Clients;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers.Loads;

/// <summary>Chats with whole answers, a thread and a connection for each request under way. Every call is timed.</summary>
internal sealed class NodeUnaryLoad(int port, PeerLoad load) : ILoad
{
    // Beyond this many in one thread no further ones are kept.
    private const int MaxTimes = 1 << 20;

    private NodeConversation[] _conversations = [];

    public async Task PrepareAsync(double seconds)
    {
        _conversations = [.. Enumerable.Range(0, load.Connections * load.InFlight).Select(_ => new NodeConversation(port))];
        await RunAsync(seconds);
    }

    public async Task<PeerAnswer> RunAsync(double seconds)
    {
        var begin = Stopwatch.GetTimestamp();
        var end = begin + (long)(seconds * Stopwatch.Frequency);
        var results = await Task.WhenAll(_conversations.Select(c => Task.Factory.StartNew(
            () => Call(c, end), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        var elapsed = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        long[] times = [.. results.SelectMany(r => r.Times).Order()];
        return new PeerAnswer
        {
            Operations = results.Sum(r => r.Count),
            Seconds = elapsed,
            P50 = Quantile(times, 0.5),
            P99 = Quantile(times, 0.99),
        };
    }

    public ValueTask DisposeAsync()
    {
        foreach (var conversation in _conversations)
            conversation.Dispose();
        return default;
    }

    private static double Quantile(long[] times, double share) =>
        times.Length == 0 ? 0 : times[(int)((times.Length - 1) * share)] * 1000.0 / Stopwatch.Frequency;

    private static (long Count, List<long> Times) Call(NodeConversation conversation, long end)
    {
        var (count, times) = (0L, new List<long>(1024));
        for (var now = Stopwatch.GetTimestamp(); now < end; count++)
        {
            conversation.Call();
            var before = now;
            now = Stopwatch.GetTimestamp();
            if (times.Count < MaxTimes)
                times.Add(now - before);
        }

        return (count, times);
    }
}
