using System.Diagnostics;

namespace Chasqui.Bench.Hostile;

/// <summary>Attacks mixed at random, and beside them a caller who does nothing wrong: how long it waits, whether anything fails, and how much memory the gateway takes and gives back.</summary>
internal sealed class HostileScenario : IBenchScenario
{
    private const double StepSeconds = 8;

    // The machine may have more to do at one time than at another: so often the caller is alone in between.
    private const int StepsBetween = 3;

    private static readonly TimeSpan _settling = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _alone = TimeSpan.FromSeconds(6);

    // Attacks of one step.
    private const int MostAtOnce = 3;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _rest = TimeSpan.FromMinutes(1);

    public string Name => "hostile";

    public string Description => "attacks over HTTP and MCP/1, mixed at random: what a caller beside them notices, and the gateway's memory";

    public bool AttacksGateway => true;

    public async Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        IReadOnlyList<string> attacks = options.Attack is not { } one ? AttackNames.All
            : AttackNames.All.Contains(one) ? [one]
            : throw new IOException($"there is no attack '{one}', but {string.Join(", ", AttackNames.All)}");
        var seed = options.Seed ?? Random.Shared.Next(1, 1_000_000);
        // Both sides of an odd and an even seed are worth a run: Unix socket, TCP.
        var unix = seed % 2 == 1;
        progress.Report($"seed {seed}; MCP/1 over {(unix ? "a Unix socket" : "TCP")} and WebSocket");
        using var set = await HostileSet.StartAsync(unix, ProcessPriorityClass.Idle, cancellationToken).ConfigureAwait(false);
        var run = new HostileRun(set, progress);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var caller = new HealthyCaller(set.Http, set.Wire, set.HealthyKey, _patience);
        await using var disposed = caller.ConfigureAwait(false);
        var calling = caller.RunAsync(stop.Token);
        progress.Report("warming up");
        await Task.Delay(TimeSpan.FromSeconds(5), cancellationToken).ConfigureAwait(false);
        caller.Take();
        progress.Report("the healthy caller alone");
        await Task.Delay(_alone, cancellationToken).ConfigureAwait(false);
        run.Begin(caller.Take());

        var random = new Random(seed);
        var waiting = new Queue<string>();
        var clock = Stopwatch.StartNew();
        for (var step = 1; clock.Elapsed < TimeSpan.FromMinutes(options.Minutes); step++)
        {
            // Like a deck of cards: each comes once before any comes again.
            if (waiting.Count == 0)
                waiting = new Queue<string>(attacks.OrderBy(_ => random.Next()));
            var chosen = new List<string>();
            for (var count = random.Next(1, MostAtOnce + 1); chosen.Count < count && waiting.TryDequeue(out var attack);)
                chosen.Add(attack);
            await run.StepAsync(chosen, StepSeconds, random.Next(), caller, cancellationToken).ConfigureAwait(false);
            if (step % StepsBetween != 0)
                continue;
            // What was under way belongs to the attacks.
            await Task.Delay(_settling, cancellationToken).ConfigureAwait(false);
            run.Attacked(caller.Take());
            await Task.Delay(_alone, cancellationToken).ConfigureAwait(false);
            run.Alone(caller.Take());
        }
        await stop.CancelAsync().ConfigureAwait(false);
        await calling.ConfigureAwait(false);
        run.Attacked(caller.Take());
        progress.Report("a minute without attacks");
        await Task.Delay(_rest, cancellationToken).ConfigureAwait(false);
        return run.Report(Name, seed);
    }
}
