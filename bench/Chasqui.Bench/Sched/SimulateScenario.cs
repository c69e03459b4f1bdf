using System.Globalization;
using Chasqui.Bench.Wire;
using Chasqui.Gateway;
using Chasqui.Simulation;

namespace Chasqui.Bench.Sched;

/// <summary>The same requests through a real gateway and through <c>chasqui simulate</c>: whether the simulation can be believed.</summary>
internal sealed class SimulateScenario : IBenchScenario
{
    private const int Slots = 4;
    private const int Requests = 150;
    private const double Within = 10;
    private const double LoadSeconds = 0.5;
    private const double TokenSeconds = 0.02;
    // An answer that begins before its slot is there cannot tell in its headers how long it waited.
    private const string Quiet = """, "Routing": { "KeepAliveInterval": "10m" }""";
    private const string Real = "real";
    private const string Simulated = "simulated";

    // A token takes 20 ms and an answer 10 to 30 of them, so that a node serves 10 requests a second, and has to load one model for another.
    private static readonly string _script = string.Create(CultureInfo.InvariantCulture,
        $$"""{"models":[{"name":"bench-a","answerTokens":100},{"name":"bench","answerTokens":100}],"numParallel":{{Slots}},"maxLoadedModels":1,"loadMilliseconds":{{LoadSeconds * 1000}},"tokenMilliseconds":{{TokenSeconds * 1000}},"recordedRequests":0}""");

    private static readonly Case[] _cases =
    [
        new("one model", 1, ["bench"], [null, "interactive", "batch"]),
        new("swaps", 1, ["bench", "bench-a"], [null]),
    ];

    public string Name => "simulate";

    public string Description => "the same trace through a real gateway and through chasqui simulate: the waits side by side";

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        var table = new SampleTable();
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1_000 }) { Timeout = TimeSpan.FromMinutes(10) };
        progress.Report("measuring what a token and a load take");
        var (token, load) = await CostsAsync(http, cancellationToken).ConfigureAwait(false);
        table.Add("token ms", "ms", token * 1000);
        table.Add("load ms", "ms", load * 1000);
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var one in _cases)
            {
                progress.Report($"round {round} of {options.Rounds}: {Requests} requests, {one.Name}");
                // Nobody has been served before, as in the simulation.
                using var set = await NodeSet.StartAsync(one.Nodes, _script, $$""", "Slots": {{Slots}}, "MaxModels": 1""", Quiet, cancellationToken).ConfigureAwait(false);
                Arrival[] arrivals = [.. Arrivals(one, new Random(round)).OrderBy(arrival => arrival.At)];
                await http.GetStringAsync(new Uri(set.Gateway, "api/tags"), cancellationToken).ConfigureAwait(false);
                var departures = await OpenLoad.RunAsync(http, set.Gateway, arrivals, cancellationToken).ConfigureAwait(false);
                if (departures.FirstOrDefault(departure => !departure.IsServed) is { } failed)
                    throw new IOException($"a request was answered with status {failed.Status}");
                double loads = 0;
                for (var node = 0; node < one.Nodes; node++)
                    loads += await set.CountAsync(http, node, "loads", cancellationToken).ConfigureAwait(false);
                var result = Simulate(one, arrivals, token, load);
                Add(table, one.Name, Real, departures.Average(departure => departure.Waited), Wait(departures, 0.5), Wait(departures, 0.9), loads, departures.Max(departure => departure.EndedAt));
                Add(table, one.Name, Simulated, result.Wait.Mean, result.Wait.P50, result.Wait.P90, result.Loads, result.Seconds);
            }
        }
        return new BenchReport(Name, BenchMachine.Current(), table.Rows,
            [.. _cases.SelectMany(one => (string[])["mean", "p50", "p90"], (one, name) => table.Ratio($"wait {name} s, {one.Name},", Simulated, Real))]);
    }

    private static double Wait(IReadOnlyList<Departure> departures, double share) => Quantile.Of(departures.Select(departure => departure.Waited), share);

    private static void Add(SampleTable table, string name, string from, double mean, double p50, double p90, double loads, double seconds)
    {
        table.Add($"wait mean s, {name}, {from}", "s", mean);
        table.Add($"wait p50 s, {name}, {from}", "s", p50);
        table.Add($"wait p90 s, {name}, {from}", "s", p90);
        table.Add($"loads, {name}, {from}", "loads", loads);
        table.Add($"finished after s, {name}, {from}", "s", seconds);
    }

    /// <summary>Seconds of a token and of a load, of a node with nothing else to do: what an operator would measure to tell the simulation of his models.</summary>
    private static async Task<(double Token, double Load)> CostsAsync(HttpClient http, CancellationToken cancellationToken)
    {
        const int Tokens = 20;
        using var set = await NodeSet.StartAsync(1, _script, $$""", "Slots": {{Slots}}, "MaxModels": 1""", Quiet, cancellationToken).ConfigureAwait(false);
        // What runs for the first time takes longer for reasons that are not the model's.
        await OneAsync("bench").ConfigureAwait(false);
        await OneAsync("bench-a").ConfigureAwait(false);
        var cold = await OneAsync("bench").ConfigureAwait(false);
        List<double> warm = [];
        for (var i = 0; i < 7; i++)
            warm.Add(await OneAsync("bench").ConfigureAwait(false));
        var answer = Quantile.Of(warm, 0.5);
        return (answer / Tokens, cold - answer);

        async Task<double> OneAsync(string model) =>
            (await OpenLoad.RunAsync(http, set.Gateway, [new Arrival(0, model, Tokens, Streams: true)], cancellationToken).ConfigureAwait(false))[0].Seconds;
    }

    private static SimulationResult Simulate(Case one, IEnumerable<Arrival> arrivals, double token, double load) => Simulator.Run(
        arrivals.Select(arrival => new TraceRequest
        {
            At = arrival.At,
            Model = arrival.Model,
            Caller = "anonymous",
            Priority = arrival.Priority is { } priority ? Enum.Parse<PriorityClass>(priority, ignoreCase: true) : PriorityClass.Normal,
            PromptTokens = 4,
            OutputTokens = arrival.Tokens,
        }),
        new SimulationPlan
        {
            Nodes = one.Nodes,
            Slots = Slots,
            Memory = 1,
            Models = [.. one.Models.Select(name => new SimulatedModel { Name = name, Bytes = 1, LoadSeconds = load, PromptRate = 1e6, DecodeRate = 1 / token })],
        });

    private static IEnumerable<Arrival> Arrivals(Case one, Random random) => Enumerable.Range(0, Requests).Select(_ => new Arrival(
        random.NextDouble() * Within, one.Models[random.Next(one.Models.Length)], random.Next(10, 31), one.Priorities[random.Next(one.Priorities.Length)], Streams: true));

    private sealed record Case(string Name, int Nodes, string[] Models, string?[] Priorities);
}
