using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Merge;

/// <summary>What a kept answer costs, beside one that a node makes.</summary>
internal sealed class CacheScenario : IBenchScenario
{
    private const int Callers = 64;
    private const string Kept = "cache";
    private const string Made = "engine";

    public string Name => "cache";

    public string Description => "an answer that is kept, again and again, beside a node that makes it in 50 ms, one at a time";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        using var set = await MergeSet.StartAsync(
        [
            (Kept, """  "Cache": { "Enabled": true }  """),
            (Made, """  "Merging": { "Share": false }, "Cache": { "Enabled": false }  """),
        ], cancellationToken).ConfigureAwait(false);
        var table = new SampleTable();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var name in (string[])[Kept, Made])
            {
                progress.Report($"round {round} of {options.Rounds}: {name}");
                var many = await set.MeasureAsync("same", set.Ports[name], Callers, 1, options.Seconds, cancellationToken).ConfigureAwait(false);
                table.Add($"answers {name}", "1/s", many.Operations / many.Seconds);
                table.Add($"p50 {Callers} callers {name}", "ms", many.P50);
                table.Add($"p99 {Callers} callers {name}", "ms", many.P99);
                table.Add($"p50 one caller {name}", "ms", (await set.MeasureAsync("same", set.Ports[name], 1, 0.5, options.Seconds / 2, cancellationToken).ConfigureAwait(false)).P50);
            }
        }

        var rows = BatchScenario.InTable(table.Rows, ["p50 one caller", "answers", $"p50 {Callers} callers", $"p99 {Callers} callers"], [Kept, Made]);
        return new BenchReport(Name, BenchMachine.Current(), rows,
        [
            BatchScenario.Ratio("answers hit/engine", rows, $"answers {Kept}", $"answers {Made}"),
            BatchScenario.Ratio("p50 one caller engine/hit", rows, $"p50 one caller {Made}", $"p50 one caller {Kept}"),
        ]);
    }
}
