using Chasqui.Gateway;

namespace Chasqui.Bench.Route;

/// <summary>What the gateway's knowledge of each node would be, for policies that follow prefixes.</summary>
internal abstract class PrefixPolicy : IRoutePolicy
{
    protected PrefixPolicy(int nodes, int capacity)
    {
        Nodes = [.. Enumerable.Range(0, nodes).Select(_ => new Node(new PrefixIndex(capacity)))];
    }

    protected Node[] Nodes { get; }

    public int Choose(RouteRequest request, TimeSpan now)
    {
        foreach (var node in Nodes)
            node.Warm = node.Prefixes.Match(request.Blocks);
        var chosen = Choose(request);
        Nodes[chosen].Open++;
        Nodes[chosen].Cold += ColdBlocks(Nodes[chosen], request);
        Nodes[chosen].Due[request] = ColdBlocks(Nodes[chosen], request);
        Nodes[chosen].Prefixes.Touch(request.Blocks);
        return chosen;
    }

    public void FirstToken(int node, RouteRequest request, TimeSpan now)
    {
        Nodes[node].Due.Remove(request, out var cold);
        Nodes[node].Cold -= cold;
    }

    public void Finished(int node, RouteRequest request, TimeSpan now) => Nodes[node].Open--;

    protected abstract int Choose(RouteRequest request);

    protected static int ColdBlocks(Node node, RouteRequest request) => request.Blocks.Length - node.Warm;

    protected sealed class Node(PrefixIndex prefixes)
    {
        public PrefixIndex Prefixes { get; } = prefixes;

        /// <summary>Blocks of each request that wait for their first token.</summary>
        public Dictionary<RouteRequest, int> Due { get; } = new(ReferenceEqualityComparer.Instance);

        /// <summary>Blocks of the present prompt that it has.</summary>
        public int Warm { get; set; }

        /// <summary>Requests under way.</summary>
        public int Open { get; set; }

        /// <summary>Blocks that it has still to compute.</summary>
        public int Cold { get; set; }
    }
}

/// <summary>
/// The node that knows most of the prompt, unless it has more than <paramref name="bound"/> times its share of the requests under way; then the next;
/// if none knows <paramref name="least"/> blocks, the less loaded of two. Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018), with prefixes for the hash.
/// </summary>
internal sealed class BoundedAffinityPolicy(int nodes, int capacity, double bound, int least, Random random) : PrefixPolicy(nodes, capacity)
{
    protected override int Choose(RouteRequest request)
    {
        var allowed = Math.Max(1, bound * (Nodes.Sum(n => n.Open) + 1) / Nodes.Length);
        var best = -1;
        for (var i = 0; i < Nodes.Length; i++)
        {
            if (Nodes[i].Warm < least || Nodes[i].Open + 1 > allowed)
                continue;
            if (best < 0 || Nodes[i].Warm > Nodes[best].Warm || (Nodes[i].Warm == Nodes[best].Warm && Nodes[i].Open < Nodes[best].Open))
                best = i;
        }

        if (best >= 0)
            return best;
        var one = random.Next(Nodes.Length);
        var other = (one + 1 + random.Next(Nodes.Length - 1)) % Nodes.Length;
        return Nodes[one].Open <= Nodes[other].Open ? one : other;
    }
}

/// <summary>
/// The node with the least expected time to the first token: what it has still to compute before, and what of this prompt it does not have. Waiting counts for
/// <paramref name="queueWeight"/> of what it is, since what is computed twice makes everybody wait.
/// </summary>
internal sealed class ExpectedTimePolicy(int nodes, int capacity, double queueWeight, Random random) : PrefixPolicy(nodes, capacity)
{
    protected override int Choose(RouteRequest request)
    {
        var best = 0;
        for (var i = 1; i < Nodes.Length; i++)
        {
            var difference = Cost(i, request).CompareTo(Cost(best, request));
            if (difference == 0)
                difference = Nodes[i].Open.CompareTo(Nodes[best].Open);
            if (difference < 0 || (difference == 0 && random.Next(2) == 0))
                best = i;
        }

        return best;
    }

    private double Cost(int node, RouteRequest request) => (queueWeight * Nodes[node].Cold) + ColdBlocks(Nodes[node], request);
}
