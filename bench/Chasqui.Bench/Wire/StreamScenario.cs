namespace Chasqui.Bench.Wire;

/// <summary>256 streams of tokens at once: as fast as they go, and at the pace of a model that decodes them in batches.</summary>
internal sealed class StreamScenario : IBenchScenario
{
    private const string Ours = "mcp";
    private const int Streams = 256;

    private static readonly string[] _kinds = [Ours, "grpc", "ndjson", "sse"];

    public string Name => "stream";

    public string Description => "256 streams of tokens over MCP/1, gRPC, Ollama-like lines and OpenAI-like events: speed, processor time, bytes";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        using var peers = new PeerSet();
        var table = new SampleTable();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var shape in new[] { LoadShape.FreeStream, LoadShape.PacedStream })
            {
                foreach (var kind in _kinds)
                {
                    var paced = shape == LoadShape.PacedStream;
                    progress.Report($"round {round} of {options.Rounds}: {Streams} streams {(paced ? "at 49 tokens a second" : "running freely")}, {kind}");
                    var pair = await peers.GetAsync(kind, cancellationToken).ConfigureAwait(false);
                    var sample = await pair.MeasureAsync(new PeerLoad(shape, 1, Streams), WireScenario.WarmUp(round), options.Seconds, cancellationToken)
                        .ConfigureAwait(false);
                    var name = paced ? "stream paced" : $"stream {Streams}";
                    table.Add($"{name} tok/s {kind}", "tok/s", sample.Rate);
                    table.Add($"{name} cpu {kind}", "µs/token", sample.Cpu);
                    table.Add($"{name} bytes {kind}", "bytes/token", sample.Bytes);
                }
            }
        }

        return new BenchReport(Name, BenchMachine.Current(), table.Rows, [.. Ratios(table)]);
    }

    private static IEnumerable<BenchRatio> Ratios(SampleTable table)
    {
        foreach (var kind in _kinds.Where(k => k != Ours))
        {
            yield return table.Ratio($"stream {Streams} tok/s", Ours, kind);
            yield return table.Ratio("stream paced cpu", kind, Ours);
            yield return table.Ratio("stream paced bytes", kind, Ours);
        }
    }
}
