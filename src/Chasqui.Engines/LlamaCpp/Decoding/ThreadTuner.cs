using System.Numerics;

namespace Chasqui.Engines.LlamaCpp.Decoding;

/// <summary>
/// Decides whether a step of many tokens borrows the core that is otherwise left to the gateway. On a quiet machine it makes
/// such steps nearly twice as fast on two cores; on a busy one the library's threads spin while they wait for each other, and
/// everything crawls. Which of the two holds is measured: a short trial now and then, kept up only while it pays, and made
/// more rarely each time it does not. Not thread-safe; pure, so that it can be tested without a clock.
/// </summary>
/// <param name="lean">Threads that are always used.</param>
/// <param name="full">Threads with the borrowed core.</param>
internal sealed class ThreadTuner(int lean, int full)
{
    internal const int FirstPause = 16;
    internal const int LongestPause = 2048;

    private const int TrialSteps = 3;
    private const double Smoothing = 0.2;

    /// <summary>Share of the lean time that a trial must stay below.</summary>
    private const double WorthIt = 0.9;

    /// <summary>Share above which the core is given back.</summary>
    private const double NotWorthIt = 0.97;

    /// <summary>A step that takes so much longer than without the core ends the trial at once.</summary>
    private const double Crawl = 1.5;

    // Microseconds a token with the lean threads, by the step's size in powers of two; 0 where not yet measured.
    private readonly double[] _leanCost = new double[32];
    private int _untilTrial = FirstPause;
    private int _pause = FirstPause;
    private int _trial;
    private bool _borrowing;
    private double _ratio = 1;

    /// <summary>Whether the core is borrowed at the moment.</summary>
    internal bool Borrowing => _borrowing;

    /// <summary>Threads for a step of so many tokens.</summary>
    internal int ThreadsFor(int tokens) =>
        // Without a measure of this size there is nothing to compare with.
        _borrowing && full > lean && _leanCost[Bucket(tokens)] > 0 ? full : lean;

    /// <summary>Learns from a step.</summary>
    /// <param name="tokens">Tokens of the step; single ones say nothing, since the library computes them with the lean threads.</param>
    /// <param name="threads">What <see cref="ThreadsFor"/> said.</param>
    /// <param name="elapsed">How long it took.</param>
    internal void Observe(int tokens, int threads, TimeSpan elapsed)
    {
        if (tokens < 2 || full <= lean)
            return;
        var cost = elapsed.TotalMicroseconds / tokens;
        if (threads == lean)
            Lean(ref _leanCost[Bucket(tokens)], cost);
        else
            Full(cost / _leanCost[Bucket(tokens)]);
    }

    private void Lean(ref double known, double cost)
    {
        known = known == 0 ? cost : known + (Smoothing * (cost - known));
        if (_borrowing || --_untilTrial > 0)
            return;
        _borrowing = true;
        _trial = TrialSteps;
        _ratio = 0;
    }

    private void Full(double ratio)
    {
        if (_trial > 0)
        {
            _ratio += ratio / TrialSteps;
            if (ratio > Crawl)
                GiveBack(failed: true);
            else if (--_trial == 0 && _ratio > WorthIt)
                GiveBack(failed: true);
            else if (_trial == 0)
                _pause = FirstPause;
            return;
        }

        _ratio += Smoothing * (ratio - _ratio);
        if (ratio > 2 * Crawl || _ratio > NotWorthIt)
            GiveBack(failed: false);
    }

    private void GiveBack(bool failed)
    {
        _borrowing = false;
        _trial = 0;
        // One that had paid until now is tried again soon: longer contexts, too, make a step slower than the old measure.
        _pause = failed ? Math.Min(2 * _pause, LongestPause) : FirstPause;
        _untilTrial = _pause;
    }

    private static int Bucket(int tokens) => BitOperations.Log2((uint)tokens);
}
