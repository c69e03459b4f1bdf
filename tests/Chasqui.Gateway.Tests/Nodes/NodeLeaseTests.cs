using Chasqui.Gateway.Nodes;
using CsCheck;

namespace Chasqui.Gateway.Tests.Nodes;

public sealed class NodeLeaseTests
{
    [Fact]
    public async Task A_request_counts_until_it_is_given_back_and_its_prompt_until_the_answer_begins()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        var node = fleet["a"];
        Assert.Equal((1, 100), (node.InFlight, node.Load.PendingTokens));
        Assert.Equal(1, node.Load.Of("M:LATEST"));

        fleet.Time.Advance(TimeSpan.FromSeconds(2));
        lease.Progressed();
        Assert.Equal((1, 0), (node.InFlight, node.Load.PendingTokens));
        Assert.Equal(TimeSpan.FromSeconds(2), lease.FirstAfter);
        lease.Succeeded();
        lease.Dispose();

        Assert.Equal(0, node.Load.Of("m:latest"));
        Assert.Equal(1, node.Requests);
        fleet.AssertIdle();
    }

    /// <summary>Many requests, whose parts end in any order, twice or never.</summary>
    [Fact]
    public async Task Whatever_the_order_nothing_is_left_and_nothing_is_below_zero()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        var node = fleet["a"];
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 7]).Array[0, 60].Sample(
            steps =>
            {
                var leases = Enumerable.Range(0, 8).Select(i => new NodeLease(
                    node, Fleet.To($"m{i % 3}") with { PromptTokens = i * 10 }, new RouteReason("only", 0, 0, 0, i, 1, 1), fleet.Time, CancellationToken.None)).ToList();
                foreach (var (step, which) in steps)
                {
                    Do(leases[which], step);
                    Assert.InRange(node.InFlight, 0, 8);
                    Assert.InRange(node.Load.PendingTokens, 0, 280);
                }
                leases.ForEach(lease => lease.Dispose());
                fleet.AssertIdle();
                Assert.Empty(node.Load.Snapshot());
                Assert.All((string[])["m0", "m1", "m2"], model => Assert.Equal(0, node.Load.Of(model)));
            },
            threads: 1);

        static void Do(NodeLease lease, int step)
        {
            switch (step)
            {
                case 0:
                    lease.Progressed();
                    break;
                case 1:
                    lease.Succeeded();
                    break;
                case 2:
                    lease.Ended(new EngineFailedException("x"));
                    break;
                case 3:
                    lease.Expire(new EngineFailedException("late"));
                    break;
                case 4:
                    lease.Superseded();
                    break;
                default:
                    lease.Dispose();
                    break;
            }
        }
    }

    [Fact]
    public async Task Of_a_caller_that_leaves_the_token_is_cancelled_and_the_node_is_not_blamed()
    {
        await using var fleet = await WarmAsync();
        using var leave = new CancellationTokenSource();
        var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(leave.Token);

        await leave.CancelAsync();
        Assert.True(lease.Token.IsCancellationRequested);
        Assert.Null(lease.Explain());
        lease.Dispose();

        Assert.Equal((NodeState.Up, ""), (fleet["a"].Health.State, fleet["a"].Health.LastFailure));
        fleet.AssertIdle();
    }

    [Fact]
    public async Task Of_callers_that_leave_during_a_load_the_oldest_goes_on_until_anything_comes()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        using var leaveFirst = new CancellationTokenSource();
        using var leaveSecond = new CancellationTokenSource();
        using var first = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(leaveFirst.Token);
        using var second = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(leaveSecond.Token);

        // The node loads for the first, whoever leaves first.
        await leaveSecond.CancelAsync();
        Assert.True(second.Token.IsCancellationRequested);
        await leaveFirst.CancelAsync();
        Assert.False(first.Token.IsCancellationRequested);

        first.Progressed();
        await CancelledAsync(first);
    }

    [Fact]
    public async Task Of_callers_that_leave_before_a_request_that_loads_nothing_none_goes_on()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        using var leave = new CancellationTokenSource();
        using var lease = await fleet.Dispatcher.Begin(Fleet.To() with { Loads = false }).NextAsync(leave.Token);
        await leave.CancelAsync();
        Assert.True(lease.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task A_load_without_its_caller_ends_after_five_minutes_in_which_nothing_came()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        using var leave = new CancellationTokenSource();
        using var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(leave.Token);
        await leave.CancelAsync();

        fleet.Time.Advance(TimeSpan.FromMinutes(5));
        LeaseWatch.Check(fleet["a"], false, _ => false, fleet.Settings.Routing);
        Assert.False(lease.Token.IsCancellationRequested);
        fleet.Time.Advance(TimeSpan.FromMilliseconds(100));
        LeaseWatch.Check(fleet["a"], false, _ => false, fleet.Settings.Routing);
        await CancelledAsync(lease);
        Assert.Null(lease.Explain());
    }

    [Fact]
    public async Task When_the_gateway_is_about_to_stop_no_load_goes_on_without_its_caller()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        using var leave = new CancellationTokenSource();
        using var before = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(leave.Token);
        await leave.CancelAsync();

        fleet.Nodes.ReleaseKept();
        await CancelledAsync(before);

        using var later = new CancellationTokenSource();
        using var after = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(later.Token);
        await later.CancelAsync();
        Assert.True(after.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task A_request_whose_time_was_up_blames_the_node_even_when_nobody_says_how_it_ended()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        lease.Expire(new EngineFailedException("too late"));
        lease.Expire(new EngineFailedException("the second says nothing"));
        lease.Dispose();
        Assert.Equal("too late", lease.Explain()!.Message);
        Assert.Equal("too late", fleet["a"].Health.LastFailure);
    }

    [Fact]
    public async Task Who_refuses_a_request_lives()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        for (var i = 0; i < 5; i++)
        {
            using var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
            lease.Ended(new InvalidRequestException("no"));
        }
        Assert.Equal(NodeState.Up, fleet["a"].Health.State);
        Assert.Equal(0, fleet["a"].Health.FailureRate);
    }

    private static Task<Fleet> WarmAsync()
    {
        var node = new FakeNode("a", "m");
        node.Resident.Add("m");
        return Fleet.OfAsync(node);
    }

    /// <summary>Its token is cancelled, by whatever thread.</summary>
    private static async Task CancelledAsync(NodeLease lease)
    {
        var cancelled = new TaskCompletionSource();
        await using var _ = lease.Token.Register(cancelled.SetResult);
        await cancelled.Task.WaitAsync(Fleet.Token);
    }
}
