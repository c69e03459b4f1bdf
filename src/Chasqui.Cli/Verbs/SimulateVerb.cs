using System.CommandLine;
using Chasqui.Gateway;
using Chasqui.Simulation;

namespace Chasqui.Cli;

/// <summary><c>simulate</c>: the scheduler over a trace, in virtual time.</summary>
internal static class SimulateVerb
{
    private const int MostNodes = 10_000;

    private static readonly Option<string> _trace = new("--trace") { Description = "The trace: CSV or lines of JSON (docs/simulate.md; default: a made-up sample that comes with the program)", HelpName = "FILE" };
    private static readonly Option<string> _nodes = new("--nodes") { Description = "Nodes: COUNT, COUNTxSLOTS or COUNTxSLOTS@MEMORY (default 1x4@24GB)", HelpName = "NODES" };
    private static readonly Option<string[]> _models = new("--models") { Description = "A model and its costs: NAME:size=5GB,load=8s,prompt=2000,decode=30,share=1; may be given again", HelpName = "MODEL" };
    private static readonly Option<int?> _callers = new("--callers") { Description = "Callers among whom requests are drawn that name none (default 10)", HelpName = "N", CustomParser = ParseErrors.Number<int>("--callers") };
    private static readonly Option<double?> _speed = new("--speed") { Description = "How much faster than recorded requests come (default 1)", HelpName = "X", CustomParser = ParseErrors.Number<double>("--speed") };
    private static readonly Option<int?> _limit = new("--limit") { Description = "Requests to take from the trace", HelpName = "N", CustomParser = ParseErrors.Number<int>("--limit") };
    private static readonly Option<string> _target = new("--target") { Description = "A request is good whose first token comes within this (default 10s)", HelpName = "TIME" };
    private static readonly Option<string> _maxWait = new("--max-wait") { Description = "Whoever would wait longer is refused (default 5m)", HelpName = "TIME" };
    private static readonly Option<string> _swapBound = new("--swap-bound") { Description = "How long models in memory come first (default 5s)", HelpName = "TIME" };
    private static readonly Option<string> _find = new("--find-nodes") { Description = "Find the smallest number of nodes with which 99 of 100 requests wait at most this long, and none is refused", HelpName = "TIME" };
    private static readonly Option<int?> _seed = new("--seed") { Description = "Decides whatever is drawn (default 1)", HelpName = "N", CustomParser = ParseErrors.Number<int>("--seed") };

    public static Command Build(CliContext context)
    {
        var command = new Command("simulate", "Run the scheduler over a trace in virtual time: waits, swaps, fairness, and how many nodes it takes")
        {
            _trace, _nodes, _models, _callers, _speed, _limit, _target, _maxWait, _swapBound, _find, _seed,
        };
        command.SetAction((parsed, _) => RunAsync(context, parsed));
        return command;
    }

    private static async Task<int> RunAsync(CliContext context, ParseResult parsed)
    {
        var plan = Plan(parsed);
        var path = parsed.GetValue(_trace);
        if (path is null)
        {
            path = Path.Combine(AppContext.BaseDirectory, "Samples", "sample-trace.csv");
            context.Console.Remark("No --trace was given, so this is the sample that comes with Chasqui: 600 made-up requests of three callers.");
        }
        var limit = parsed.GetValue(_limit) is { } most ? AtLeast("--limit", most, 1, int.MaxValue) : int.MaxValue;
        var bound = parsed.GetValue(_find) is { } text ? Time("--find-nodes", text) : (TimeSpan?)null;
        using var scope = context.Interrupts.Begin();
        var simulate = new Simulation(context.Console, path, limit, scope.Token);
        try
        {
            // A search reads the trace once for all its runs.
            var result = await Task.Run(() => bound is { } within ? simulate.Find(ref plan, within, MostNodes) : simulate.Run(plan), scope.Token);
            if (result is null)
                throw new CliException(FormattableString.Invariant($"even {MostNodes} nodes are too few"));
            if (parsed.GetValue(GlobalOptions.Json))
                context.Console.Out.WriteLine(SimulationReport.ToJson(plan, result));
            else
                SimulationReport.Write(context.Console, plan, result);
            return ExitCodes.Success;
        }
        catch (FormatException e)
        {
            throw new UsageException(e.Message);
        }
    }

    private static SimulationPlan Plan(ParseResult parsed)
    {
        var queue = new QueueOptions { MaxWaiting = 1_000_000, MaxWaitingPerCaller = 1_000_000 };
        if (parsed.GetValue(_maxWait) is { } wait)
            queue = queue with { MaxWait = Time("--max-wait", wait) };
        if (parsed.GetValue(_swapBound) is { } swap)
            queue = queue with { SwapBound = Time("--swap-bound", swap) };
        var plan = new SimulationPlan
        {
            Models = Named("--models", () => (parsed.GetValue(_models) is { Length: > 0 } models ? models : ["model"]).Select(PlanText.Model).ToList()),
            Callers = AtLeast("--callers", parsed.GetValue(_callers) ?? 10, 1, 1_000_000),
            Speed = parsed.GetValue(_speed) ?? 1,
            Target = parsed.GetValue(_target) is { } target ? Time("--target", target).TotalSeconds : 10,
            Seed = parsed.GetValue(_seed) ?? 1,
            Queue = queue,
        };
        if (!(plan.Speed is >= 0.001 and <= 1000))
            throw new UsageException(FormattableString.Invariant($"--speed is {plan.Speed}, but must be from 0.001 to 1000"));
        if (plan.Models.GroupBy(model => model.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new UsageException($"--models names \"{twice.Key}\" twice");
        return parsed.GetValue(_nodes) is { } nodes ? Named("--nodes", () => PlanText.Nodes(plan, nodes)) : plan;
    }

    private static T Named<T>(string option, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (FormatException e)
        {
            throw new UsageException($"{option} {e.Message}");
        }
    }

    private static TimeSpan Time(string option, string text) => TimeText.Parse(option, text) is var time && time > TimeSpan.Zero
        ? time : throw new UsageException($"{option} is '{text}', but must be a time like 500ms, 30s or 10m");

    private static int AtLeast(string option, int value, int low, int high) => value >= low && value <= high
        ? value : throw new UsageException(FormattableString.Invariant($"{option} is {value}, but must be from {low} to {high}"));

    /// <summary>Runs, and tells how far it is.</summary>
    private sealed class Simulation(CliConsole console, string path, int limit, CancellationToken cancellationToken) : IProgress<int>
    {
        private int _told;

        public SimulationResult Run(SimulationPlan plan) => Simulator.Run(TraceFormat.Read(path, limit), plan, this, cancellationToken);

        public SimulationResult? Find(ref SimulationPlan plan, TimeSpan bound, int most)
        {
            var trace = TraceFormat.Read(path, limit).ToList();
            var searched = plan;
            var found = Search.Find(most, nodes =>
            {
                _told = 0;
                var result = Simulator.Run(trace, searched with { Nodes = nodes }, this, cancellationToken);
                console.Remark(FormattableString.Invariant(
                    $"{nodes} node{(nodes == 1 ? "" : "s")}: 99 of 100 wait at most {result.Wait.P99:0.00} s, {result.Requests - result.Served} refused, {result.Utilization:0%} of the slots' time used"));
                return result;
            }, result => result.Wait.P99 <= bound.TotalSeconds && result.Served == result.Requests);
            if (found is not { } enough)
                return null;
            plan = plan with { Nodes = enough.Nodes };
            return enough.Result;
        }

        public void Report(int value)
        {
            // A line for each quarter of a million is no flood.
            if (value - _told < 250_000)
                return;
            _told = value;
            console.Remark(FormattableString.Invariant($"{value} requests…"));
        }
    }
}
