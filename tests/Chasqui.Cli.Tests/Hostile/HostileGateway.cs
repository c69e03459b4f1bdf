using System.Diagnostics;
using Chasqui.Bench.Hostile;

namespace Chasqui.Cli.Tests.Hostile;

/// <summary>The program as it is shipped, serving in a process of its own, with a node behind it and those who attack it in further processes.</summary>
public sealed class HostileGateway : IAsyncLifetime
{
    // A hang, not a figure: an answer takes some 40 ms, and this machine may have much else to do.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    private HostileSet? _set;
    private ResidentMemory _idle;

    /// <summary>Starts it, and lets it serve both ways once, so that all of it is in memory.</summary>
    public async ValueTask InitializeAsync()
    {
        if (!OperatingSystem.IsLinux())
            return;
        _set = await HostileSet.StartAsync(unix: false, ProcessPriorityClass.Normal, TestContext.Current.CancellationToken);
        await using var caller = new HealthyCaller(_set.Http, _set.Wire, _set.HealthyKey, TimeSpan.FromMinutes(1));
        await caller.OnceAsync();
        Assert.All(caller.Take(), call => Assert.Null(call.Error));
        _idle = _set.Memory();
    }

    public ValueTask DisposeAsync()
    {
        _set?.Dispose();
        return default;
    }

    /// <summary>Attacks it, with a caller who does nothing wrong beside.</summary>
    /// <returns>What that caller noticed, and the most memory over what the gateway had when it was idle, in MiB.</returns>
    internal async Task<(long Attacks, IReadOnlyList<HealthyCall> Calls, ResidentMemory OverIdle)> AttackAsync(string attack, double seconds)
    {
        Assert.SkipUnless(_set is not null, "the memory of other programs is read as Linux tells it");
        var cancellation = TestContext.Current.CancellationToken;
        await using var caller = new HealthyCaller(_set.Http, _set.Wire, _set.HealthyKey, _patience);
        var attacking = _set.AttackAsync([attack], seconds, seed: 16, cancellation);
        var most = _set.Memory();
        do
        {
            await caller.OnceAsync();
            most = ResidentMemory.Most(most, _set.Memory());
        }
        while (!attacking.IsCompleted);
        return (await attacking, caller.Take(), new ResidentMemory(most.Gateway - _idle.Gateway, most.Worker - _idle.Worker));
    }
}
