using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Chasqui.Bench.Engine;
using Chasqui.Bench.Wire;
using Chasqui.Client;
using Chasqui.Doubles;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Bench.Sessions;

/// <summary>What a client sees of an answer whose engine is killed, or whose connections are cut: the longest wait between two updates, and whether the text is what it would have been.</summary>
internal sealed class ResumeScenario : IBenchScenario
{
    private const int KillsARound = 5;
    private const int CutsARound = 1_000;
    private const int Tokens = 96;

    // It has to be long enough to be still under way when the worker dies.
    private const int KilledTokens = 512;

    public string Name => "resume";

    public string Description => "kills the engine's worker and cuts connections under answers, and measures the gap that their client sees";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        var table = new SampleTable();
        var random = new Random(1);
        using var gateway = await SessionGateway.StartAsync(folder => RandomModel.Write(Path.Combine(folder, "bench.gguf"), 1), cancellationToken).ConfigureAwait(false);
        var address = new IPEndPoint(IPAddress.Loopback, gateway.MessagePort);
        await using var direct = new ChasquiClient("tcp://" + address);
        var (expected, _, _) = await AnswerAsync(direct, null, null, cancellationToken).ConfigureAwait(false);
        for (var round = 1; round <= options.Rounds; round++)
        {
            for (var kill = 1; kill <= KillsARound; kill++)
            {
                progress.Report($"round {round} of {options.Rounds}: answer {kill} of {KillsARound}");
                var (text, gap, _) = await AnswerAsync(direct, null, null, cancellationToken).ConfigureAwait(false);
                table.Add("gap undisturbed", "ms", gap);
                table.Add("differ undisturbed", "1", text == expected ? 0 : 1);
                await using var network = new CuttingProxy(address, () => int.MaxValue);
                await using var client = Resuming(network);
                (text, gap, _) = await AnswerAsync(client, true, () => network.CutAsync(), cancellationToken).ConfigureAwait(false);
                table.Add("gap connection cut", "ms", gap);
                table.Add("differ connection cut", "1", text == expected ? 0 : 1);
            }
            for (var kill = 1; kill <= KillsARound; kill++)
            {
                progress.Report($"round {round} of {options.Rounds}: kill {kill} of {KillsARound}");
                await KillAsync(table, cancellationToken).ConfigureAwait(false);
            }
            progress.Report($"round {round} of {options.Rounds}: {CutsARound} cuts");
            await using var lossy = new CuttingProxy(address, () => random.Next(1, 700));
            await using var patient = Resuming(lossy);
            var (answers, wrong) = (0, 0);
            for (; lossy.Cuts < CutsARound; answers++)
                wrong += (await AnswerAsync(patient, true, null, cancellationToken).ConfigureAwait(false)).Text == expected ? 0 : 1;
            table.Add("random cuts", "1", lossy.Cuts);
            table.Add("answers over them", "1", answers);
            table.Add("answers that differ", "1", wrong);
        }
        return new BenchReport(Name, BenchMachine.Current(), table.Rows, [table.Ratio("gap", "worker killed", "undisturbed")]);
    }

    /// <summary>A gateway of its own for each kill: workers that die in turn are started again ever later.</summary>
    private static async Task KillAsync(SampleTable table, CancellationToken cancellationToken)
    {
        using var gateway = await SessionGateway.StartAsync(folder => RandomModel.Write(Path.Combine(folder, "bench.gguf"), 1), cancellationToken).ConfigureAwait(false);
        await using var client = new ChasquiClient("tcp://" + new IPEndPoint(IPAddress.Loopback, gateway.MessagePort));
        var (expected, _, _) = await AnswerAsync(client, null, null, cancellationToken, KilledTokens).ConfigureAwait(false);
        // Looking for it takes as long as a part of an answer.
        using var worker = WorkerOf(gateway.ProcessId);
        var (text, gap, continuations) = await AnswerAsync(client, null, () => Task.Run(worker.Kill, CancellationToken.None), cancellationToken, KilledTokens).ConfigureAwait(false);
        if (continuations != 1)
            throw new IOException($"the worker was killed, but {continuations} others went on with the answer");
        table.Add("gap worker killed", "ms", gap);
        table.Add("differ worker killed", "1", text == expected ? 0 : 1);
    }

    private static ChasquiClient Resuming(CuttingProxy network) => new(new ChasquiClientOptions
    {
        Endpoint = network.Endpoint,
        ConnectAttempts = 100,
        MinBackoff = TimeSpan.FromMilliseconds(1),
        MaxBackoff = TimeSpan.FromMilliseconds(10),
    });

    /// <returns>The text, the longest wait between two updates in milliseconds, and how often another worker went on.</returns>
    private static async Task<(string Text, double Gap, int Continuations)> AnswerAsync(ChasquiClient client, bool? resume, Func<Task>? strike, CancellationToken cancellationToken, int tokens = Tokens)
    {
        var request = new Messages.GenerateRequest
        {
            Model = "bench",
            Prompt = "Once upon a time",
            Common = new() { Options = new() { Temperature = 0, NumPredict = tokens } },
        };
        var (text, gap, count, continuations, last) = (new StringBuilder(), 0.0, 0, 0, 0L);
        await foreach (var update in client.GenerateAsync(request, new CallOptions { Resume = resume }, cancellationToken).ConfigureAwait(false))
        {
            if (last != 0)
                gap = Math.Max(gap, Stopwatch.GetElapsedTime(last).TotalMilliseconds);
            last = Stopwatch.GetTimestamp();
            text.Append(update.Text);
            continuations = update.Result?.Continuations ?? 0;
            if (++count == Tokens / 4 && strike is not null)
                await strike().ConfigureAwait(false);
        }
        return (text.ToString(), gap, continuations);
    }

    private static Process WorkerOf(int gateway)
    {
        var processes = Process.GetProcesses();
        var worker = Array.Find(processes, process => ParentOf(process.Id) == gateway) ?? throw new IOException("the gateway has no worker");
        foreach (var other in processes.Where(process => process != worker))
            other.Dispose();
        return worker;
    }

    /// <summary>The fourth field of /proc/ID/stat; the second one may have spaces.</summary>
    private static int ParentOf(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
