namespace Chasqui.Bench.Sched;

/// <summary>Quantiles of few values.</summary>
internal static class Quantile
{
    /// <returns>The least value that <paramref name="share"/> of all do not exceed; 0 for none.</returns>
    public static double Of(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? 0 : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
    }
}
