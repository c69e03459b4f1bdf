using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Sched;

/// <summary>More than the nodes can do: what is served all the same, how long the urgent waits, and what the scheduling costs.</summary>
internal sealed class SchedScenario : IBenchScenario
{
    private const int Nodes = 2;
    private const int Slots = 4;
    private const int Tokens = 10;
    private const double TokenSeconds = 0.01;

    /// <summary>Requests a second that the nodes can serve at most.</summary>
    private const double Capacity = Nodes * Slots / (Tokens * TokenSeconds);

    // Until the queue is as long as it will be.
    private const double Before = 1;

    private static readonly int[] _waiting = [10, 100_000];

    private static readonly string _script = $$"""{"models":[{"name":"bench"}],"numParallel":{{Slots}},"tokenMilliseconds":10,"recordedRequests":0}""";

    public string Name => "sched";

    public string Description => "three times the load that the nodes can carry: what is served, how long urgent requests wait, and what scheduling costs";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        using var set = await NodeSet.StartAsync(Nodes, _script, $$""", "Slots": {{Slots}}""", """, "Queue": { "MaxWaitingPerCaller": 10000 }""", cancellationToken).ConfigureAwait(false);
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 10_000 }) { Timeout = TimeSpan.FromMinutes(5) };
        progress.Report("warming up");
        await OpenLoad.RunAsync(http, set.Gateway, Plain(new Random(0), 1, 2), cancellationToken).ConfigureAwait(false);

        foreach (var waiting in _waiting)
            SchedulerCost.Measure(waiting, cancellationToken);
        var table = new SampleTable();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var times in (int[])[1, 3])
            {
                progress.Report($"round {round} of {options.Rounds}: {times} x what the nodes can serve");
                var departures = await OpenLoad.RunAsync(http, set.Gateway, Plain(new Random(round), times, options.Seconds + Before), cancellationToken).ConfigureAwait(false);
                table.Add($"goodput at {times}x", "1/s", departures.Count(one => one.IsServed && one.EndedAt >= Before && one.EndedAt < Before + options.Seconds) / options.Seconds);
                table.Add($"wait p99 at {times}x ms", "ms", 1000 * Quantile.Of(departures.Where(one => one.IsServed).Select(one => one.Waited), 0.99));
                table.Add($"refused at {times}x", "share", departures.Count(one => !one.IsServed) / (double)departures.Count);
            }
            foreach (var classes in (bool[])[true, false])
            {
                progress.Report($"round {round} of {options.Rounds}: urgent requests among a flood, {(classes ? "with" : "without")} classes");
                var departures = await OpenLoad.RunAsync(http, set.Gateway, Mixed(new Random(round), classes, options.Seconds), cancellationToken).ConfigureAwait(false);
                var urgent = departures.Where(one => one.Arrival.Tokens == Tokens - 1).ToList();
                var name = classes ? "interactive" : "without classes";
                table.Add($"wait p50 {name} ms", "ms", 1000 * Quantile.Of(urgent.Select(one => one.Waited), 0.5));
                table.Add($"wait p99 {name} ms", "ms", 1000 * Quantile.Of(urgent.Select(one => one.Waited), 0.99));
            }
            foreach (var waiting in _waiting)
            {
                progress.Report($"round {round} of {options.Rounds}: the cost of scheduling with {waiting} waiting");
                table.Add($"scheduling cost with {waiting} waiting us", "µs/request", await Task.Run(() => SchedulerCost.Measure(waiting, cancellationToken), cancellationToken).ConfigureAwait(false));
            }
        }
        for (var node = 0; node < Nodes; node++)
        {
            // A node says that an answer has ended a moment before its slot is free.
            var waited = await set.CountAsync(http, node, "slotWaits", cancellationToken).ConfigureAwait(false);
            table.Add("found no free slot in the node", "share", waited / (double)await set.CountAsync(http, node, "completions", cancellationToken).ConfigureAwait(false));
        }
        return new BenchReport(Name, BenchMachine.Current(), table.Rows,
        [
            Ratio(table, "goodput at 3x / at 1x", "goodput at 3x", "goodput at 1x"),
            Ratio(table, "wait p99 interactive / without classes", "wait p99 interactive ms", "wait p99 without classes ms"),
            Ratio(table, "scheduling cost 100000/10 waiting", "scheduling cost with 100000 waiting us", "scheduling cost with 10 waiting us"),
        ]);
    }

    private static BenchRatio Ratio(SampleTable table, string name, string of, string to) =>
        BenchRatio.From(name, table.Rows.Single(row => row.Name == of), table.Rows.Single(row => row.Name == to));

    /// <summary>Whoever would wait for more than a second is refused.</summary>
    private static IEnumerable<Arrival> Plain(Random random, int times, double seconds) =>
        OpenLoad.Poisson(random, times * Capacity, seconds, arrival => arrival with { MaxWait = 1 }, "bench", Tokens);

    /// <summary>A tenth of what the nodes can serve is urgent, and told apart by a token; as much again as they can serve is not.</summary>
    private static IEnumerable<Arrival> Mixed(Random random, bool classes, double seconds) =>
    [
        .. OpenLoad.Poisson(random, 1.5 * Capacity, seconds, arrival => arrival with { Priority = classes ? "batch" : null }, "bench", Tokens),
        .. OpenLoad.Poisson(random, 0.1 * Capacity, seconds, arrival => arrival with { Priority = classes ? "interactive" : null }, "bench", Tokens - 1),
    ];
}
