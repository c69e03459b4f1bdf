using Chasqui.Gateway.Shaping;
using CsCheck;

namespace Chasqui.Gateway.Tests.Shaping;

public sealed class TokenBucketTests
{
    private const long Minute = TimeSpan.TicksPerMinute;

    private static readonly Gen<(long Rate, long Burst)> _bucket = Gen.Select(Gen.Long[1, 5_000], Gen.Long[1, 500]);
    private static readonly Gen<(long Pause, long Count)[]> _draws = Gen.Select(Gen.Long[0, 3 * Minute], Gen.Long[1, 60]).Array[1, 60];

    [Fact]
    public void Never_more_is_taken_in_any_interval_than_burst_and_rate_allow() => Gen.Select(_bucket, _draws).Sample((limit, draws) =>
    {
        var bucket = new TokenBucket(limit.Rate, limit.Burst, 0);
        var now = 0L;
        var taken = new List<(long At, long Count)>();
        foreach (var (pause, wanted) in draws)
        {
            now += pause;
            var count = Math.Min(wanted, limit.Burst);
            if (bucket.WaitFor(count, now) != TimeSpan.Zero)
                continue;
            bucket.Take(count, now);
            taken.Add((now, count));
        }

        for (var i = 0; i < taken.Count; i++)
        {
            Int128 sum = 0;
            for (var j = i; j < taken.Count; j++)
            {
                sum += taken[j].Count;
                Assert.True(sum * Minute <= ((Int128)limit.Burst * Minute) + ((Int128)(taken[j].At - taken[i].At) * limit.Rate));
            }
        }
    });

    [Fact]
    public void After_the_wait_that_it_tells_it_can_be_taken_and_not_a_tick_before() => Gen.Select(_bucket, _draws, Gen.Long[1, 500]).Sample((limit, draws, wanted) =>
    {
        var bucket = new TokenBucket(limit.Rate, limit.Burst, 0);
        var now = 0L;
        foreach (var (pause, count) in draws)
        {
            now += pause / 50;
            bucket.Take(count, now);
        }
        var wait = bucket.WaitFor(wanted, now)!.Value.Ticks;

        Assert.Equal(TimeSpan.Zero, bucket.WaitFor(wanted, now + wait));
        if (wait > 0)
            Assert.NotEqual(TimeSpan.Zero, With(limit, draws).WaitFor(wanted, now + wait - 1));

        static TokenBucket With((long Rate, long Burst) limit, (long Pause, long Count)[] draws)
        {
            var bucket = new TokenBucket(limit.Rate, limit.Burst, 0);
            var now = 0L;
            foreach (var (pause, count) in draws)
            {
                now += pause / 50;
                bucket.Take(count, now);
            }
            return bucket;
        }
    });

    [Fact]
    public void What_is_given_back_is_there_again_and_the_real_number_counts() => Gen.Select(_bucket, Gen.Long[0, 1_000_000], Gen.Long[0, 1_000_000]).Sample((limit, reserved, real) =>
    {
        var one = new TokenBucket(limit.Rate, limit.Burst, 0);
        var other = new TokenBucket(limit.Rate, limit.Burst, 0);
        one.Take(reserved, 5);
        one.Take(real - reserved, 5);
        other.Take(real, 5);

        Assert.Equal(other.Level(5), one.Level(5));
        Assert.Equal(other.UntilFull(5), one.UntilFull(5));
        one.Take(-real, 5);
        Assert.Equal(limit.Burst, one.Level(5));
    });

    [Fact]
    public void Many_small_steps_fill_as_much_as_a_large_one() => Gen.Select(_bucket, Gen.Long[1, 997].Array[1, 200]).Sample((limit, steps) =>
    {
        var small = new TokenBucket(limit.Rate, limit.Burst, 0);
        var large = new TokenBucket(limit.Rate, limit.Burst, 0);
        small.Take(10_000, 0);
        large.Take(10_000, 0);
        var now = 0L;
        foreach (var step in steps)
            small.Level(now += step);

        Assert.Equal(large.UntilFull(now), small.UntilFull(now));
    });

    [Fact]
    public void A_clock_that_is_set_back_fills_nothing_and_stops_nothing()
    {
        var bucket = new TokenBucket(60, 10, 100 * Minute);
        bucket.Take(10, 100 * Minute);

        Assert.Equal(0, bucket.Level(10 * Minute));
        Assert.Equal(1, bucket.Level((10 * Minute) + TimeSpan.TicksPerSecond));
    }

    [Fact]
    public void A_rate_of_zero_lets_nothing_through_for_ever()
    {
        var bucket = new TokenBucket(0, 5, 0);

        Assert.Null(bucket.WaitFor(1, long.MaxValue / 2));
        Assert.Null(bucket.UntilFull(1));
        Assert.Equal(0, bucket.Burst);
    }

    [Fact]
    public void More_than_it_holds_is_taken_once_it_is_full_and_paid_later()
    {
        var bucket = new TokenBucket(60, 10, 0);
        Assert.Equal(TimeSpan.Zero, bucket.WaitFor(100, 0));
        bucket.Take(100, 0);

        Assert.Equal(-90, bucket.Level(0));
        Assert.Equal(TimeSpan.FromSeconds(91), bucket.WaitFor(1, 0));
        Assert.Equal(TimeSpan.FromSeconds(100), bucket.WaitFor(100, 0));
    }

    [Fact]
    public void The_greatest_numbers_overflow_nothing()
    {
        var bucket = new TokenBucket(TrafficLimit.Max, TrafficLimit.Max, 0);
        bucket.Take(long.MaxValue, 0);
        bucket.Take(long.MaxValue, long.MaxValue);

        Assert.True(bucket.WaitFor(long.MaxValue, long.MaxValue, long.MaxValue) > TimeSpan.FromDays(1));
        Assert.True(new TokenBucket(1, TrafficLimit.Max, 0).WaitFor(1, 0, long.MaxValue) > TimeSpan.FromDays(10_000));
    }

    [Fact]
    public void A_new_rate_keeps_what_was_used()
    {
        var bucket = new TokenBucket(60, 10, 0);
        bucket.Take(7, 0);

        Assert.Equal(93, bucket.With(600, 100, 0).Level(0));
        Assert.Equal(-5, bucket.With(60, 2, 0).Level(0));
    }
}
