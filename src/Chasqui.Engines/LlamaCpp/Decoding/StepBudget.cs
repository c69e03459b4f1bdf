namespace Chasqui.Engines.LlamaCpp.Decoding;

/// <summary>
/// How many prompt tokens a step may compute. Alone, a prompt gets whole batches; beside running answers only as many as
/// take about <see cref="StallMilliseconds"/>, so that nobody's stream stalls for longer.
/// </summary>
internal sealed class StepBudget(int batch)
{
    internal const int StallMilliseconds = 80;

    private const int LeastTokens = 16;
    private const double Smoothing = 0.3;

    /// <summary>Measured prompt tokens in a second. The first guess is low, so that the first prompt is not a stall.</summary>
    internal double TokensPerSecond { get; private set; } = 500;

    internal int PromptTokens(bool answersRunning) => answersRunning
        ? Math.Clamp((int)(TokensPerSecond * StallMilliseconds / 1000), Math.Min(LeastTokens, batch), batch)
        : batch;

    /// <summary>Learns from a step that computed prompt tokens. Small ones say little: a step has a fixed cost of its own.</summary>
    internal void Observe(int promptTokens, TimeSpan elapsed)
    {
        if (promptTokens >= LeastTokens && elapsed > TimeSpan.Zero)
            TokensPerSecond += Smoothing * ((promptTokens / elapsed.TotalSeconds) - TokensPerSecond);
    }
}
