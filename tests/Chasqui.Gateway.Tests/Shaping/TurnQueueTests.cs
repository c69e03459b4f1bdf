using Chasqui.Gateway.Shaping;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Shaping;

public sealed class TurnQueueTests
{
    private static readonly Gen<(int Key, long Tokens, int Pause)[]> _arrivals = Gen.Select(Gen.Int[0, 2], Gen.Long[1, 30], Gen.Int[0, 4_000]).Array[1, 40];

    [Fact]
    public void Waiters_take_turns_in_their_order_and_never_more_than_all_limits_allow() => _arrivals.Sample(arrivals =>
    {
        using var shaper = new TrafficShaper(new LiveGatewaySettings(new GatewaySettings()), new FakeTimeProvider());
        var overall = State(tokens: 600, burst: 40);
        var keys = Enumerable.Range(0, 3).Select(_ => State(tokens: 300, burst: 30)).ToArray();
        var queue = new TurnQueue();
        var waiters = new List<(int Key, Waiter Waiter)>();
        var admitted = new List<(long At, int Key, long Tokens)>();
        var seen = new HashSet<Waiter>();
        var now = 0L;
        foreach (var (key, tokens, pause) in arrivals)
        {
            now += TimeSpan.FromMilliseconds(pause).Ticks;
            var waiter = new Waiter(new LimitView(shaper, [keys[key], overall]), tokens, long.MaxValue);
            waiters.Add((key, waiter));
            queue.Add(waiter);
            Advance();
        }
        while (queue.Count > 0)
        {
            now += TimeSpan.FromMilliseconds(50).Ticks;
            Advance();
        }

        Assert.Equal(arrivals.Length, admitted.Count);
        Holds(admitted, 600, 40);
        for (var key = 0; key < keys.Length; key++)
        {
            var own = admitted.Where(one => one.Key == key).ToList();
            Holds(own, 300, 30);
            Assert.Equal(waiters.Where(one => one.Key == key).Select(one => one.Waiter.Tokens), own.Select(one => one.Tokens));
        }

        void Advance()
        {
            queue.Advance(now, null);
            foreach (var (key, waiter) in waiters)
            {
                if (waiter.Admitted.IsCompleted && seen.Add(waiter))
                    admitted.Add((now, key, waiter.Tokens));
            }
        }
    }, iter: 300);

    private static LimitState State(long tokens, long burst)
    {
        var state = new LimitState("test");
        state.Apply(new TrafficLimit { TokensPerMinute = tokens, TokenBurst = burst }, 0);
        return state;
    }

    private static void Holds(List<(long At, int Key, long Tokens)> admitted, long rate, long burst)
    {
        for (var i = 0; i < admitted.Count; i++)
        {
            var sum = 0L;
            for (var j = i; j < admitted.Count; j++)
            {
                sum += admitted[j].Tokens;
                Assert.True((Int128)sum * TimeSpan.TicksPerMinute <= ((Int128)burst * TimeSpan.TicksPerMinute) + ((Int128)(admitted[j].At - admitted[i].At) * rate));
            }
        }
    }
}
