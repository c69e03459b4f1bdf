using System.Globalization;
using System.Net.Http.Headers;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Merge;

/// <summary>What it brings to send the texts of many callers together, and equal requests once.</summary>
internal sealed class BatchScenario : IBenchScenario
{
    private const int Callers = 1_000;
    private const string Merged = "dynamic";
    private const string Unmerged = "realtime";

    private static readonly string[] _strategies = [Unmerged, "fixed", Merged];

    public string Name => "batch";

    public string Description => "vectors for 1,000 callers from a node that takes 5 ms a call and 0.2 ms a text, one call at a time; and 100 equal requests at once";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        using var set = await MergeSet.StartAsync(
            _strategies.Select(name => (name, $$"""  "Merging": { "Strategy": "{{name}}" }, "Cache": { "Enabled": false }  """)), cancellationToken).ConfigureAwait(false);
        var table = new SampleTable();
        foreach (var name in _strategies)
        {
            progress.Report($"warming up: {name}");
            await set.MeasureAsync("embed", set.Ports[name], 64, 1, 0.2, cancellationToken).ConfigureAwait(false);
        }
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var name in _strategies)
            {
                progress.Report($"round {round} of {options.Rounds}: {Callers} callers, {name}");
                var before = await set.CallsAsync(cancellationToken).ConfigureAwait(false);
                var many = await set.MeasureAsync("embed", set.Ports[name], Callers, 1, options.Seconds, cancellationToken).ConfigureAwait(false);
                // The calls of the warming up are counted with the texts of the measuring, so that this is a little too low.
                table.Add($"texts a call {name}", "1", many.Operations / (double)Math.Max(1, await set.CallsAsync(cancellationToken).ConfigureAwait(false) - before));
                table.Add($"embed qps {name}", "1/s", many.Operations / many.Seconds);
                table.Add($"embed p50 {name}", "ms", many.P50);
                table.Add($"embed p99 {name}", "ms", many.P99);
            }
            foreach (var name in _strategies)
            {
                progress.Report($"round {round} of {options.Rounds}: one caller, {name}");
                table.Add($"one caller p50 {name}", "ms", (await set.MeasureAsync("embed", set.Ports[name], 1, 0.3, options.Seconds / 2, cancellationToken).ConfigureAwait(false)).P50);
            }
            progress.Report($"round {round} of {options.Rounds}: 100 equal requests");
            table.Add("upstream calls of 100 equal requests", "1", await EqualAsync(set, round, cancellationToken).ConfigureAwait(false));
        }

        // What waiting costs who is alone, and what it brings where there are many; then the rest.
        var rows = InTable(table.Rows, ["one caller p50", "embed qps", "embed p50", "embed p99", "texts a call"], _strategies);
        return new BenchReport(Name, BenchMachine.Current(), rows,
        [
            Ratio("embed qps merged/unmerged", rows, $"embed qps {Merged}", $"embed qps {Unmerged}"),
            Ratio("embed qps fixed/unmerged", rows, "embed qps fixed", $"embed qps {Unmerged}"),
            Ratio("one caller p50 merged/unmerged", rows, $"one caller p50 {Merged}", $"one caller p50 {Unmerged}"),
            Ratio("one caller p50 fixed/unmerged", rows, "one caller p50 fixed", $"one caller p50 {Unmerged}"),
        ]);
    }

    /// <summary>The figures of all that is compared one below the other, metric by metric; all others after them.</summary>
    internal static IReadOnlyList<BenchRow> InTable(IReadOnlyList<BenchRow> rows, IReadOnlyList<string> metrics, IReadOnlyList<string> names)
    {
        var first = metrics.SelectMany(metric => names.Select(name => rows.Single(row => row.Name == $"{metric} {name}"))).ToList();
        return [.. first, .. rows.Except(first)];
    }

    internal static BenchRatio Ratio(string name, IReadOnlyList<BenchRow> rows, string of, string to) =>
        BenchRatio.From(name, rows.Single(row => row.Name == of), rows.Single(row => row.Name == to));

    private static async Task<double> EqualAsync(MergeSet set, int round, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{set.Ports[Merged]}")) };
        var before = await set.CallsAsync(cancellationToken).ConfigureAwait(false);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
        {
            using var body = new StringContent(string.Create(CultureInfo.InvariantCulture,
                $$"""{"model":"bench:latest","messages":[{"role":"user","content":"The same, {{round}}"}],"stream":false,"options":{"temperature":0} }"""));
            body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var answer = await http.PostAsync(new Uri("/api/chat", UriKind.Relative), body, cancellationToken).ConfigureAwait(false);
            answer.EnsureSuccessStatusCode();
            await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        })).ConfigureAwait(false);
        return await set.CallsAsync(cancellationToken).ConfigureAwait(false) - before;
    }
}
