using System.Globalization;
using Chasqui.Bench.Sched;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Hostile;

/// <summary>What is noted while a gateway is attacked.</summary>
/// <param name="set">The gateway.</param>
/// <param name="progress">Told of each step.</param>
internal sealed class HostileRun(HostileSet set, IProgress<string> progress)
{
    private const double ErrorsShown = 20;

    private static readonly TimeSpan _sampling = TimeSpan.FromMilliseconds(250);

    private readonly List<double> _alone = [];
    private readonly List<double> _attacked = [];
    private ResidentMemory _idle;
    private ResidentMemory _most;
    private long _operations;
    private int _errors;
    private int _steps;

    /// <summary>Before the first attack.</summary>
    public void Begin(IReadOnlyList<HealthyCall> calls)
    {
        _most = _idle = set.Memory();
        Alone(calls);
    }

    /// <summary>While no attack runs.</summary>
    public void Alone(IReadOnlyList<HealthyCall> calls)
    {
        Note(calls, _alone);
        var memory = set.Memory();
        progress.Report(Text($"alone: {calls.Count} calls, p99 {Quantile.Of(calls.Select(call => call.Milliseconds), 0.99):0} ms; gateway {memory.Gateway:0} MiB, worker {memory.Worker:0} MiB"));
    }

    /// <summary>Some attacks at once, for a while.</summary>
    public async Task StepAsync(IReadOnlyList<string> attacks, double seconds, int seed, HealthyCaller caller, CancellationToken cancellationToken)
    {
        var attacking = set.AttackAsync(attacks, seconds, seed, cancellationToken);
        var most = set.Memory();
        while (!attacking.IsCompleted)
        {
            await Task.WhenAny(attacking, Task.Delay(_sampling, cancellationToken)).ConfigureAwait(false);
            most = ResidentMemory.Most(most, set.Memory());
        }
        var operations = await attacking.ConfigureAwait(false);
        var calls = caller.Take();
        _operations += operations;
        _most = ResidentMemory.Most(_most, most);
        Note(calls, _attacked);
        var times = calls.Select(call => call.Milliseconds).ToList();
        var noticed = Text($"healthy {calls.Count} calls, p99 {Quantile.Of(times, 0.99):0} ms, longest {times.DefaultIfEmpty().Max():0} ms");
        progress.Report(Text($"step {++_steps}: {string.Join(" + ", attacks)} (seed {seed}): {operations} times; {noticed}; gateway {most.Gateway:0} MiB, worker {most.Worker:0} MiB"));
    }

    /// <summary>The calls that were under way when attacks ended.</summary>
    public void Attacked(IReadOnlyList<HealthyCall> calls) => Note(calls, _attacked);

    /// <summary>The figures, a minute after the last attack.</summary>
    public BenchReport Report(string scenario, int seed)
    {
        var later = set.Memory();
        var table = new SampleTable();
        table.Add("seed", "", seed);
        table.Add("attacks", "times", _operations);
        table.Add("healthy calls", "calls", _alone.Count + _attacked.Count);
        table.Add("healthy caller errors", "calls", _errors);
        table.Add("p50 alone", "ms", Quantile.Of(_alone, 0.5));
        table.Add("p50 under attack", "ms", Quantile.Of(_attacked, 0.5));
        table.Add("p99 alone", "ms", Quantile.Of(_alone, 0.99));
        table.Add("p99 under attack", "ms", Quantile.Of(_attacked, 0.99));
        table.Add("longest under attack", "ms", _attacked.DefaultIfEmpty().Max());
        table.Add("memory idle mb", "MiB", _idle.Gateway);
        table.Add("memory over idle mb", "MiB", _most.Gateway - _idle.Gateway);
        table.Add("memory a minute later mb", "MiB", later.Gateway - _idle.Gateway);
        table.Add("worker memory idle mb", "MiB", _idle.Worker);
        table.Add("worker memory over idle mb", "MiB", _most.Worker - _idle.Worker);
        table.Add("worker memory a minute later mb", "MiB", later.Worker - _idle.Worker);
        return new BenchReport(scenario, BenchMachine.Current(), table.Rows, [table.Ratio("p99", "under attack", "alone")]);
    }

    private void Note(IReadOnlyList<HealthyCall> calls, List<double> times)
    {
        times.AddRange(calls.Select(call => call.Milliseconds));
        foreach (var call in calls.Where(call => call.Error is not null))
        {
            if (++_errors <= ErrorsShown)
                progress.Report($"healthy caller: {call.Error}");
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
