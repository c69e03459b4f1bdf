using Chasqui.Gateway.Dispatch;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Dispatch;

public sealed class RetryBudgetTests
{
    [Fact]
    public void Ten_are_always_allowed_and_come_back_within_ten_seconds()
    {
        var time = new FakeTimeProvider();
        var budget = new RetryBudget(0, time);
        Assert.Equal(10, Drain(budget));

        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(5, Drain(budget));
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(10, Drain(budget));
    }

    [Fact]
    public void Requests_earn_their_share()
    {
        var budget = new RetryBudget(0.5, new FakeTimeProvider());
        for (var i = 0; i < 100; i++)
            budget.Deposit();
        Assert.Equal(60, Drain(budget));
    }

    [Fact]
    public void What_was_earned_fades()
    {
        var time = new FakeTimeProvider();
        var budget = new RetryBudget(1, time);
        for (var i = 0; i < 1000; i++)
            budget.Deposit();
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(10, Drain(budget));
    }

    /// <summary>However requests, failures and time are mixed.</summary>
    [Fact]
    public void There_are_never_more_than_was_earned_and_ten_in_each_window() =>
        Gen.Select(Gen.Double[0, 2], Gen.Select(Gen.Int[0, 3], Gen.Int[1, 40]).Array[1, 100]).Sample((share, steps) =>
        {
            var time = new FakeTimeProvider();
            var budget = new RetryBudget(share, time);
            double earned = 0, seconds = 0;
            var spent = 0;
            foreach (var (step, number) in steps)
            {
                for (var i = 0; i < number; i++)
                {
                    switch (step)
                    {
                        case 0:
                            budget.Deposit();
                            earned += share;
                            break;
                        case 1 or 2 when budget.TryWithdraw():
                            spent++;
                            break;
                        case 3:
                            time.Advance(TimeSpan.FromMilliseconds(70));
                            seconds += 0.07;
                            break;
                    }
                }
                Assert.InRange(spent, 0, earned + 10 + seconds + 1e-6);
            }
            // Nobody is shut out for ever.
            time.Advance(TimeSpan.FromSeconds(10));
            Assert.True(budget.TryWithdraw());
        });

    private static int Drain(RetryBudget budget)
    {
        var count = 0;
        while (budget.TryWithdraw())
            count++;
        return count;
    }
}
