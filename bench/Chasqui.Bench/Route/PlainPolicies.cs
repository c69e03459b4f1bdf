namespace Chasqui.Bench.Route;

/// <summary>One node after the other.</summary>
internal sealed class RoundRobinPolicy(int nodes) : IRoutePolicy
{
    private int _next = -1;

    public int Choose(RouteRequest request, TimeSpan now) => _next = (_next + 1) % nodes;

    public void FirstToken(int node, RouteRequest request, TimeSpan now)
    {
    }

    public void Finished(int node, RouteRequest request, TimeSpan now)
    {
    }
}

/// <summary>The node with the fewest requests under way; of equals any.</summary>
internal sealed class LeastConnectionsPolicy(int nodes, Random random) : IRoutePolicy
{
    private readonly int[] _open = new int[nodes];

    public int Choose(RouteRequest request, TimeSpan now)
    {
        var least = _open.Min();
        var skip = random.Next(_open.Count(n => n == least));
        var node = 0;
        while (_open[node] != least || skip-- > 0)
            node++;
        _open[node]++;
        return node;
    }

    public void FirstToken(int node, RouteRequest request, TimeSpan now)
    {
    }

    public void Finished(int node, RouteRequest request, TimeSpan now) => _open[node]--;
}
