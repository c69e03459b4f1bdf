using Chasqui.Gateway.Routing;
using CsCheck;

namespace Chasqui.Gateway.Tests.Routing;

public sealed class RouteChoiceTests
{
    private static readonly RouteCandidate _idle = new() { Index = 0, Slots = 4, Weight = 1, ServiceSeconds = 2, PromptTokensPerSecond = 500 };

    [Fact]
    public void A_node_that_has_the_model_in_memory_is_preferred()
    {
        var index = Choose([_idle with { LoadSeconds = 5 }, _idle with { Index = 1, InFlight = 2 }], out var reason);
        Assert.Equal((1, "resident"), (index, reason.Kind));
    }

    [Fact]
    public void But_not_when_its_queue_takes_longer_than_the_load()
    {
        var index = Choose([_idle with { LoadSeconds = 5 }, _idle with { Index = 1, InFlight = 20 }], out var reason);
        Assert.Equal((0, "soonest"), (index, reason.Kind));
        Assert.Equal(5, reason.LoadSeconds);
    }

    [Fact]
    public void Who_has_to_wait_waits_for_the_requests_before_it()
    {
        Choose([_idle with { InFlight = 5 }], out var reason);
        Assert.Equal("only", reason.Kind);
        Assert.Equal(1, reason.WaitSeconds);
        Assert.Equal(1.2, reason.ExpectedSeconds, 6);
    }

    [Fact]
    public void Waiting_prompts_count()
    {
        var index = Choose([_idle with { PendingTokens = 10_000 }, _idle with { Index = 1 }], out _);
        Assert.Equal(1, index);
    }

    [Fact]
    public void One_that_fails_often_is_avoided() =>
        Assert.Equal(1, Choose([_idle with { FailureRate = 0.5 }, _idle with { Index = 1, InFlight = 4 }], out _));

    [Fact]
    public void Idle_nodes_that_are_equal_share_the_requests()
    {
        RouteCandidate[] nodes = [.. Enumerable.Range(0, 4).Select(i => _idle with { Index = i })];
        var random = new Random(1);
        var counts = new int[4];
        for (var i = 0; i < 4000; i++)
            counts[RouteChoice.Choose(nodes, 100, random, out _)]++;
        Assert.All(counts, count => Assert.InRange(count, 850, 1150));
    }

    [Fact]
    public void Of_two_drawn_the_less_loaded_one_is_taken_so_that_the_most_loaded_gets_nothing()
    {
        RouteCandidate[] nodes = [.. Enumerable.Range(0, 4).Select(i => _idle with { Index = i, Slots = 10, InFlight = i })];
        var random = new Random(1);
        var counts = new int[4];
        for (var i = 0; i < 4000; i++)
            counts[RouteChoice.Choose(nodes, 100, random, out _)]++;
        Assert.Equal(0, counts[3]);
        Assert.True(counts[0] > counts[1] && counts[1] > counts[2] && counts[2] > 0, string.Join(' ', counts));
    }

    /// <summary>Requests that stay: each choice sees the load that those before it made.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    [InlineData(0.5, 4)]
    public void Over_many_requests_the_load_is_as_the_weights(double first, double second)
    {
        RouteCandidate[] nodes = [_idle with { Weight = first, Slots = 10_000 }, _idle with { Index = 1, Weight = second, Slots = 10_000 }];
        var random = new Random(2);
        for (var i = 0; i < 1000; i++)
        {
            var chosen = RouteChoice.Choose(nodes, 0, random, out _);
            nodes[chosen] = nodes[chosen] with { InFlight = nodes[chosen].InFlight + 1 };
        }
        Assert.InRange(nodes[1].InFlight / (double)nodes[0].InFlight, 0.95 * second / first, 1.05 * second / first);
    }

    [Fact]
    public void A_conversation_goes_back_to_where_its_beginning_was_computed_within_bounds()
    {
        var warm = _idle with { Index = 1, Slots = 20, WarmTokens = 900 };
        Assert.Equal(1, Choose([_idle with { Slots = 20 }, warm with { InFlight = 1 }], out var reason, 1000));
        Assert.Equal(("prefix", 900), (reason.Kind, reason.WarmTokens));

        Assert.Equal(0, Choose([_idle with { Slots = 20 }, _idle with { Index = 2, Slots = 20 }, warm with { InFlight = 19, PendingTokens = 1 }], out reason, 1000) % 2);
        Assert.Equal(0, reason.WarmTokens);
    }

    [Fact]
    public void No_candidates_are_an_error_of_the_caller() => Assert.Throws<ArgumentOutOfRangeException>(() => Choose([], out _));

    [Fact]
    public void It_is_always_one_of_them_and_about_as_soon_as_the_best()
    {
        var candidate = Gen.Select(
            Gen.Int[0, 40], Gen.Int[1, 8], Gen.Double[0.05, 10], Gen.Double[0, 30], Gen.Int[0, 5000], Gen.Double[0, 1], Gen.Double[50, 2000], Gen.Double[0.01, 5],
            (inFlight, slots, weight, load, pending, failures, rate, service) => new RouteCandidate
            {
                Index = 0,
                InFlight = inFlight,
                Slots = slots,
                Weight = weight,
                LoadSeconds = load < 10 ? 0 : load,
                PendingTokens = pending,
                FailureRate = failures,
                PromptTokensPerSecond = rate,
                ServiceSeconds = service,
            });
        Gen.Select(candidate.Array[1, 100], Gen.Int[0, 8000], Gen.Int).Sample((nodes, tokens, seed) =>
        {
            for (var i = 0; i < nodes.Length; i++)
                nodes[i] = nodes[i] with { Index = i + 7 };
            var index = RouteChoice.Choose(nodes, tokens, new Random(seed), out var reason);

            Assert.InRange(index, 7, nodes.Length + 6);
            Assert.Equal(nodes.Length, reason.Candidates);
            Assert.Equal(Expected(nodes[index - 7], tokens), reason.ExpectedSeconds, 9);
            var best = nodes.Min(node => Expected(node, tokens));
            Assert.InRange(reason.ExpectedSeconds, best, best + Math.Max(0.002, 0.05 * best) + 1e-9);
        });
    }

    /// <summary>Where nothing is warm: load, queue, prompt and what waits before it, by the node's share, and what its failures cost.</summary>
    private static double Expected(RouteCandidate node, int tokens)
    {
        var wait = Math.Max(0, node.InFlight - node.Slots + 1) * node.ServiceSeconds / node.Slots;
        return ((node.LoadSeconds + wait + ((tokens + (0.2 * node.PendingTokens)) / node.PromptTokensPerSecond)) / node.Weight) + (5 * node.FailureRate);
    }

    private static int Choose(RouteCandidate[] nodes, out RouteReason reason, int tokens = 100) => RouteChoice.Choose(nodes, tokens, new Random(1), out reason);
}
