namespace Chasqui.Gateway.Routing;

/// <summary>
/// Chooses the node where the first token is expected soonest. Among nodes that are as good, two are drawn and the less loaded one is taken
/// (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001). Pure.
/// </summary>
public static class RouteChoice
{
    // Differences below these are noise of the measurements.
    private const double EqualSeconds = 0.002;
    private const double EqualShare = 0.05;

    // A node that holds the beginning of a conversation may have this much more than its share of the load, and one request more.
    private const double AffinityLoad = 2;

    // Prompts that wait count less than those that have to be computed because of this choice: whoever is sent where its beginning is warm saves work for all.
    // With 1 the share of warm blocks is a tenth less, with 0.1 hardly more, on the trace of `bench route`.
    private const double PendingWeight = 0.2;

    // What a request loses, in seconds, that a node fails.
    private const double FailureSeconds = 5;

    /// <summary>Chooses.</summary>
    /// <param name="candidates">At least one.</param>
    /// <param name="promptTokens">Tokens of the prompt.</param>
    /// <param name="random">For what is equal.</param>
    /// <param name="reason">Why; <see cref="RouteReason.Attempt"/> is the caller's to fill in.</param>
    /// <returns>The <see cref="RouteCandidate.Index"/> of the chosen one.</returns>
    public static int Choose(ReadOnlySpan<RouteCandidate> candidates, int promptTokens, Random random, out RouteReason reason)
    {
        ArgumentNullException.ThrowIfNull(random);
        ArgumentOutOfRangeException.ThrowIfZero(candidates.Length);
        var fair = FairLoad(candidates);
        Span<double> expected = candidates.Length <= 64 ? stackalloc double[candidates.Length] : new double[candidates.Length];
        var best = 0;
        for (var i = 0; i < candidates.Length; i++)
        {
            expected[i] = Expected(candidates[i], promptTokens, fair);
            if (expected[i] < expected[best])
                best = i;
        }
        var chosen = TwoChoices(candidates, expected, expected[best] + Math.Max(EqualSeconds, expected[best] * EqualShare), random, out var equals);
        var node = candidates[chosen];
        reason = new RouteReason(
            Kind(candidates, chosen, equals, fair), expected[chosen], node.LoadSeconds, WaitSeconds(node), IsWithin(node, fair) ? node.WarmTokens : 0, candidates.Length, 0);
        return node.Index;
    }

    private static double FairLoad(ReadOnlySpan<RouteCandidate> candidates)
    {
        double load = 1, weight = 0;
        foreach (var candidate in candidates)
        {
            load += candidate.InFlight;
            weight += candidate.Weight;
        }
        return load / weight;
    }

    private static bool IsWithin(in RouteCandidate node, double fair) => node.InFlight + 1 <= (fair * node.Weight * AffinityLoad) + 1;

    private static double WaitSeconds(in RouteCandidate node) =>
        node.InFlight < node.Slots ? 0 : (node.InFlight - node.Slots + 1) * node.ServiceSeconds / node.Slots;

    private static double Expected(in RouteCandidate node, int promptTokens, double fair)
    {
        var cold = Math.Max(0, promptTokens - (IsWithin(node, fair) ? node.WarmTokens : 0));
        var prompt = (cold + (PendingWeight * node.PendingTokens)) / node.PromptTokensPerSecond;
        return ((node.LoadSeconds + WaitSeconds(node) + prompt) / node.Weight) + (node.FailureRate * FailureSeconds);
    }

    private static int TwoChoices(ReadOnlySpan<RouteCandidate> candidates, ReadOnlySpan<double> expected, double limit, Random random, out int equals)
    {
        equals = 0;
        int first = -1, second = -1;
        // Two drawn in one pass over those that are as good (reservoir sampling).
        for (var i = 0; i < candidates.Length; i++)
        {
            if (expected[i] > limit)
                continue;
            equals++;
            if (first < 0)
                first = i;
            else if (second < 0)
                second = i;
            else if (random.Next(equals) is var place and < 2)
                (first, second) = place == 0 ? (i, second) : (first, i);
        }
        if (second < 0)
            return first;
        var (a, b) = (Relative(candidates[first]), Relative(candidates[second]));
        return a < b || (a == b && random.Next(2) == 0) ? first : second;
    }

    private static double Relative(in RouteCandidate node) => (node.InFlight + 1) / node.Weight;

    private static string Kind(ReadOnlySpan<RouteCandidate> candidates, int chosen, int equals, double fair)
    {
        if (candidates.Length == 1)
            return "only";
        var node = candidates[chosen];
        if (node.WarmTokens > 0 && IsWithin(node, fair))
            return "prefix";
        if (equals > 1)
            return "equal";
        var others = false;
        foreach (var candidate in candidates)
            others |= candidate.LoadSeconds > 0;
        return node.LoadSeconds == 0 && others ? "resident" : "soonest";
    }
}
