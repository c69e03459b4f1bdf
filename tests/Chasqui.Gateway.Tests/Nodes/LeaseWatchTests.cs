using Chasqui.Gateway.Nodes;

namespace Chasqui.Gateway.Tests.Nodes;

public sealed class LeaseWatchTests
{
    private static readonly RoutingOptions _routing = new() { StallAfter = TimeSpan.FromSeconds(20) };

    private static readonly NodeTimeouts _timeouts = new() { FirstToken = TimeSpan.FromSeconds(300), BetweenTokens = TimeSpan.FromSeconds(30), Total = TimeSpan.FromSeconds(1000) };

    [Fact]
    public async Task The_first_token()
    {
        await using var fleet = await WatchedAsync();
        using var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        Check(fleet, TimeSpan.FromSeconds(300));
        Assert.False(lease.Token.IsCancellationRequested);

        Check(fleet, TimeSpan.FromMilliseconds(1));

        Assert.Equal("node a has sent no first token within 300 s", lease.Explain()!.Message);
        Assert.True(lease.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task The_next_token()
    {
        await using var fleet = await WatchedAsync();
        using var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        for (var i = 0; i < 20; i++)
        {
            lease.Progressed();
            Check(fleet, TimeSpan.FromSeconds(30));
        }
        Assert.Null(lease.Explain());
        Check(fleet, TimeSpan.FromMilliseconds(1));
        Assert.Equal("node a has sent nothing for 30 s", lease.Explain()!.Message);
    }

    [Fact]
    public async Task The_whole_request()
    {
        await using var fleet = await WatchedAsync();
        using var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        for (var i = 0; i < 40; i++)
        {
            lease.Progressed();
            Check(fleet, TimeSpan.FromSeconds(25));
        }
        Assert.Null(lease.Explain());
        lease.Progressed();
        Check(fleet, TimeSpan.FromSeconds(1));
        Assert.Equal("node a has not finished within 1000 s", lease.Explain()!.Message);
    }

    [Fact]
    public async Task Who_keeps_the_client_waiting_is_told_how_long_until_something_comes()
    {
        await using var fleet = await WatchedAsync();
        using var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        var silence = new Silence();
        lease.Silence = silence;
        Check(fleet, TimeSpan.FromSeconds(3));
        Check(fleet, TimeSpan.FromSeconds(3));
        lease.Progressed();
        Check(fleet, TimeSpan.FromSeconds(3));
        Assert.Equal([TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(6)], silence.Told);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_a_stalled_node_unanswered_requests_are_moved_only_where_there_is_another_one(bool hasOther)
    {
        await using var fleet = await WatchedAsync();
        using var unanswered = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        using var answered = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        answered.Progressed();
        fleet.Time.Advance(TimeSpan.FromSeconds(20.5));

        LeaseWatch.Check(fleet["a"], isStalled: true, _ => hasOther, _routing);

        Assert.Equal(hasOther ? "node a has answered none of its requests for 20 s" : null, unanswered.Explain()?.Message);
        Assert.Null(answered.Explain());
    }

    [Fact]
    public async Task A_load_is_silent_for_long_and_is_not_moved()
    {
        await using var fleet = await WatchedAsync(isResident: false);
        using var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        fleet.Time.Advance(TimeSpan.FromSeconds(20.5));
        LeaseWatch.Check(fleet["a"], isStalled: true, _ => true, _routing);
        Assert.Null(lease.Explain());

        // Three times what a load is expected to take.
        fleet.Time.Advance(TimeSpan.FromSeconds(1));
        LeaseWatch.Check(fleet["a"], isStalled: true, _ => true, _routing);
        Assert.NotNull(lease.Explain());
    }

    [Fact]
    public async Task Time_spent_waiting_for_the_client_is_not_the_nodes()
    {
        await using var fleet = await WatchedAsync();
        using var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        lease.Progressed();

        lease.BeginClientWait();
        Check(fleet, TimeSpan.FromSeconds(900));
        Assert.False(lease.Token.IsCancellationRequested);
        lease.EndClientWait();
        Check(fleet, TimeSpan.FromSeconds(30));
        Assert.False(lease.Token.IsCancellationRequested);
        Assert.Equal(TimeSpan.FromSeconds(900), lease.ClientWait);
        Check(fleet, TimeSpan.FromMilliseconds(1));

        Assert.Equal("node a has sent nothing for 30 s", lease.Explain()!.Message);
    }

    [Theory]
    // Nothing for the grace; a little each second, for most of the time and some graces; a pause; as fast as the node, and for long.
    [InlineData(1, 2.0, 0.0, true)]
    [InlineData(10, 1.0, 0.01, true)]
    [InlineData(9, 1.0, 0.01, false)]
    [InlineData(1, 1.9, 0.0, false)]
    [InlineData(100, 1.0, 0.5, false)]
    public async Task A_client_keeps_its_answer_waiting_by_taking_nothing_or_little(int times, double waits, double runs, bool expected)
    {
        await using var fleet = await WatchedAsync();
        using var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        for (var i = 0; i < times; i++)
        {
            if (i > 0)
                lease.EndClientWait();
            fleet.Time.Advance(TimeSpan.FromSeconds(runs));
            lease.BeginClientWait();
            fleet.Time.Advance(TimeSpan.FromSeconds(waits));
        }

        Assert.Equal(expected, lease.IsKeptWaiting(TimeSpan.FromSeconds(2)));
    }

    [Fact]
    public async Task A_client_that_is_slow_for_too_long_ends_the_attempt_and_blames_no_node()
    {
        await using var fleet = await WatchedAsync();
        using (var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token))
        {
            lease.Progressed();
            lease.BeginClientWait();

            Check(fleet, TimeSpan.FromSeconds(1000) + TimeSpan.FromMilliseconds(1));

            Assert.True(lease.Token.IsCancellationRequested);
            Assert.Null(lease.Explain());
        }
        Assert.Equal("", fleet["a"].Health.LastFailure);
    }

    private static async Task<Fleet> WatchedAsync(bool isResident = true)
    {
        var node = new FakeNode("a", "m") { Options = new NodeOptions { Name = "a", Url = "http://a:1", Slots = 64, Timeouts = _timeouts } };
        if (isResident)
            node.Resident.Add("m");
        return await Fleet.OfAsync(node);
    }

    private static void Check(Fleet fleet, TimeSpan after)
    {
        fleet.Time.Advance(after);
        LeaseWatch.Check(fleet["a"], isStalled: false, _ => true, _routing);
    }

    private sealed class Silence : ISilence
    {
        public List<TimeSpan> Told { get; } = [];

        public void Elapsed(TimeSpan since) => Told.Add(since);
    }
}
