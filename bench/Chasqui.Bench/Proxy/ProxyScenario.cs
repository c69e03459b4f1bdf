using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Proxy;

/// <summary>What standing between client and node costs: processor time for each request and each streamed token, and time added to an answer.</summary>
internal sealed class ProxyScenario : IBenchScenario
{
    public string Name => "proxy";

    public string Description => "processor time and added latency of Chasqui between client and node, beside nginx, haproxy and YARP";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        using var set = await ProxySet.StartAsync(progress, cancellationToken).ConfigureAwait(false);
        var steps = ProxyStep.All(set);
        foreach (var step in steps)
        {
            progress.Report($"warming up: {step}");
            await step.MeasureAsync(set, warmUp: 2, seconds: 0.2, cancellationToken).ConfigureAwait(false);
        }

        var table = new SampleTable();
        for (var round = 1; round <= options.Rounds; round++)
        {
            var direct = new Dictionary<string, ProxySample>(StringComparer.Ordinal);
            foreach (var step in steps)
            {
                progress.Report($"round {round} of {options.Rounds}: {step}");
                var sample = await step.MeasureAsync(set, warmUp: 0.5, options.Seconds, cancellationToken).ConfigureAwait(false);
                if (step.Proxy.Process == 0)
                    direct[step.Shape] = sample;
                Add(table, step, sample, direct[step.Shape]);
            }
        }

        return new BenchReport(Name, BenchMachine.Current(), table.Rows, [.. Ratios(table.Rows)]);
    }

    private static void Add(SampleTable table, ProxyStep step, ProxySample sample, ProxySample direct)
    {
        if (step.IsStream)
        {
            table.Add($"stream tok/s {step.Who}", "tok/s", sample.Rate);
            if (step.Proxy.Process != 0)
                table.Add($"stream cpu/token {step.Who} us", "µs/token", sample.Cpu);
            return;
        }

        table.Add($"unary qps {step.Shape} {step.Who}", "1/s", sample.Rate);
        table.Add($"p50 {step.Shape} ms {step.Who}", "ms", sample.P50);
        table.Add($"p99 {step.Shape} ms {step.Who}", "ms", sample.P99);
        if (step.Proxy.Process == 0)
            return;
        if (step.Shape == ProxyStep.C64)
            table.Add($"unary cpu {step.Who} us", "µs/request", sample.Cpu);
        foreach (var (quantile, added) in new[] { ("p50", sample.P50 - direct.P50), ("p99", sample.P99 - direct.P99) })
        {
            table.Add($"added {quantile} {step.Shape} ms {step.Who}", "ms", added);
            if (step.Proxy is { Name: Proxy.Ours, Upstream: "http" })
                table.Add($"added {quantile} {step.Shape} ms", "ms", added);
        }
    }

    private static IEnumerable<BenchRatio> Ratios(IReadOnlyList<BenchRow> rows)
    {
        foreach (var (what, path, who) in (IEnumerable<(string, string, string)>)
        [
            ("unary cpu", "http-http", Proxy.Ours), ("unary cpu", "http-mcp", Proxy.Ours),
            ("stream cpu/token", "http-http", Proxy.Ours), ("stream cpu/token", "http-mcp", Proxy.Ours),
            ("stream cpu/token", "mcp-mcp", Proxy.Ours), ("stream cpu/token", "mcp-http", Proxy.Ours),
            ("unary cpu", "http-http", Proxy.HaProxy), ("stream cpu/token", "http-http", Proxy.HaProxy),
            ("unary cpu", "http-http", Proxy.Yarp), ("stream cpu/token", "http-http", Proxy.Yarp),
        ])
        {
            var of = rows.FirstOrDefault(r => r.Name == $"{what} {path} {who} us");
            var to = rows.FirstOrDefault(r => r.Name == $"{what} http-http {Proxy.Nginx} us");
            if (of is not null && to is not null)
                yield return BenchRatio.From($"{what} {path} {who}/{Proxy.Nginx}", of, to);
        }
    }
}
