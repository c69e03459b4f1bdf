using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Dispatch;

public sealed class HedgeTests
{
    private static readonly TimeSpan _after = TimeSpan.FromSeconds(2);
    private readonly FakeTimeProvider _time = new();
    private readonly TaskCompletionSource<int> _first = new();
    private readonly TaskCompletionSource<int> _second = new();
    private readonly TaskCompletionSource _both = new();
    private readonly List<int> _discarded = [];
    private CancellationToken _firstToken;
    private CancellationToken _secondToken;
    private int _begun;

    [Fact]
    public async Task An_attempt_that_is_fast_stays_alone()
    {
        var running = RunAsync();
        _time.Advance(_after - TimeSpan.FromMilliseconds(1));
        _first.SetResult(1);
        using var answer = await running;
        Assert.Equal((1, 0), (answer.Answer, _begun));
        Assert.True(answer.Loser.IsCompletedSuccessfully);
        Assert.False(_firstToken.IsCancellationRequested);
    }

    [Fact]
    public async Task The_second_wins_and_the_first_is_cancelled()
    {
        var running = await LateAsync();
        _second.SetResult(2);
        using var answer = await running();
        Assert.Equal(2, answer.Answer);
        Assert.True(_firstToken.IsCancellationRequested);
        Assert.False(_secondToken.IsCancellationRequested);
        Assert.False(answer.Loser.IsCompleted);

        _first.SetCanceled(_firstToken);
        await answer.Loser.WaitAsync(Fleet.Token);
        Assert.Empty(_discarded);
    }

    [Fact]
    public async Task An_answer_that_comes_too_late_is_let_go_of()
    {
        var running = await LateAsync();
        _first.SetResult(1);
        using var answer = await running();
        Assert.Equal(1, answer.Answer);
        Assert.True(_secondToken.IsCancellationRequested);
        _second.SetResult(2);
        await answer.Loser.WaitAsync(Fleet.Token);
        Assert.Equal([2], _discarded);
    }

    [Fact]
    public async Task A_failure_waits_for_the_other()
    {
        var running = await LateAsync();
        _first.SetException(new EngineFailedException("first"));
        Assert.False(running().IsCompleted);
        _second.SetResult(2);
        using var answer = await running();
        Assert.Equal(2, answer.Answer);
        await answer.Loser.WaitAsync(Fleet.Token);
    }

    [Fact]
    public async Task When_both_fail_the_first_failure_is_told()
    {
        var running = await LateAsync();
        _first.SetException(new EngineFailedException("the first"));
        _second.SetException(new EngineUnavailableException("the second"));
        Assert.Equal("the first", (await Assert.ThrowsAsync<EngineFailedException>(running)).Message);
    }

    [Fact]
    public async Task Without_another_node_the_first_is_waited_for()
    {
        var running = Hedge.RunAsync(_ => _first.Task, _ => null, _after, null, _time, Fleet.Token);
        _time.Advance(_after * 10);
        Assert.False(running.IsCompleted);
        _first.SetResult(1);
        using var answer = await running;
        Assert.Equal(1, answer.Answer);
    }

    [Fact]
    public async Task Who_leaves_cancels_both()
    {
        using var leave = new CancellationTokenSource();
        var running = RunAsync(leave.Token);
        _time.Advance(_after);
        await _both.Task.WaitAsync(Fleet.Token);
        await leave.CancelAsync();
        Assert.True(_firstToken.IsCancellationRequested && _secondToken.IsCancellationRequested);
        _first.SetCanceled(_firstToken);
        _second.SetCanceled(_secondToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_slow_embedding_is_sent_to_a_second_node_and_the_slow_one_is_not_blamed()
    {
        await using var fleet = await EmbeddersAsync(_after);
        var gone = Hang(fleet.Doubles["slow"]);
        var running = fleet.Engine.EmbedAsync(Fleet.Text(), Fleet.Token);
        await Task.Yield();
        Assert.Equal((1, 0), (fleet["slow"].InFlight, fleet["fast"].InFlight));

        fleet.Time.Advance(_after);

        Assert.Equal(2, (await running).Vectors[0][0]);
        await gone.WaitAsync(Fleet.Token);
        await fleet.UntilIdleAsync("slow");
        Assert.Equal((NodeState.Up, 0.0, false), (fleet["slow"].Health.State, fleet["slow"].Health.FailureRate, fleet["slow"].IsSuspect));
        fleet.AssertIdle();
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(2, false)]
    public async Task None_is_sent_where_it_is_off_or_nobody_else_has_the_model_in_memory(int seconds, bool isResident)
    {
        await using var fleet = await EmbeddersAsync(TimeSpan.FromSeconds(seconds), isResident);
        var answer = new TaskCompletionSource<EmbedResult>();
        fleet.Doubles["slow"].Embed = _ => answer.Task;
        var running = fleet.Engine.EmbedAsync(Fleet.Text(), Fleet.Token);
        fleet.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(fleet.Doubles["fast"].Asked);
        answer.SetResult(FakeNode.Vector(1));
        Assert.Equal(1, (await running).Vectors[0][0]);
    }

    [Fact]
    public async Task Second_attempts_are_within_the_budget_for_retries()
    {
        await using var fleet = await EmbeddersAsync(_after);
        while (fleet.Dispatcher.Budget.TryWithdraw())
        {
        }
        var way = fleet.Dispatcher.Begin(Fleet.To());
        using var slow = await way.NextAsync(Fleet.Token);
        Assert.Null(way.TryHedge(slow, Fleet.Token));
        fleet.Time.Advance(TimeSpan.FromSeconds(10));
        using var second = way.TryHedge(slow, Fleet.Token);
        Assert.Equal(("fast", "hedge", 2), (second!.Node.Name, second.Reason.Kind, second.Reason.Attempt));
        Assert.Null(way.TryHedge(slow, Fleet.Token));
    }

    [Fact]
    public async Task Of_an_embedding_that_fails_on_both_the_first_failure_is_told()
    {
        await using var fleet = await EmbeddersAsync(_after);
        var (slow, fast) = (new TaskCompletionSource<EmbedResult>(), new TaskCompletionSource<EmbedResult>());
        var asked = new TaskCompletionSource();
        fleet.Doubles["slow"].Embed = _ => slow.Task;
        fleet.Doubles["fast"].Embed = _ =>
        {
            asked.SetResult();
            return fast.Task;
        };
        var running = fleet.Engine.EmbedAsync(Fleet.Text(), Fleet.Token);
        fleet.Time.Advance(_after);
        await asked.Task.WaitAsync(Fleet.Token);
        slow.SetException(new EngineFailedException("slow broke"));
        await fleet.UntilIdleAsync("slow");
        Assert.False(running.IsCompleted);
        fast.SetException(new EngineFailedException("fast broke"));
        Assert.Equal("slow broke", (await Assert.ThrowsAsync<EngineFailedException>(() => running)).Message);
        Assert.Equal("fast broke", fleet["fast"].Health.LastFailure);
        fleet.AssertIdle();
    }

    /// <summary>The slow one is asked first.</summary>
    private static async Task<Fleet> EmbeddersAsync(TimeSpan after, bool isResident = true)
    {
        var slow = new FakeNode("slow", "m") { Options = new NodeOptions { Name = "slow", Url = "http://slow:1", Weight = 100, Slots = 64 } };
        var fast = new FakeNode("fast", "m") { Embed = _ => Task.FromResult(FakeNode.Vector(2)) };
        slow.Resident.Add("m");
        if (isResident)
            fast.Resident.Add("m");
        return await Fleet.OfAsync(new RoutingOptions { HedgeAfter = after }, slow, fast);
    }

    private static Task Hang(FakeNode node)
    {
        var gone = new TaskCompletionSource();
        node.Embed = async token =>
        {
            using var watched = token.Register(gone.SetResult);
            await Task.Delay(Timeout.Infinite, token);
            return FakeNode.Vector(0);
        };
        return gone.Task;
    }

    /// <summary>Until both run.</summary>
    private async Task<Func<Task<Hedged<int>>>> LateAsync()
    {
        var running = RunAsync();
        _time.Advance(_after);
        await _both.Task.WaitAsync(Fleet.Token);
        return () => running;
    }

    private Task<Hedged<int>> RunAsync(CancellationToken? cancellationToken = null) => Hedge.RunAsync(
        token =>
        {
            _firstToken = token;
            return _first.Task;
        },
        token =>
        {
            _secondToken = token;
            _begun++;
            _both.TrySetResult();
            return _second.Task;
        },
        _after,
        late =>
        {
            _discarded.Add(late);
            return ValueTask.CompletedTask;
        },
        _time,
        cancellationToken ?? Fleet.Token);
}
