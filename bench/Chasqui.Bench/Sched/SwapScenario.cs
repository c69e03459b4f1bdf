using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Sched;

/// <summary>Three models on a node that holds one: how often it has to load, with the gateway before it and without.</summary>
internal sealed class SwapScenario : IBenchScenario
{
    private const int Requests = 120;
    private const double Within = 2.4;
    private const int Tokens = 16;
    private const string Ours = "chasqui";
    private const string Alone = "fifo";

    // A token takes 5 ms, a load 200 ms; four run at once. So all is 2.4 s of work and three loads.
    private const string Script = """
        {"models":[{"name":"bench-a"},{"name":"bench-b"},{"name":"bench"}],"numParallel":4,"maxLoadedModels":1,"loadMilliseconds":200,"tokenMilliseconds":5,"recordedRequests":0}
        """;

    private static readonly string[] _models = ["bench-a", "bench-b", "bench"];

    public string Name => "swap";

    public string Description => "three models on one node that holds one: loads, time to finish and waits, with the gateway and without";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        using var set = await NodeSet.StartAsync(1, Script, """, "Slots": 4, "MaxModels": 1""", "", cancellationToken).ConfigureAwait(false);
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1_000 }) { Timeout = TimeSpan.FromMinutes(10) };
        var table = new SampleTable();
        for (var round = 0; round <= options.Rounds; round++)
        {
            foreach (var (name, to) in (IEnumerable<(string, Uri)>)[(Alone, set.Nodes[0]), (Ours, set.Gateway)])
            {
                progress.Report(round == 0 ? $"warming up: {name}" : $"round {round} of {options.Rounds}: {Requests} requests for 3 models, {name}");
                var loads = await set.CountAsync(http, 0, "loads", cancellationToken).ConfigureAwait(false);
                var departures = await OpenLoad.RunAsync(http, to, Arrivals(new Random(round)), cancellationToken).ConfigureAwait(false);
                if (departures.FirstOrDefault(one => !one.IsServed) is { } failed)
                    throw new IOException($"{name}: a request was answered with status {failed.Status}");
                if (round == 0)
                    continue;
                table.Add($"swaps {name}", "loads", await set.CountAsync(http, 0, "loads", cancellationToken).ConfigureAwait(false) - loads);
                table.Add($"finished after {name} s", "s", departures.Max(one => one.EndedAt));
                table.Add($"time p50 {name} s", "s", Quantile.Of(departures.Select(one => one.Seconds), 0.5));
                table.Add($"time max {name} s", "s", departures.Max(one => one.Seconds));
            }
        }
        return new BenchReport(Name, BenchMachine.Current(), table.Rows,
        [
            table.Ratio("swaps", Ours, Alone),
            BenchRatio.From("finished after chasqui/fifo", Row(table, "finished after chasqui s"), Row(table, "finished after fifo s")),
            BenchRatio.From("time p50 chasqui/fifo", Row(table, "time p50 chasqui s"), Row(table, "time p50 fifo s")),
        ]);
    }

    private static BenchRow Row(SampleTable table, string name) => table.Rows.Single(row => row.Name == name);

    private static IEnumerable<Arrival> Arrivals(Random random) =>
        Enumerable.Range(0, Requests).Select(_ => new Arrival(random.NextDouble() * Within, _models[random.Next(3)], Tokens));
}
