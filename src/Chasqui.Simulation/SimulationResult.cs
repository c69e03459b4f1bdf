namespace Chasqui.Simulation;

/// <summary>Quantiles of seconds; all 0 where there is nothing.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="P50">Half are at most this.</param>
/// <param name="P90">90 of 100.</param>
/// <param name="P99">99 of 100.</param>
/// <param name="Max">All.</param>
public sealed record Quantiles(double Mean, double P50, double P90, double P99, double Max)
{
    internal static Quantiles Of(List<double> sorted) => sorted.Count == 0
        ? new(0, 0, 0, 0, 0)
        : new(sorted.Average(), At(sorted, 0.5), At(sorted, 0.9), At(sorted, 0.99), sorted[^1]);

    private static double At(List<double> sorted, double share) => sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Count) - 1, 0, sorted.Count - 1)];
}

/// <summary>What a simulation showed.</summary>
public sealed record SimulationResult
{
    /// <summary>Requests that came.</summary>
    public required int Requests { get; init; }

    /// <summary>Of them, those that were served.</summary>
    public required int Served { get; init; }

    /// <summary>Those that were not, by the reason.</summary>
    public required IReadOnlyDictionary<string, int> Refused { get; init; }

    /// <summary>Until the last one was served.</summary>
    public required double Seconds { get; init; }

    /// <summary>Seconds for a slot, of those that were served.</summary>
    public required Quantiles Wait { get; init; }

    /// <summary>Seconds to the first token, the wait and a load included.</summary>
    public required Quantiles FirstToken { get; init; }

    /// <summary>Mean seconds for a slot, by class.</summary>
    public required IReadOnlyDictionary<string, double> MeanWaits { get; init; }

    /// <summary>Requests served in a second.</summary>
    public required double RequestsPerSecond { get; init; }

    /// <summary>Tokens of their prompts and answers.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>Share of all requests that had their first token within the target.</summary>
    public required double GoodShare { get; init; }

    /// <summary>Those in a second.</summary>
    public required double GoodRequestsPerSecond { get; init; }

    /// <summary>Their tokens in a second.</summary>
    public required double GoodTokensPerSecond { get; init; }

    /// <summary>Loads of models.</summary>
    public required long Loads { get; init; }

    /// <summary>Share of the slots' time that was used.</summary>
    public required double Utilization { get; init; }

    /// <summary>Jain's index of the callers' tokens for their weights, 0 to 1.</summary>
    public required double Fairness { get; init; }

    /// <summary>Callers that were served.</summary>
    public required int Callers { get; init; }

    /// <summary>Most requests that waited at once.</summary>
    public required int MostWaiting { get; init; }

    /// <summary>The most that waited in each of 72 equal parts of the time.</summary>
    public required IReadOnlyList<int> Waiting { get; init; }
}
