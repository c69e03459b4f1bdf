using Chasqui.Gateway.Nodes;

namespace Chasqui.Gateway.Tests.Nodes;

public sealed class NodeProbeTests
{
    private static readonly RoutingOptions _routing = new() { CanaryAfter = TimeSpan.FromSeconds(60), CanaryTimeout = TimeSpan.FromSeconds(10) };

    [Fact]
    public async Task A_node_is_let_in_by_its_first_answer_and_after_a_pause_by_a_request_alone()
    {
        var refused = new EngineUnavailableException("refused");
        await using var fleet = await Fleet.OfAsync(new FakeNode("a", "m"));
        Assert.Equal(NodeState.Up, fleet["a"].Health.State);

        fleet.Doubles["a"].Silent = refused;
        await fleet.Nodes.RefreshAsync(Fleet.Token);
        Assert.Equal((NodeState.Paused, "refused"), (fleet["a"].Health.State, fleet["a"].Health.LastFailure));
        Assert.NotNull(fleet["a"].Find("m:latest"));

        fleet.Doubles["a"].Silent = null;
        await fleet.Nodes.RefreshAsync(Fleet.Token);
        Assert.Equal(NodeState.Trial, fleet["a"].Health.State);
        Assert.Equal("a", await fleet.GenerateAsync());
        Assert.Equal(NodeState.Returning, fleet["a"].Health.State);
    }

    [Fact]
    public async Task An_idle_node_is_asked_for_one_token_now_and_then()
    {
        await using var fleet = await ResidentAsync();
        await fleet.Nodes.RefreshAsync(Fleet.Token);
        Assert.Empty(fleet.Doubles["a"].Asked);

        fleet.Time.Advance(TimeSpan.FromSeconds(61));
        await fleet.Nodes.RefreshAsync(Fleet.Token);
        await fleet.UntilIdleAsync("a");

        var asked = Assert.IsType<ChatRequest>(Assert.Single(fleet.Doubles["a"].Asked));
        Assert.Equal(("m", 1), (asked.Model, asked.Options.NumPredict));
        await fleet.Nodes.RefreshAsync(Fleet.Token);
        Assert.Single(fleet.Doubles["a"].Asked);
    }

    [Fact]
    public async Task One_that_says_it_is_well_and_gives_no_token_is_left_alone()
    {
        await using var fleet = await ResidentAsync();
        fleet.Doubles["a"].Stream = FakeNode.Hang;
        fleet.Time.Advance(TimeSpan.FromSeconds(61));
        await fleet.Nodes.RefreshAsync(Fleet.Token);
        Assert.Equal(1, fleet["a"].InFlight);
        Assert.Equal(NodeState.Up, fleet["a"].Health.State);

        fleet.Time.Advance(_routing.CanaryTimeout);
        await fleet.UntilIdleAsync("a");

        Assert.Equal((NodeState.Paused, "one token was asked of it and did not come"), (fleet["a"].Health.State, fleet["a"].Health.LastFailure));
        fleet.AssertIdle();
    }

    [Fact]
    public async Task One_on_trial_is_tried_before_a_caller_has_to()
    {
        await using var fleet = await ResidentAsync();
        fleet["a"].Health.Failed("gone", certain: true);
        fleet.Time.Advance(TimeSpan.FromSeconds(1));
        await fleet.Nodes.RefreshAsync(Fleet.Token);
        await fleet.UntilIdleAsync("a");
        Assert.Equal(NodeState.Returning, fleet["a"].Health.State);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task No_model_is_loaded_for_it_and_a_busy_node_is_not_bothered(bool isBusy, bool isResident)
    {
        await using var fleet = await ResidentAsync(!isResident);
        using var lease = isBusy ? await fleet.Dispatcher.Begin(Fleet.To()).NextAsync(Fleet.Token) : null;
        fleet.Time.Advance(TimeSpan.FromSeconds(61));
        await fleet.Nodes.RefreshAsync(Fleet.Token);
        Assert.Empty(fleet.Doubles["a"].Asked);
    }

    [Fact]
    public async Task It_can_be_switched_off()
    {
        var node = new FakeNode("a", "m");
        node.Resident.Add("m");
        await using var fleet = await Fleet.OfAsync(_routing with { CanaryAfter = TimeSpan.Zero }, node);
        fleet.Time.Advance(TimeSpan.FromHours(1));
        await fleet.Nodes.RefreshAsync(Fleet.Token);
        Assert.Empty(node.Asked);
    }

    private static async Task<Fleet> ResidentAsync(bool isResident = true)
    {
        var node = new FakeNode("a", "m");
        if (isResident)
            node.Resident.Add("m");
        return await Fleet.OfAsync(_routing, node);
    }
}
