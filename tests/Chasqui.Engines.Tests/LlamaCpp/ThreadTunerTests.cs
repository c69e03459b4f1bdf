using Chasqui.Engines.LlamaCpp.Decoding;
using CsCheck;

namespace Chasqui.Engines.Tests.LlamaCpp;

public sealed class ThreadTunerTests
{
    private const int Lean = 1;
    private const int Full = 2;

    [Fact]
    public void A_core_that_makes_steps_faster_is_borrowed_and_kept()
    {
        var tuner = new ThreadTuner(Lean, Full);
        Run(tuner, 200, threads => threads == Full ? 0.55 : 1);
        Assert.True(tuner.Borrowing);
        Assert.Equal(1, Share(tuner, 1000, threads => threads == Full ? 0.55 : 1));
    }

    [Fact]
    public void A_core_that_makes_steps_crawl_is_tried_ever_more_rarely()
    {
        var tuner = new ThreadTuner(Lean, Full);
        Run(tuner, 4 * ThreadTuner.LongestPause, threads => threads == Full ? 20 : 1);
        Assert.False(tuner.Borrowing);
        // One step each time, and then the longest pause.
        Assert.InRange(Share(tuner, 4 * ThreadTuner.LongestPause, threads => threads == Full ? 20 : 1), 0.0001, 0.002);
    }

    [Fact]
    public void A_core_that_gains_next_to_nothing_is_not_borrowed()
    {
        var tuner = new ThreadTuner(Lean, Full);
        Assert.InRange(Share(tuner, 2 * ThreadTuner.LongestPause, threads => threads == Full ? 0.95 : 1), 0.0001, 0.02);
    }

    [Fact]
    public void The_core_is_given_back_when_others_want_it_and_borrowed_again_when_they_do_not()
    {
        var tuner = new ThreadTuner(Lean, Full);
        Run(tuner, 100, threads => threads == Full ? 0.6 : 1);
        Assert.True(tuner.Borrowing);
        var slow = Run(tuner, 10, threads => threads == Full ? 10 : 1);
        Assert.False(tuner.Borrowing);
        Assert.Equal(1, slow);
        Run(tuner, 2 * ThreadTuner.LongestPause, threads => threads == Full ? 10 : 1);
        Run(tuner, 2 * ThreadTuner.LongestPause, threads => threads == Full ? 0.6 : 1);
        Assert.True(tuner.Borrowing);
    }

    [Fact]
    public void Without_a_core_to_borrow_nothing_is_tried()
    {
        var tuner = new ThreadTuner(Lean, Lean);
        Assert.Equal(0, Run(tuner, 1000, _ => 1));
        Assert.False(tuner.Borrowing);
    }

    [Fact]
    public void Any_times_leave_the_threads_within_their_bounds() =>
        Gen.Select(Gen.Int[1, 600], Gen.Double[0, 1e6]).Array[1, 400].Sample(steps =>
        {
            var tuner = new ThreadTuner(Lean, Full);
            foreach (var (tokens, microseconds) in steps)
            {
                var threads = tuner.ThreadsFor(tokens);
                Assert.InRange(threads, Lean, Full);
                tuner.Observe(tokens, threads, TimeSpan.FromMicroseconds(microseconds));
            }
        });

    /// <returns>How many steps used the borrowed core.</returns>
    private static int Run(ThreadTuner tuner, int steps, Func<int, double> millisecondsOf)
    {
        var full = 0;
        for (var i = 0; i < steps; i++)
        {
            const int Tokens = 16;
            var threads = tuner.ThreadsFor(Tokens);
            full += threads == Full ? 1 : 0;
            tuner.Observe(Tokens, threads, TimeSpan.FromMilliseconds(Tokens * millisecondsOf(threads)));
        }

        return full;
    }

    private static double Share(ThreadTuner tuner, int steps, Func<int, double> millisecondsOf) => Run(tuner, steps, millisecondsOf) / (double)steps;
}
