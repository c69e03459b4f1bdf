using System.Globalization;

namespace Chasqui.Bench.Wire;

/// <summary>Memory that a connection costs the server while it does nothing.</summary>
internal sealed class IdleScenario : IBenchScenario
{
    private const string Ours = "mcp";
    private const int Connections = 19_000;

    // Files of a process that are no connections of the measurement.
    private const int OtherFiles = 900;

    public string Name => "idle";

    public string Description => "memory that a connection costs the server while it does nothing, over 19,000 connections";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        var count = Math.Min(Connections, OpenFiles() - OtherFiles);
        if (count < 100)
            throw new IOException($"a process may open only {OpenFiles()} files, too few to measure connections: raise it (ulimit -n)");
        if (count < Connections)
            progress.Report($"{count} connections instead of {Connections}: a process may open only {OpenFiles()} files (ulimit -n)");
        var table = new SampleTable();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var kind in new[] { Ours, "http1-json" })
            {
                progress.Report($"round {round} of {options.Rounds}: {count} connections, {kind}");
                await MeasureAsync(kind, count, options.Seconds, table, cancellationToken).ConfigureAwait(false);
            }
        }

        return new BenchReport(
            Name, BenchMachine.Current(), table.Rows, [BenchRatio.From("idle rss http1-json/mcp", Row(table, "http1-json"), Row(table, Ours))]);
    }

    // Memory does not come back as it was, so each round has processes of its own.
    private static async Task MeasureAsync(string kind, int count, double seconds, SampleTable table, CancellationToken cancellationToken)
    {
        using var pair = await PeerPair.StartAsync(kind, cancellationToken).ConfigureAwait(false);
        await pair.Client.AskAsync(new PeerCommand(PeerVerb.Prepare, new PeerLoad(LoadShape.Idle, count, 1)), cancellationToken).ConfigureAwait(false);
        await pair.Server.AskAsync(new PeerCommand(PeerVerb.Collect), cancellationToken).ConfigureAwait(false);
        var before = pair.Server.Resident;
        var answer = await pair.Client.AskAsync(new PeerCommand(PeerVerb.Run, Seconds: seconds), cancellationToken).ConfigureAwait(false);
        var grown = pair.Server.Resident - before;
        var open = (await pair.Server.AskAsync(new PeerCommand(PeerVerb.Collect), cancellationToken).ConfigureAwait(false)).Operations;
        if (open != answer.Operations)
            throw new IOException($"the server has {open} connections of the {answer.Operations} that were opened");
        table.Add(RowName(kind), "bytes", (double)(pair.Server.Resident - before) / open);
        table.Add(RowName(kind) + " before a collection", "bytes", (double)grown / open);
        table.Add($"idle connections {kind}", "", open);
    }

    private static BenchRow Row(SampleTable table, string kind) => table.Rows.First(r => r.Name == RowName(kind));

    private static string RowName(string kind) => kind == Ours ? "idle rss bytes/connection" : "idle rss bytes/connection " + kind;

    // The runtime raises the soft limit to the hard one by itself.
    private static int OpenFiles()
    {
        const string Limits = "/proc/self/limits";
        if (!File.Exists(Limits))
            return int.MaxValue;
        var hard = File.ReadLines(Limits).First(l => l.StartsWith("Max open files", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[4];
        return int.TryParse(hard, NumberStyles.None, CultureInfo.InvariantCulture, out var files) ? files : int.MaxValue;
    }
}
