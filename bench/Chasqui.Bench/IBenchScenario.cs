namespace Chasqui.Bench;

/// <summary>A measurement that <c>chasqui bench NAME</c> runs.</summary>
public interface IBenchScenario
{
    /// <summary>The name on the command line.</summary>
    string Name { get; }

    /// <summary>One line on what is measured.</summary>
    string Description { get; }

    /// <summary>Whether it takes <see cref="BenchOptions.Attack"/>, <see cref="BenchOptions.Minutes"/> and <see cref="BenchOptions.Seed"/> in the place of rounds and seconds.</summary>
    bool AttacksGateway => false;

    /// <summary>Runs it. Rounds are interleaved (A B A B …), so that a machine that slows down slows all of them.</summary>
    /// <param name="options">How long and how often.</param>
    /// <param name="progress">Told in one line what runs now.</param>
    /// <param name="cancellationToken">Stops it within a step.</param>
    Task<BenchReport> RunAsync(BenchOptions options, IProgress<string> progress, CancellationToken cancellationToken);
}

/// <summary>How long and how often a scenario measures.</summary>
public sealed record BenchOptions
{
    /// <summary>Rounds, 1 to 1000. Default 3.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>Seconds of each measurement in a round, 0.2 to 3600. Default 4.</summary>
    public double Seconds { get; init; } = 4;

    /// <summary>How long a gateway is attacked, in minutes, 0.1 to 1440. Default 10.</summary>
    public double Minutes { get; init; } = 10;

    /// <summary>The one attack that is made; null, the default, for all of them, mixed at random.</summary>
    public string? Attack { get; init; }

    /// <summary>What decides about the mix; null, the default, for one that is made up.</summary>
    public int? Seed { get; init; }
}

/// <summary>The scenarios there are.</summary>
public static class BenchScenarios
{
    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<IBenchScenario> All { get; } =
    [
        new Engine.EngineScenario(),
        new Wire.WireScenario(),
        new Wire.StreamScenario(),
        new Wire.IdleScenario(),
        new Proxy.ProxyScenario(),
        new Route.RouteScenario(),
        new Sched.SchedScenario(),
        new Sched.SwapScenario(),
        new Sched.SimulateScenario(),
        new Sessions.SessionsScenario(),
        new Sessions.EventsScenario(),
        new Sessions.CrashScenario(),
        new Sessions.ResumeScenario(),
        new Merge.BatchScenario(),
        new Merge.CacheScenario(),
        new Hostile.HostileScenario(),
    ];
}
