using Chasqui.Engines.LlamaCpp.Decoding;
using CsCheck;

namespace Chasqui.Engines.Tests.LlamaCpp;

public sealed class StepBudgetTests
{
    [Fact]
    public void Alone_a_prompt_gets_whole_batches_and_beside_answers_never_more_nor_nothing() =>
        Gen.Select(Gen.Int[1, 8192], Gen.Select(Gen.Int[-1, 10_000], Gen.Long[-1, long.MaxValue / 4]).Array[0, 20]).Sample((batch, steps) =>
        {
            var budget = new StepBudget(batch);
            foreach (var (tokens, ticks) in steps)
                budget.Observe(tokens, TimeSpan.FromTicks(ticks));
            Assert.Equal(batch, budget.PromptTokens(answersRunning: false));
            Assert.InRange(budget.PromptTokens(answersRunning: true), 1, batch);
            Assert.True(double.IsFinite(budget.TokensPerSecond) && budget.TokensPerSecond > 0);
        }, iter: 10_000);

    [Theory]
    [InlineData(200, 16)]
    [InlineData(1000, 80)]
    [InlineData(5000, 400)]
    [InlineData(50_000, 512)]
    public void What_a_step_may_compute_takes_about_as_long_as_a_stream_may_stall(double tokensPerSecond, int expected)
    {
        var budget = new StepBudget(512);
        for (var i = 0; i < 60; i++)
            budget.Observe(100, TimeSpan.FromSeconds(100 / tokensPerSecond));
        Assert.InRange(budget.PromptTokens(answersRunning: true), expected - 1, expected);
    }
}
