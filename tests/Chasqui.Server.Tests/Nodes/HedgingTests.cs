using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.OllamaDouble;
using Microsoft.Extensions.Time.Testing;
using Double = Chasqui.OllamaDouble.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Requests that are sent to a second node because the first, which is preferred here, is slow.</summary>
public sealed class HedgingTests
{
    private static readonly TimeSpan _after = TimeSpan.FromSeconds(2);
    private static readonly DoubleScript _well = new() { Models = [new DoubleModel { Name = "mini", Capabilities = ["completion", "embedding"] }] };
    private static readonly DoubleScript _hangs = _well with { Faults = [new Fault { Kind = FaultKind.Hang }] };

    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/embed", false)]
    [InlineData("/v1/embeddings", false)]
    [InlineData("/api/chat", true)]
    [InlineData("/v1/chat/completions", false)]
    public async Task What_a_slow_node_does_not_answer_another_one_does_and_the_slow_one_is_not_blamed(string path, bool stream)
    {
        await using var fleet = await StartAsync(_hangs, _well);
        var call = Call(path, stream).SendAsync(fleet.Gateway.Http, Cancellation);
        await fleet.UntilAsync(state => state.InFlight == 1);
        _time.Advance(_after);

        var answer = await call;
        Assert.Equal((CallEnd.Whole, "n1"), (answer.End, answer.Node));
        await fleet.UntilAsync(state => state is { InFlight: 0, Cancelled: 1 });
        Assert.Equal((NodeState.Up, 0.0), (fleet.Node.Health.State, fleet.Node.Health.FailureRate));
        await UntilIdleAsync(fleet);
    }

    [Fact]
    public async Task Where_the_second_one_fails_the_first_is_heard()
    {
        // The slow node's clock is the gateway's.
        await using var fleet = await StartAsync(
            _well with { Faults = [new Fault { Kind = FaultKind.SlowFirstByte, DelayMilliseconds = 5_000 }] },
            _well with { Faults = [new Fault { Kind = FaultKind.Status, Status = 500 }] });
        var call = Call("/api/embed", false).SendAsync(fleet.Gateway.Http, Cancellation);
        await fleet.UntilAsync(state => state.InFlight == 1);
        _time.Advance(_after);
        await fleet.Doubles[1].WaitForAsync(state => state is { Faults: 1, InFlight: 0 }, Cancellation);
        Assert.False(call.IsCompleted);

        // The slow node may have begun to count only after the clock was moved.
        _time.Advance(TimeSpan.FromSeconds(5));
        var answer = await call;
        Assert.Equal((CallEnd.Whole, "n0"), (answer.End, answer.Node));
        await UntilIdleAsync(fleet);
    }

    [Fact]
    public async Task A_client_that_leaves_ends_both()
    {
        await using var fleet = await StartAsync(_hangs, _hangs);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var call = fleet.BeginAsync("/api/embed", Call("/api/embed", false).Body, leave.Token);
        await fleet.UntilAsync(state => state.InFlight == 1);
        _time.Advance(_after);
        await fleet.Doubles[1].WaitForAsync(state => state.InFlight == 1, Cancellation);

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        foreach (var node in fleet.Doubles)
            await node.WaitForAsync(state => state is { InFlight: 0, Cancelled: 1 }, Cancellation);
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(2, 4_000)]
    public async Task Nothing_is_sent_twice_where_that_is_off_or_the_prompt_is_long(int after, int characters)
    {
        await using var fleet = await StartAsync(_hangs, _well, after);
        var before = fleet.Nodes.All[1].Requests;
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var call = fleet.BeginAsync("/api/generate", $$"""{"model":"mini","prompt":"{{new string('x', characters)}}"}""", leave.Token);
        await fleet.UntilAsync(state => state.InFlight == 1);
        _time.Advance(_after);

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await fleet.UntilAsync(state => state.InFlight == 0);
        await UntilIdleAsync(fleet);
        Assert.Equal(before, fleet.Nodes.All[1].Requests);
        Assert.Equal(0, fleet.Doubles[1].State.Completions);
    }

    /// <summary>The client may have its answer a moment before the nodes are given back.</summary>
    private static async Task UntilIdleAsync(Fleet fleet)
    {
        while (fleet.Nodes.All.Any(node => node.InFlight > 0))
        {
            Cancellation.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static ApiCall Call(string path, bool stream) => ApiCall.Generating.Concat(ApiCall.Others).Single(call => call.Path == path && call.Stream == stream);

    private async Task<Fleet> StartAsync(DoubleScript first, DoubleScript second, double after = 2)
    {
        var fleet = await Fleet.StartAsync(
            [await Double.StartAsync(_well, _time, cancellation: Cancellation), await Double.StartAsync(_well, cancellation: Cancellation)],
            new RoutingOptions { CanaryAfter = TimeSpan.Zero, HedgeAfter = TimeSpan.FromSeconds(after) },
            change: options => options with { Nodes = [.. options.Nodes!.Select((node, i) => node with { Weight = i == 0 ? 100 : 1 })] },
            time: _time);
        await fleet.WarmAsync();
        await fleet.Nodes.RefreshAsync(Cancellation);
        foreach (var (node, script) in fleet.Doubles.Zip([first, second]))
        {
            node.Script = script;
            node.Reset();
        }
        return fleet;
    }
}
