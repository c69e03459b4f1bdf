namespace Chasqui.Gateway.Nodes;

/// <summary>Ends the attempts whose time is up. Pure but for what it ends.</summary>
internal static class LeaseWatch
{
    // After this Ollama itself gives up a load that gets no further (OLLAMA_LOAD_TIMEOUT).
    private static readonly TimeSpan _leastKept = TimeSpan.FromMinutes(5);

    /// <summary>Looks at all requests of a node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="isStalled">Whether it has said nothing at all for long.</param>
    /// <param name="hasOther">Whether another node could answer a request, without a load.</param>
    /// <param name="routing">For the message.</param>
    public static void Check(Node node, bool isStalled, Func<NodeLease, bool> hasOther, RoutingOptions routing)
    {
        var limits = node.Options.Timeouts;
        foreach (var lease in node.Load.Snapshot())
        {
            if (!lease.HasBegun)
                lease.Silence?.Elapsed(lease.Elapsed);
            if (lease.KeptFor is { } kept && kept > _leastKept && kept > 2 * LoadTime(lease))
                lease.Release();
            else if (lease.Elapsed - lease.ClientWait > limits.Total)
                Expire(lease, $"has not finished within {Text(limits.Total)}");
            else if (lease.Elapsed > limits.Total)
                lease.Release();
            else if (lease.WaitsForClient)
                node.Progressed();
            else if (!lease.HasBegun && lease.Elapsed > limits.FirstToken)
                Expire(lease, $"has sent no first token within {Text(limits.FirstToken)}");
            else if (lease.HasBegun && lease.SinceProgress > limits.BetweenTokens)
                Expire(lease, $"has sent nothing for {Text(limits.BetweenTokens)}");
            else if (isStalled && !lease.HasBegun && lease.Elapsed > Patience(lease, routing) && hasOther(lease))
                Expire(lease, $"has answered none of its requests for {Text(routing.StallAfter)}");
        }
    }

    /// <summary>A load is silent for long, and that is no fault.</summary>
    private static TimeSpan Patience(NodeLease lease, RoutingOptions routing) => lease.WasResident
        ? routing.StallAfter
        : routing.StallAfter + (3 * LoadTime(lease));

    private static TimeSpan LoadTime(NodeLease lease) =>
        TimeSpan.FromSeconds(lease.Node.Speed.LoadSeconds(lease.Model, lease.Node.Find(lease.Model)?.SizeBytes ?? 0));

    private static void Expire(NodeLease lease, string what) => lease.Expire(new EngineFailedException($"node {lease.Node.Name} {what}"));

    private static string Text(TimeSpan time) => FormattableString.Invariant($"{time.TotalSeconds:0.###} s");
}
