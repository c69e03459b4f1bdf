using Chasqui.Gateway.Nodes;

namespace Chasqui.Gateway.Tests.Nodes;

public sealed class NodeSetTests
{
    [Fact]
    public async Task New_settings_keep_what_is_the_same_let_go_what_is_gone_and_replace_what_changed()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("kept", "m"), new FakeNode("gone", "m"), new FakeNode("changed", "m"));
        var (kept, gone, changed) = (fleet["kept"], fleet["gone"], fleet["changed"]);
        using var here = await fleet.Dispatcher.Begin(Fleet.To(node: "kept")).NextAsync(Fleet.Token);
        using var there = await fleet.Dispatcher.Begin(Fleet.To(node: "gone")).NextAsync(Fleet.Token);
        var ended = new TaskCompletionSource();
        using var ending = there.Token.Register(ended.SetResult);
        var old = fleet.Doubles["changed"];
        fleet.Doubles["changed"] = new FakeNode("changed", "m2") { Options = old.Options with { Weight = 2 } };
        fleet.Doubles["new"] = new FakeNode("new", "m3");

        fleet.Nodes.Apply(fleet.Settings with { Nodes = [fleet.Doubles["kept"].Options, fleet.Doubles["changed"].Options, fleet.Doubles["new"].Options] });

        Assert.Same(kept, fleet["kept"]);
        Assert.NotSame(changed, fleet["changed"]);
        Assert.Equal(["kept", "changed", "new"], fleet.Nodes.All.Select(node => node.Name));
        await ended.Task.WaitAsync(Fleet.Token);
        Assert.Equal("node gone is no longer configured", Assert.IsType<EngineUnavailableException>(there.Explain()).Message);
        Assert.True(fleet.Doubles["gone"].IsDisposed);
        Assert.True(old.IsDisposed);
        Assert.False(here.Token.IsCancellationRequested);
        Assert.DoesNotContain(gone, fleet.Nodes.Catalogue.Having("m:latest"));

        await fleet.Nodes.RefreshAsync(Fleet.Token);
        Assert.Equal("new", Assert.Single(fleet.Nodes.Catalogue.Having("m3:latest")).Name);
        Assert.Equal("changed", Assert.Single(fleet.Nodes.Catalogue.Having("m2:latest")).Name);
    }

    [Fact]
    public async Task Lists_that_were_read_anew_and_other_rules_for_routing_end_nobodys_request()
    {
        var options = new NodeOptions { Name = "a", Url = "http://a:1", Allow = new List<string> { "m*" }, Deny = new List<string> { "x" } };
        await using var fleet = await Fleet.OfAsync(new RoutingOptions { FailureThreshold = 3 }, new FakeNode("a", "m") { Options = options });
        var node = fleet["a"];
        using var lease = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);

        fleet.Nodes.Apply(fleet.Settings with
        {
            Nodes = [options with { Allow = new List<string> { "m*" }, Deny = new List<string> { "x" } }],
            Routing = new RoutingOptions { FailureThreshold = 1 },
        });

        Assert.Same(node, fleet["a"]);
        Assert.False(lease.Token.IsCancellationRequested);
        node.Health.Failed("once is enough now");
        Assert.Equal(NodeState.Paused, node.Health.State);
    }

    [Fact]
    public async Task A_request_on_a_node_that_is_taken_away_is_answered_by_another()
    {
        var slow = new FakeNode("slow", "m") { Stream = FakeNode.Hang };
        slow.Resident.Add("m");
        await using var fleet = await Fleet.OfAsync(slow, new FakeNode("other", "m"));
        var answer = fleet.GenerateAsync();
        fleet.Nodes.Apply(fleet.Settings with { Nodes = [fleet.Doubles["other"].Options] });
        Assert.Equal("other", await answer);
        fleet.AssertIdle();
    }

    [Fact]
    public async Task While_it_runs_a_stalled_nodes_request_goes_to_another_that_has_the_model()
    {
        var slow = new FakeNode("slow", "m") { Stream = FakeNode.Hang, Options = new NodeOptions { Name = "slow", Url = "http://slow:1", Weight = 100, Slots = 64 } };
        var other = new FakeNode("other", "m");
        slow.Resident.Add("m");
        other.Resident.Add("m");
        await using var fleet = await Fleet.OfAsync(slow, other);
        fleet["other"].Health.Failed("a while ago");
        fleet.Nodes.Start();
        var answer = fleet.GenerateAsync();
        Assert.Equal(1, fleet["slow"].InFlight);
        fleet.Time.Advance(TimeSpan.FromSeconds(19));
        Assert.False(answer.IsCompleted);
        fleet.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("other", await answer);
        fleet.AssertIdle();
    }
}
