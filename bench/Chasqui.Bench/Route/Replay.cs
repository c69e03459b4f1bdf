namespace Chasqui.Bench.Route;

/// <summary>What one replay came to.</summary>
/// <param name="Warm">Share of the prompts' blocks that the node had already, 0 to 1.</param>
/// <param name="Requests">The busiest node's requests, divided by the mean.</param>
/// <param name="Tokens">The same for tokens, those of prompts and answers.</param>
/// <param name="P50">Milliseconds within which half of the first tokens came.</param>
/// <param name="P99">The same for 99 of 100.</param>
internal sealed record ReplayResult(double Warm, double Requests, double Tokens, double P50, double P99);

/// <summary>Plays a trace over simulated nodes. Time is virtual, so it takes a second, not half an hour.</summary>
internal static class Replay
{
    /// <summary>Nodes that share the load.</summary>
    public const int Nodes = 4;

    /// <summary>Blocks that each node's cache holds.</summary>
    public const int CacheBlocks = 10_000;

    public static ReplayResult Run(IReadOnlyList<RouteRequest> trace, IRoutePolicy policy, CancellationToken cancellationToken)
    {
        var nodes = Enumerable.Range(0, Nodes).Select(_ => new SimulatedNode(CacheBlocks)).ToArray();
        var events = new PriorityQueue<(TimeSpan At, Action Tell), TimeSpan>();
        var waits = new double[trace.Count];
        for (var i = 0; i < trace.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var request = trace[i];
            while (events.TryPeek(out var due, out _) && due.At <= request.At)
                events.Dequeue().Tell();
            var node = policy.Choose(request, request.At);
            var (first, last) = nodes[node].Take(request);
            waits[i] = (first - request.At).TotalMilliseconds;
            events.Enqueue((first, () => policy.FirstToken(node, request, first)), first);
            events.Enqueue((last, () => policy.Finished(node, request, last)), last);
        }

        Array.Sort(waits);
        return new ReplayResult(
            (double)nodes.Sum(n => n.WarmBlocks) / nodes.Sum(n => n.Blocks),
            nodes.Max(n => n.Requests) / nodes.Average(n => n.Requests),
            nodes.Max(n => n.Tokens) / nodes.Average(n => n.Tokens),
            waits[waits.Length / 2],
            waits[waits.Length * 99 / 100]);
    }

    /// <summary>What nodes with one cache that never forgets would have had already: no policy gets further.</summary>
    public static double Ceiling(IReadOnlyList<RouteRequest> trace)
    {
        var seen = new HashSet<ulong>();
        var (warm, all) = (0L, 0L);
        foreach (var request in trace)
        {
            all += request.Blocks.Length;
            warm += request.Blocks.Count(block => !seen.Add(block));
        }
        return (double)warm / all;
    }
}
