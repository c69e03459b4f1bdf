using Chasqui.Gateway;
using CsCheck;

namespace Chasqui.Simulation.Tests;

/// <summary>The scheduler over traces, in virtual time.</summary>
public sealed class SimulatorTests
{
    private static readonly SimulatedModel _model = new() { Name = "m", LoadSeconds = 2, PromptRate = 100, DecodeRate = 10 };

    [Fact]
    public void A_request_waits_for_the_load_and_for_those_before_it()
    {
        var trace = Enumerable.Range(0, 3).Select(_ => new TraceRequest { At = 0, PromptTokens = 100, OutputTokens = 10 });

        var result = Run(trace, Plan(1, 1));

        // A load of 2 s, then 2 s each: 1 s for the prompt and 1 s for ten tokens.
        Assert.Equal((3, 3, 1), (result.Requests, result.Served, result.Loads));
        Assert.Equal((4, 6), (result.Wait.P50, result.Wait.Max));
        Assert.Equal(8, result.Seconds, 6);
        Assert.Equal(7.1, result.FirstToken.Max, 6);
        Assert.Equal(1, result.Utilization, 6);
    }

    [Fact]
    public void A_queue_without_end_waits_as_long_as_theory_says()
    {
        // M/M/1 at 80 %: the mean wait is 0.8 / (1 - 0.8) times the service.
        var random = new Random(5);
        var at = 0.0;
        var trace = Enumerable.Range(0, 200_000).Select(_ =>
        {
            at += -Math.Log(1 - random.NextDouble()) / 0.8;
            return new TraceRequest { At = at, PromptTokens = (int)(-Math.Log(1 - random.NextDouble()) * 100_000), OutputTokens = 0 };
        });
        var plan = Plan(1, 1) with { Models = [_model with { LoadSeconds = 0, PromptRate = 100_000, DecodeRate = 1e9 }], Callers = 1 };

        var result = Run(trace, plan with { Queue = plan.Queue with { MaxWait = TimeSpan.FromDays(9) } });

        Assert.InRange(result.Wait.Mean, 3.7, 4.3);
        Assert.InRange(result.Utilization, 0.78, 0.82);
    }

    [Fact]
    public void The_same_plan_and_trace_give_the_same_result() => Gen.Select(Gen.Int[1, 5], Gen.Int[1, 4], Gen.Int[1, 300], Gen.Int[0, 1000]).Sample((nodes, slots, requests, seed) =>
    {
        var plan = Plan(nodes, slots) with { Models = [_model, _model with { Name = "n", Bytes = 20_000_000_000 }], Seed = seed };

        var (one, other) = (Run(Trace(requests, seed), plan), Run(Trace(requests, seed), plan));

        Assert.Equal(one.Wait, other.Wait);
        Assert.Equal(one.FirstToken, other.FirstToken);
        Assert.Equal(one.Waiting, other.Waiting);
        Assert.Equal((one.Served, one.Loads, one.Fairness, one.Seconds), (other.Served, other.Loads, other.Fairness, other.Seconds));
        Assert.Equal(requests, one.Served + one.Refused.Values.Sum());
    }, iter: 60);

    [Fact]
    public void Models_that_do_not_fit_together_are_swapped_seldom()
    {
        var models = new[] { "a", "b", "c" }.Select(name => _model with { Name = name, Bytes = 20_000_000_000, LoadSeconds = 0.3, DecodeRate = 200 }).ToList();
        var random = new Random(3);
        var trace = Enumerable.Range(0, 120).Select(i => new TraceRequest { At = i * 0.02, Model = models[random.Next(3)].Name, OutputTokens = 16 });

        var result = Run(trace, Plan(1, 4) with { Models = models });

        Assert.InRange(result.Loads, 3, 9);
    }

    [Fact]
    public void Weights_are_kept_and_the_index_says_so()
    {
        var trace = Enumerable.Range(0, 4000).Select(i => new TraceRequest { At = 0, Caller = i % 2 == 0 ? "a" : "b", Weight = i % 2 == 0 ? 3 : 1, OutputTokens = 10 });
        var plan = Plan(1, 2);

        var result = Run(trace, plan with { Queue = plan.Queue with { MaxWait = TimeSpan.FromDays(1) } });

        // All are served in the end, so that both have the same tokens, and one of them for three times the weight.
        Assert.Equal(0.8, result.Fairness, 3);
    }

    [Fact]
    public void Who_would_wait_too_long_is_refused_and_counted_by_the_reason()
    {
        var trace = Enumerable.Range(0, 50).Select(_ => new TraceRequest { At = 0, OutputTokens = 100, MaxWait = 20 });

        var result = Run(trace, Plan(1, 1));

        Assert.True(result.Refused["longer than the request allows"] > 30);
        Assert.Equal(50, result.Served + result.Refused.Values.Sum());
    }

    [Fact]
    public void The_smallest_number_of_nodes_is_found()
    {
        var trace = Trace(400, 7).ToList();
        var tried = new List<int>();

        var found = Search.Find(100, nodes =>
        {
            tried.Add(nodes);
            return Run(trace, Plan(nodes, 2));
        }, result => result.Wait.Mean <= 1);

        Assert.NotNull(found);
        Assert.True(Run(trace, Plan(found.Value.Nodes, 2)).Wait.Mean <= 1);
        Assert.True(found.Value.Nodes == 1 || Run(trace, Plan(found.Value.Nodes - 1, 2)).Wait.Mean > 1);
        Assert.True(tried.Count < 15);
        Assert.Null(Search.Find(3, nodes => Run(trace, Plan(nodes, 2)), _ => false));
    }

    [Fact]
    public void A_model_that_nobody_has_or_that_fits_nowhere_is_named()
    {
        var unknown = Assert.Throws<InvalidRequestException>(() => Run([new TraceRequest { At = 0, Model = "x" }], Plan(1, 1)));
        var large = Assert.Throws<InvalidRequestException>(() => Run([new TraceRequest { At = 0 }], Plan(1, 1) with { Memory = 1 }));

        Assert.Contains("the trace asks for model \"x\"", unknown.Message, StringComparison.Ordinal);
        Assert.Contains("model \"m\" takes", large.Message, StringComparison.Ordinal);
    }

    private static SimulationResult Run(IEnumerable<TraceRequest> trace, SimulationPlan plan) => Simulator.Run(trace, plan, null, TestContext.Current.CancellationToken);

    private static SimulationPlan Plan(int nodes, int slots) => new()
    {
        Nodes = nodes,
        Slots = slots,
        Models = [_model],
        Queue = new QueueOptions { MaxWaiting = 1_000_000, MaxWaitingPerCaller = 1_000_000 },
    };

    private static IEnumerable<TraceRequest> Trace(int count, int seed)
    {
        var random = new Random(seed);
        var at = 0.0;
        for (var i = 0; i < count; i++)
        {
            at += random.NextDouble() * 0.2;
            yield return new TraceRequest { At = at, PromptTokens = random.Next(200), OutputTokens = random.Next(1, 20), Priority = (PriorityClass)random.Next(3) };
        }
    }
}
