using Chasqui.Gateway.Nodes;

namespace Chasqui.Gateway.Tests.Dispatch;

public sealed class RouteTests
{
    private static readonly EngineFailedException _broken = new("broke off");

    [Fact]
    public async Task What_failed_on_one_node_is_sent_to_each_other_one_before_any_again()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"), new FakeNode("b", "m"), new FakeNode("c", "m"), new FakeNode("other", "x"));
        var way = fleet.Dispatcher.Begin(Fleet.To());
        var tried = new List<string>();
        for (var i = 1; i <= 3; i++)
        {
            using var lease = await way.NextAsync(Fleet.Token);
            tried.Add(lease.Node.Name);
            Assert.Equal(i, lease.Reason.Attempt);
            Assert.Equal(i > 1, lease.Reason.Kind == "retry");
            lease.Ended(_broken);
            Assert.Equal(i < 3, way.MayRetry(lease, _broken));
        }
        Assert.Equal(["a", "b", "c"], tried.Order());
        fleet.AssertIdle();
    }

    [Fact]
    public async Task Attempts_are_bounded()
    {
        await using var fleet = await Fleet.OfAsync(new RoutingOptions { MaxAttempts = 2 }, [.. Enumerable.Range(0, 5).Select(i => new FakeNode($"n{i}", "m") { Fails = _broken })]);
        Assert.Same(_broken, await Assert.ThrowsAsync<EngineFailedException>(() => fleet.GenerateAsync()));
        Assert.Equal(2, fleet.Doubles.Values.Sum(node => node.Asked.Count));
        fleet.AssertIdle();
    }

    [Fact]
    public async Task A_failing_fleet_is_not_asked_twice_as_much()
    {
        await using var fleet = await Fleet.OfAsync(
            new RoutingOptions { RetryBudget = 0.1, FailureThreshold = 1000 }, [.. Enumerable.Range(0, 3).Select(i => new FakeNode($"n{i}", "m") { Fails = _broken })]);
        for (var i = 0; i < 100; i++)
            await Assert.ThrowsAsync<EngineFailedException>(() => fleet.GenerateAsync());
        Assert.InRange(fleet.Doubles.Values.Sum(node => node.Asked.Count), 115, 121);
    }

    [Fact]
    public async Task A_wrong_request_is_wrong_everywhere()
    {
        await using var fleet = await Fleet.OfAsync(
            new FakeNode("a", "m") { Fails = new InvalidRequestException("no") }, new FakeNode("b", "m") { Fails = new InvalidRequestException("no") });
        await Assert.ThrowsAsync<InvalidRequestException>(() => fleet.GenerateAsync());
        Assert.Equal(1, fleet.Doubles.Values.Sum(node => node.Asked.Count));
        Assert.All(fleet.Nodes.All, node => Assert.Equal(NodeState.Up, node.Health.State));
    }

    [Fact]
    public async Task A_node_that_is_named_is_the_only_one_asked()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m") { Fails = _broken }, new FakeNode("b", "m"));
        var way = fleet.Dispatcher.Begin(Fleet.To(node: "a"));
        using var lease = await way.NextAsync(Fleet.Token);
        Assert.Equal(("a", "named"), (lease.Node.Name, lease.Reason.Kind));
        lease.Ended(_broken);
        Assert.False(way.MayRetry(lease, _broken));
    }

    [Fact]
    public async Task When_all_are_down_the_error_names_them_and_what_failed_last()
    {
        var refused = new EngineUnavailableException("connection refused");
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m") { Fails = refused }, new FakeNode("b", "m") { Fails = refused });
        await Assert.ThrowsAsync<EngineUnavailableException>(() => fleet.GenerateAsync());

        var error = await Assert.ThrowsAsync<EngineUnavailableException>(() => fleet.GenerateAsync());

        Assert.Matches("^all nodes that have model 'm:latest' are down \\(a: connection refused; b: connection refused\\); [ab] is tried again in 1 s$", error.Message);
        fleet.AssertIdle();

        // And after the pause one request finds out.
        fleet.Doubles["a"].Fails = fleet.Doubles["b"].Fails = null;
        fleet.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Contains(await fleet.GenerateAsync(), (string[])["a", "b"]);
    }

    [Fact]
    public async Task When_nobody_ever_answered_the_error_says_why()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m") { Silent = new EngineUnavailableException("refused") }, new FakeNode("b", "m") { Silent = _broken });
        var error = await Assert.ThrowsAsync<EngineUnavailableException>(() => fleet.GenerateAsync());
        Assert.Equal("all nodes are down (a: refused; b: broke off), so it is not known whether one of them has model 'm'", error.Message);
    }

    [Fact]
    public async Task A_node_that_is_not_there()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"), new FakeNode("b", "m"));
        var way = fleet.Dispatcher.Begin(Fleet.To(node: "c"));
        var error = await Assert.ThrowsAnyAsync<InvalidRequestException>(() => way.NextAsync(Fleet.Token).AsTask());
        Assert.Equal("there is no node \"c\"; there are a, b", error.Message);
        Assert.Equal(error.Message, (await Assert.ThrowsAnyAsync<InvalidRequestException>(() => fleet.Engine.On("c")
            .ListAsync(Fleet.Token))).Message);
    }

    [Fact]
    public async Task A_model_that_appeared_since_is_found_by_asking_anew()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "llama3"));
        var error = await Assert.ThrowsAsync<ModelNotFoundException>(() => fleet.GenerateAsync("lama3"));
        Assert.Equal(["llama3:latest"], error.Suggestions);
        Assert.Equal("lama3", error.Model);

        fleet.Doubles["a"].Models.Add("lama3");
        fleet.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a", await fleet.GenerateAsync("lama3"));
    }

    [Fact]
    public async Task Who_asks_for_what_is_not_there_makes_nodes_be_asked_twice_a_second_at_most()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        for (var i = 0; i < 20; i++)
            await Assert.ThrowsAsync<ModelNotFoundException>(() => fleet.GenerateAsync("none"));
        Assert.Equal(1, fleet.Doubles["a"].Reports);
    }

    [Fact]
    public async Task The_engine_in_the_house_says_itself_what_is_wrong_with_a_name()
    {
        var house = new FakeNode("local") { Options = Embedded, Fails = new InvalidModelNameException("no such") };
        await using var fleet = await Fleet.OfAsync(new GatewaySettings { Catalogue = new CatalogueOptions { Deny = ["secret"] } }, house, new FakeNode("a", "m"));
        await Assert.ThrowsAsync<InvalidModelNameException>(() => fleet.GenerateAsync("no such"));
        await Assert.ThrowsAsync<ModelNotFoundException>(() => fleet.GenerateAsync("secret"));
    }

    [Fact]
    public async Task The_engine_in_the_house_is_asked_even_while_it_is_on_trial()
    {
        var house = new FakeNode("local", "m") { Options = Embedded };
        await using var fleet = await Fleet.OfAsync(house);
        fleet["local"].Health.Failed("crashed", certain: true);
        Assert.Equal("local", await fleet.GenerateAsync());

        fleet["local"].Health.Failed("crashed", certain: true);
        fleet.Time.Advance(TimeSpan.FromMinutes(1));
        using var trial = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        using var other = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
        Assert.Equal(2, fleet["local"].InFlight);
    }

    [Fact]
    public async Task On_trial_a_node_gets_one_request_and_the_others_are_told()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        fleet["a"].Health.Failed("gone", certain: true);
        fleet.Time.Advance(TimeSpan.FromSeconds(1));
        using (await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token))
            await Assert.ThrowsAsync<EngineUnavailableException>(() => fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token).AsTask());
        using var next = await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token);
    }

    [Fact]
    public async Task One_that_is_full_may_say_so_itself_when_there_is_no_other()
    {
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m") { Fails = new EngineOverloadedException("full") { RetryAfter = TimeSpan.FromSeconds(7) } });
        for (var i = 0; i < 5; i++)
            Assert.Equal(TimeSpan.FromSeconds(7), (await Assert.ThrowsAsync<EngineOverloadedException>(() => fleet.GenerateAsync())).RetryAfter);
        Assert.Equal(NodeState.Paused, fleet["a"].Health.State);
    }

    [Fact]
    public async Task A_conversation_returns_to_its_node()
    {
        await using var fleet = await Fleet.OfAsync([.. Enumerable.Range(0, 4).Select(i => new FakeNode($"n{i}", "m"))]);
        var request = Fleet.To() with { PromptTokens = 1024, Blocks = new ulong[] { 1, 2, 3, 4, 5, 6, 7, 8 } };
        Node first;
        using (var lease = await fleet.Dispatcher.Begin(request).NextAsync(Fleet.Token))
            first = lease.Node;
        for (var i = 0; i < 10; i++)
        {
            using var lease = await fleet.Dispatcher.Begin(request).NextAsync(Fleet.Token);
            Assert.Same(first, lease.Node);
            Assert.Equal(("prefix", 1024), (lease.Reason.Kind, lease.Reason.WarmTokens));
        }
    }

    private static NodeOptions Embedded { get; } = new() { Name = NodeOptions.EmbeddedName, Url = "", Kind = NodeKind.Embedded, Slots = 16 };
}
