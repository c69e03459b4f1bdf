namespace Chasqui.Gateway.Shaping;

/// <summary>
/// A bucket that fills at an even rate up to its burst, and may be drawn below zero, which then takes its time to fill again. It has no clock and no timer of its own. Not thread-safe.
/// </summary>
/// <remarks>
/// <c>System.Threading.RateLimiting.TokenBucketRateLimiter</c> is not used: what was taken cannot be given back or become more there once the real number is known, it has no debt,
/// several of them cannot be taken together or not at all, and it fills in steps by a timer. The level is a whole number of parts, of which each tick of 100 ns adds exactly
/// <c>perMinute</c>, so nothing is ever rounded.
/// </remarks>
internal sealed class TokenBucket
{
    private const long TicksPerMinute = TimeSpan.TicksPerMinute;

    private Int128 _level;
    private long _last;

    /// <param name="perMinute">What is filled in a minute, 0 to <see cref="TrafficLimit.Max"/>; 0 for a bucket from which nothing is ever taken.</param>
    /// <param name="burst">What it holds, at least 1; null for what is filled in a minute.</param>
    /// <param name="now">The time, in ticks of 100 ns from any beginning.</param>
    public TokenBucket(long perMinute, long? burst, long now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(perMinute);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(perMinute, TrafficLimit.Max);
        PerMinute = perMinute;
        Burst = perMinute == 0 ? 0 : Math.Max(1, burst ?? perMinute);
        _level = Full;
        _last = now;
    }

    public long PerMinute { get; }

    /// <summary>What it holds; 0 where nothing is ever taken.</summary>
    public long Burst { get; }

    private Int128 Full => (Int128)Burst * TicksPerMinute;

    /// <summary>The same with another rate; what was used of the old one is used of the new one.</summary>
    public TokenBucket With(long perMinute, long? burst, long now)
    {
        Fill(now);
        var changed = new TokenBucket(perMinute, burst, now);
        changed._level -= Full - _level;
        return changed;
    }

    /// <summary>What can be taken now; below zero while it is in debt.</summary>
    public long Level(long now)
    {
        Fill(now);
        return (long)Floor(_level);
    }

    /// <summary>How long until that much can be taken; null for never. More than it holds can be taken once it is full.</summary>
    /// <param name="count">How much.</param>
    /// <param name="now">The time.</param>
    /// <param name="ahead">What others take before.</param>
    public TimeSpan? WaitFor(long count, long now, long ahead = 0)
    {
        Fill(now);
        if (PerMinute == 0)
            return null;
        var lacks = Int128.Min((Int128)count * TicksPerMinute, Full) + ((Int128)ahead * TicksPerMinute) - _level;
        return lacks <= 0 ? TimeSpan.Zero : Ticks(lacks);
    }

    /// <summary>How long until it is full; null for never.</summary>
    public TimeSpan? UntilFull(long now)
    {
        Fill(now);
        return PerMinute == 0 ? null : Ticks(Full - _level);
    }

    /// <summary>Takes that much, whether it is there or not; less than nothing gives back.</summary>
    public void Take(long count, long now)
    {
        Fill(now);
        _level = Int128.Min(Full, _level - ((Int128)count * TicksPerMinute));
    }

    private void Fill(long now)
    {
        // A clock that was set back begins anew from where it is: nothing is filled for the way back.
        if (now > _last)
            _level = Int128.Min(Full, _level + ((Int128)(now - _last) * PerMinute));
        _last = now;
    }

    private TimeSpan Ticks(Int128 lacks)
    {
        var ticks = (lacks + PerMinute - 1) / PerMinute;
        return TimeSpan.FromTicks((long)Int128.Min(ticks, TimeSpan.MaxValue.Ticks));
    }

    private static Int128 Floor(Int128 level) => level >= 0 ? level / TicksPerMinute : -((-level + TicksPerMinute - 1) / TicksPerMinute);
}
