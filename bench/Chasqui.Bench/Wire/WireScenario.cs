namespace Chasqui.Bench.Wire;

/// <summary>Requests with one answer each: MCP/1 beside gRPC, JSON over HTTP, and a floor of bare sockets.</summary>
internal sealed class WireScenario : IBenchScenario
{
    private const string Ours = "mcp";

    private static readonly (string Name, PeerLoad Load, string[] Peers)[] _shapes =
    [
        ("c1", new PeerLoad(LoadShape.Unary, 1, 1), [Ours, "mcp-plain", "grpc", "http1-json", "http2-json", "floor"]),
        ("c64", new PeerLoad(LoadShape.Unary, 1, 64), [Ours, "mcp-plain", "grpc", "http1-json", "http2-json", "floor"]),
        ("c1000", new PeerLoad(LoadShape.Unary, 1, 1000), [Ours, "grpc", "http1-json", "http2-json", "floor"]),
        ("64x1", new PeerLoad(LoadShape.Unary, 64, 1), [Ours, "mcp-plain", "grpc", "floor"]),
    ];

    public string Name => "wire";

    public string Description => "requests a second and processor time a request over MCP/1, gRPC, and JSON over HTTP/1.1 and HTTP/2";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        using var peers = new PeerSet();
        var table = new SampleTable();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var (name, load, kinds) in _shapes)
            {
                foreach (var kind in kinds)
                {
                    progress.Report($"round {round} of {options.Rounds}: {name}, {kind}");
                    var pair = await peers.GetAsync(kind, cancellationToken).ConfigureAwait(false);
                    var sample = await pair.MeasureAsync(load, WarmUp(round), options.Seconds, cancellationToken).ConfigureAwait(false);
                    Add(table, name, kind, sample);
                }
            }
        }

        return new BenchReport(Name, BenchMachine.Current(), table.Rows, [.. Ratios(table)]);
    }

    // The first time the just-in-time compiler has more to do.
    internal static double WarmUp(int round) => round == 1 ? 2 : 0.5;

    private static void Add(SampleTable table, string name, string kind, PeerSample sample)
    {
        table.Add($"unary {name} qps {kind}", "1/s", sample.Rate);
        table.Add($"unary {name} cpu {kind}", "µs/request", sample.Cpu);
        // The floor is not timed for each request.
        if (sample.P99 > 0)
        {
            table.Add($"unary {name} p50 {kind}", "ms", sample.P50);
            table.Add($"unary {name} p99 {kind}", "ms", sample.P99);
        }
    }

    private static IEnumerable<BenchRatio> Ratios(SampleTable table)
    {
        foreach (var (name, _, kinds) in _shapes)
        {
            foreach (var kind in kinds.Where(k => k != Ours))
                yield return table.Ratio($"unary {name} qps", Ours, kind);
            yield return table.Ratio($"unary {name} cpu", "grpc", Ours);
        }
    }
}
