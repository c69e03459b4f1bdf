using System.Diagnostics;
using Chasqui.Bench.Wire;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Attacks a gateway when it is told to.</summary>
internal static class AttackPeer
{
    /// <param name="priority">Strangers attack from machines of their own: at a low priority what they do takes little processor time from the gateway.</param>
    /// <param name="target">The gateway.</param>
    /// <param name="control">The parent.</param>
    public static async Task<int> RunAsync(ProcessPriorityClass priority, AttackTarget target, Control control)
    {
        using (var own = Process.GetCurrentProcess())
            own.PriorityClass = priority;
        await control.SayAsync(new PeerAnswer());
        await control.RunAsync(async command => command.Verb == PeerVerb.Attack && command.Attacks is { } names
            ? new PeerAnswer { Operations = await AttackAsync(target, names, command.Seconds, command.Seed) }
            : throw new InvalidOperationException($"attackers do not know {command.Verb}"));
        Environment.Exit(0);
        return 0;
    }

    private static async Task<long> AttackAsync(AttackTarget target, IReadOnlyList<string> names, double seconds, int seed)
    {
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var runs = names.Select((name, i) => (Attack: AttackTable.Find(name), Run: new AttackRun(target, seed + i, end.Token))).ToList();
        try
        {
            await Task.WhenAll(runs.Select(pair => Task.Run(() => pair.Attack(pair.Run))));
        }
        finally
        {
            foreach (var (_, run) in runs)
                run.Dispose();
        }
        return runs.Sum(pair => pair.Run.Count);
    }
}
