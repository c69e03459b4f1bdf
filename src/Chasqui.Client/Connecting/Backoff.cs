namespace Chasqui.Client;

/// <summary>How long to wait after so many failures in a row: doubled each time, bounded, and up to half of it taken off at random.</summary>
/// <param name="min">After the first failure.</param>
/// <param name="max">The bound.</param>
/// <param name="random">A number from 0 to 1.</param>
public sealed class Backoff(TimeSpan min, TimeSpan max, Func<double> random)
{
    /// <summary>The usual one.</summary>
    public Backoff(TimeSpan min, TimeSpan max)
        : this(min, max, Random.Shared.NextDouble)
    {
    }

    /// <summary>The wait; zero without a failure.</summary>
    public TimeSpan After(int failures)
    {
        if (failures <= 0)
            return TimeSpan.Zero;
        var full = Math.Min(max.TotalMilliseconds, min.TotalMilliseconds * Math.Pow(2, Math.Min(failures - 1, 40)));
        return TimeSpan.FromMilliseconds(full * (1 - (random() / 2)));
    }
}
