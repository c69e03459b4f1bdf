using Chasqui.Gateway.Nodes;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Nodes;

public sealed class NodeHealthTests
{
    private static readonly RoutingOptions _options = new() { FailureThreshold = 3, BreakerPause = TimeSpan.FromSeconds(1), RampUp = TimeSpan.FromSeconds(10) };

    private readonly FakeTimeProvider _time = new();
    private readonly NodeHealth _health;

    public NodeHealthTests() => _health = new NodeHealth(_options, _time);

    [Fact]
    public void Only_failures_in_a_row_pause_it()
    {
        for (var i = 0; i < 10; i++)
        {
            _health.Failed("a");
            _health.Failed("b");
            _health.Succeeded();
        }
        Assert.Equal(NodeState.Up, _health.State);
        Assert.Empty(_health.LastFailure);

        _health.Failed("a");
        _health.Failed("b");
        Assert.Equal(NodeState.Up, _health.State);
        _health.Failed("c");

        Assert.Equal(NodeState.Paused, _health.State);
        Assert.Equal(0, _health.Share);
        Assert.Equal(TimeSpan.FromSeconds(1), _health.PauseLeft);
        Assert.Equal("c", _health.LastFailure);
        Assert.False(_health.TryBegin(out _));
    }

    [Fact]
    public void One_that_is_certain_is_enough() => Paused(() => _health.Failed("refused", certain: true));

    [Fact]
    public void After_its_pause_one_request_finds_out_and_its_share_grows_back()
    {
        Pause();
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(NodeState.Trial, _health.State);
        Assert.InRange(_health.Share, 0.01, 0.1);
        Assert.True(_health.TryBegin(out var trial));
        Assert.NotEqual(0, trial);
        Assert.False(_health.TryBegin(out _));
        Assert.Equal(0, _health.Share);

        _health.Succeeded();
        Assert.Equal(NodeState.Returning, _health.State);
        Assert.True(_health.TryBegin(out var usual));
        Assert.Equal(0, usual);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(0.5, _health.Share, 3);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(NodeState.Up, _health.State);
        Assert.Equal(1, _health.Share);
        Assert.Empty(_health.LastFailure);
    }

    [Fact]
    public void Each_pause_is_twice_as_long_up_to_a_minute_until_it_was_well_again()
    {
        foreach (var seconds in (int[])[1, 2, 4, 8, 16, 32, 60, 60])
        {
            Pause();
            Assert.Equal(TimeSpan.FromSeconds(seconds), _health.PauseLeft);
            _time.Advance(_health.PauseLeft);
            Assert.Equal(NodeState.Trial, _health.State);
        }
        _health.Succeeded();
        _time.Advance(_options.RampUp);
        Pause();
        Assert.Equal(TimeSpan.FromSeconds(1), _health.PauseLeft);
    }

    [Fact]
    public void A_pause_that_is_configured_longer_than_a_minute_is_meant()
    {
        var health = new NodeHealth(_options with { BreakerPause = TimeSpan.FromMinutes(5) }, _time);
        health.Failed("gone", certain: true);
        Assert.Equal(TimeSpan.FromMinutes(5), health.PauseLeft);
        _time.Advance(TimeSpan.FromMinutes(5));
        health.Failed("gone", certain: true);
        Assert.Equal(TimeSpan.FromMinutes(5), health.PauseLeft);
    }

    [Fact]
    public void A_trial_whose_caller_leaves_is_the_next_requests()
    {
        Pause();
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(_health.TryBegin(out var trial));

        _health.Abandoned(trial);

        Assert.True(_health.TryBegin(out var next));
        Assert.NotEqual(trial, next);
    }

    [Fact]
    public void A_request_that_is_not_the_trial_gives_nothing_back_when_its_caller_leaves()
    {
        Assert.True(_health.TryBegin(out var early));
        Pause();
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(_health.TryBegin(out var old));
        Pause();
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(_health.TryBegin(out _));

        _health.Abandoned(early);
        _health.Abandoned(old);

        Assert.False(_health.TryBegin(out _));
    }

    [Fact]
    public void Errors_that_may_be_the_requests_fault_count_a_quarter()
    {
        for (var i = 0; i < 11; i++)
            _health.Failed("500", weak: true);
        Assert.Equal(NodeState.Up, Known(_health.State));
        Paused(() => _health.Failed("500", weak: true));
    }

    [Fact]
    public void One_that_came_back_is_not_closed_off_by_a_requests_fault_but_by_its_own()
    {
        Pause();
        _time.Advance(TimeSpan.FromSeconds(1));
        _health.Succeeded();

        _health.Failed("500", weak: true);
        Assert.Equal(NodeState.Returning, _health.State);
        Paused(() => _health.Failed("broke off"));
    }

    [Theory]
    [InlineData(30, 30)]
    [InlineData(0.5, 1)]
    [InlineData(3600, 60)]
    public void One_that_is_full_is_left_alone_for_as_long_as_it_says_within_bounds(double said, double seconds)
    {
        for (var i = 0; i < 3; i++)
            _health.Failed("full", busy: true, retryAfter: TimeSpan.FromSeconds(said));
        Assert.True(_health.IsBusy);
        Assert.Equal(TimeSpan.FromSeconds(seconds), _health.PauseLeft);
    }

    [Fact]
    public void That_it_can_be_reached_ends_the_pause_of_one_that_could_not_and_of_no_other()
    {
        _health.Failed("broke off", certain: true);
        _health.Reached();
        Assert.Equal(NodeState.Paused, _health.State);

        var other = new NodeHealth(_options, _time);
        other.Failed("refused", certain: true, unreachable: true);
        other.Reached();
        Assert.Equal(NodeState.Trial, other.State);
        Assert.True(other.TryBegin(out _));
    }

    [Fact]
    public void Without_a_ramp_it_is_up_at_once()
    {
        var health = new NodeHealth(_options with { RampUp = TimeSpan.Zero }, _time);
        health.Failed("gone", certain: true);
        _time.Advance(TimeSpan.FromSeconds(1));
        health.Succeeded();
        Assert.Equal(NodeState.Up, health.State);
        Assert.Equal(1, health.Share);
    }

    /// <summary>Whatever happens to it: requests that begin, end in every way and in any order, and time that passes.</summary>
    [Fact]
    public void From_any_history() =>
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 50]).Array[1, 200].Sample(steps =>
        {
            var time = new FakeTimeProvider();
            var health = new NodeHealth(_options, time);
            var running = new List<long>();
            // The trial that nothing has been learned since.
            var open = 0L;
            foreach (var (step, number) in steps)
            {
                var before = health.State;
                var at = running.Count > 0 ? number % running.Count : -1;
                switch (step)
                {
                    case 0 or 1 when health.TryBegin(out var trial):
                        Assert.NotEqual(NodeState.Paused, before);
                        Assert.Equal(before == NodeState.Trial, trial != 0);
                        if (trial != 0)
                        {
                            Assert.Equal(0, open);
                            open = trial;
                        }
                        running.Add(trial);
                        break;
                    case 2 when at >= 0:
                        health.Abandoned(running[at]);
                        if (running[at] == open)
                            open = 0;
                        running.RemoveAt(at);
                        break;
                    case 3 or 4 when at >= 0:
                        running.RemoveAt(at);
                        health.Succeeded();
                        open = 0;
                        Assert.True(health.State is NodeState.Up or NodeState.Returning);
                        break;
                    case 5 or 6 when at >= 0:
                        running.RemoveAt(at);
                        health.Failed("f", busy: number % 2 == 0, certain: number % 5 == 0, unreachable: number % 3 == 0, weak: step == 6);
                        if (before != NodeState.Paused && health.State == NodeState.Paused)
                            open = 0;
                        break;
                    case 7:
                        health.Reached();
                        break;
                    default:
                        time.Advance(TimeSpan.FromMilliseconds(number * number));
                        break;
                }

                Assert.InRange(health.Share, 0, 1);
                Assert.InRange(health.FailureRate, 0, 1);
                Assert.InRange(health.PauseLeft, TimeSpan.Zero, TimeSpan.FromMinutes(1));
                Assert.Equal(health.State == NodeState.Paused, health.PauseLeft > TimeSpan.Zero);
                Assert.Equal(open != 0, health.State == NodeState.Trial && health.Share == 0);
            }

            // It always gets another chance, whoever still holds an old one.
            time.Advance(TimeSpan.FromMinutes(1));
            if (open != 0)
                health.Abandoned(open);
            Assert.True(health.TryBegin(out _));
            health.Succeeded();
            time.Advance(_options.RampUp);
            Assert.Equal(1, health.Share);
        });

    private static NodeState Known(NodeState state) => state == NodeState.Unknown ? NodeState.Up : state;

    [Fact]
    public void What_may_be_the_request_s_fault_counts_once_for_one_caller_in_a_row()
    {
        for (var i = 0; i < 100; i++)
            _health.Failed("500", weak: true, by: "key 1");
        Assert.Equal(NodeState.Unknown, _health.State);

        // Other callers have the same: it is the node.
        for (var i = 0; i < 12; i++)
            _health.Failed("500", weak: true, by: i % 2 == 0 ? "key 2" : "key 1");
        Assert.Equal(NodeState.Paused, _health.State);
    }

    [Fact]
    public void The_words_that_a_node_answered_with_are_not_told_to_all()
    {
        _health.Failed("the prompt was \"secret\"", weak: true);
        Assert.Equal("answered with an error", _health.LastFailureForAll);
        Assert.Contains("secret", _health.LastFailure);

        _health.Failed("broke off");
        Assert.Equal("broke off", _health.LastFailureForAll);
    }

    private void Pause() => _health.Failed("gone", certain: true);

    private void Paused(Action action)
    {
        Assert.NotEqual(NodeState.Paused, _health.State);
        action();
        Assert.Equal(NodeState.Paused, _health.State);
    }
}
