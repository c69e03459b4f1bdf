using System.Diagnostics;
using System.Numerics;

namespace Chasqui.Bench.Wire;

/// <summary>Times in buckets that are 1/16 of an octave or less apart. Safe for concurrent use.</summary>
internal sealed class LatencyHistogram
{
    private const int Steps = 16;

    private readonly int[] _buckets = new int[64 * Steps];

    public void Add(long ticks) => Interlocked.Increment(ref _buckets[Bucket(ticks)]);

    /// <returns>Milliseconds within which a share (0 to 1) of the times lie; 0 where there are none.</returns>
    public double Quantile(double share)
    {
        var total = _buckets.Sum(b => (long)b);
        var left = (long)Math.Ceiling(total * share);
        for (var i = 0; i < _buckets.Length && total > 0; i++)
        {
            left -= _buckets[i];
            if (left <= 0)
                return Start(i + 1) * 1000.0 / Stopwatch.Frequency;
        }

        return 0;
    }

    private static int Bucket(long ticks)
    {
        if (ticks < Steps)
            return (int)Math.Max(0, ticks);
        var octave = BitOperations.Log2((ulong)ticks);
        return ((octave - 3) * Steps) + (int)((ticks >> (octave - 4)) & (Steps - 1));
    }

    private static double Start(int bucket) =>
        bucket < Steps ? bucket : (double)(Steps + (bucket % Steps)) * (1L << ((bucket / Steps) - 1));
}
