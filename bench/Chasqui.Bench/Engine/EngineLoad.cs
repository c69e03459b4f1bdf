using System.Diagnostics;

namespace Chasqui.Bench.Engine;

/// <summary>One measurement.</summary>
/// <param name="TokensPerSecond">Answer tokens of all sequences together.</param>
/// <param name="FirstToken">Median time from a request to its first text.</param>
/// <param name="OwnShare">Processor time of the process outside the decode thread and the threads that helped it, in cores; not a number where the system does not tell.</param>
internal readonly record struct EngineSample(double TokensPerSecond, TimeSpan FirstToken, double OwnShare);

/// <summary>Keeps a number of sequences busy for a while.</summary>
internal static class EngineLoad
{
    private const int AnswerTokens = 128;

    // Each caller's prompt begins differently, so that no cached prefix flatters the figure.
    private const string Prompt = "Tell me a story.";

    internal static async Task<EngineSample> RunAsync(
        IEngine engine, string model, int sequences, TimeSpan duration, CancellationToken cancellationToken)
    {
        var before = OwnThreadTime.Read();
        var clock = Stopwatch.StartNew();
        var callers = await Task.WhenAll(Enumerable.Range(0, sequences).Select(
            id => Task.Run(() => CallAsync(engine, model, id, clock, duration, cancellationToken), cancellationToken))).ConfigureAwait(false);
        var wall = clock.Elapsed;
        var after = OwnThreadTime.Read();
        var first = callers.SelectMany(c => c.FirstTokens).Order().ToList();
        return new EngineSample(
            callers.Sum(c => c.Tokens) / wall.TotalSeconds,
            first.Count == 0 ? wall : first[first.Count / 2],
            before is null || after is null ? double.NaN : after.Since(before) / wall);
    }

    private static async Task<(long Tokens, List<TimeSpan> FirstTokens)> CallAsync(
        IEngine engine, string model, int id, Stopwatch clock, TimeSpan duration, CancellationToken cancellationToken)
    {
        var tokens = 0L;
        var firstTokens = new List<TimeSpan>();
        for (var call = 0; clock.Elapsed < duration; call++)
        {
            var request = new GenerateRequest
            {
                Model = model,
                Raw = true,
                Prompt = $"{id * 7919 % 1000} {call} {Prompt}",
                Options = new GenerationOptions { NumPredict = AnswerTokens, Seed = (id * 1000) + call },
            };
            var started = clock.Elapsed;
            await foreach (var update in engine.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
            {
                if (update.Result is { } result)
                    tokens += result.CompletionTokens;
                else if (firstTokens.Count <= call)
                    firstTokens.Add(clock.Elapsed - started);
            }
        }

        return (tokens, firstTokens);
    }
}
