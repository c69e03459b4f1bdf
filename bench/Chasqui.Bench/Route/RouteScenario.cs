using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Route;

/// <summary>A replay of real conversations over four nodes with prefix caches: how much of the prompts the chosen node had computed already, and how even the load was.</summary>
internal sealed class RouteScenario : IBenchScenario
{
    private const string Ours = "affinity";
    private const int IndexBlocks = Gateway.PrefixIndex.DefaultCapacity;

    private static readonly (string Name, Func<Random, IRoutePolicy> Create)[] _policies =
    [
        (Ours, random => new GatewayPolicy(Replay.Nodes, random)),
        ("round-robin", _ => new RoundRobinPolicy(Replay.Nodes)),
        ("least-connections", random => new LeastConnectionsPolicy(Replay.Nodes, random)),
        ("reference-time", random => new ExpectedTimePolicy(Replay.Nodes, IndexBlocks, 0.25, random)),
        ("reference-bounded", random => new BoundedAffinityPolicy(Replay.Nodes, IndexBlocks, 2, 2, random)),
    ];

    public string Name => "route";

    public string Description => "a replay of conversations over 4 nodes with prefix caches: prompt blocks already warm, and the spread of load";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        if (MooncakeTrace.Find() is not { } path)
        {
            progress.Report("skipped: there is no mooncake/conversation-first-half.jsonl in ../shared/data, nor in the folder that CHASQUI_SHARED_DATA names");
            return new BenchReport(Name, BenchMachine.Current(), [], []);
        }
        var trace = MooncakeTrace.Read(path);
        var table = new SampleTable();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var (name, create) in _policies)
            {
                progress.Report($"round {round} of {options.Rounds}: {trace.Count} requests, {name}");
                // Only the ties differ from round to round.
                var seed = round;
                Add(table, name, await Task.Run(() => Replay.Run(trace, create(new Random(seed)), cancellationToken), cancellationToken).ConfigureAwait(false));
            }
            table.Add("warm blocks ceiling", "share", Replay.Ceiling(trace));
        }

        return new BenchReport(Name, BenchMachine.Current(), table.Rows,
        [
            table.Ratio("warm blocks", Ours, "round-robin"),
            table.Ratio("warm blocks", Ours, "least-connections"),
            table.Ratio("warm blocks", "ceiling", "round-robin"),
            table.Ratio("first token p50", "round-robin", Ours),
            table.Ratio("first token p99", "round-robin", Ours),
        ]);
    }

    private static void Add(SampleTable table, string name, ReplayResult result)
    {
        table.Add($"warm blocks {name}", "share", result.Warm);
        table.Add($"spread requests {name}", "max/mean", result.Requests);
        table.Add($"spread tokens {name}", "max/mean", result.Tokens);
        table.Add($"first token p50 {name}", "ms", result.P50);
        table.Add($"first token p99 {name}", "ms", result.P99);
    }
}
