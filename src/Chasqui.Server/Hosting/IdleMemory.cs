using Chasqui.Protocol;
using Microsoft.Extensions.Hosting;

namespace Chasqui.Server;

/// <summary>
/// Gives memory back to the system when a gateway that was busy is calm again. The garbage collector runs when something is allocated, so what streams, sessions and kept answers have
/// left would stay for as long as little happens.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="allocated">Bytes that were ever allocated; null for those of this process.</param>
/// <param name="resident">Bytes in memory; null for those of this process.</param>
/// <param name="collect">Collects all garbage; null for that of this process.</param>
internal sealed class IdleMemory(TimeProvider time, Func<long>? allocated = null, Func<long>? resident = null, Action? collect = null) : IHostedService, IDisposable
{
    /// <summary>How often it looks.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>It is calm where no more is allocated between two looks: a few requests a second.</summary>
    internal const long Calm = 16 << 20;

    /// <summary>So much more than after the last time is worth a collection, for which all threads wait some 20 ms.</summary>
    internal const long Much = 32 << 20;

    /// <summary>So many calm looks follow each other before it is done.</summary>
    internal const int CalmLooks = 10;

    private readonly Func<long> _allocated = allocated ?? (static () => GC.GetTotalAllocatedBytes());
    private readonly Func<long> _resident = resident ?? (static () => Environment.WorkingSet);
    private readonly Action _collect = collect ?? GiveBack;
    private ITimer? _timer;
    private long _before;
    private long _after;
    private int _calm;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _after = _resident();
        _timer = time.CreateBackgroundTimer("memory: give back what is idle", static memory => memory.Look(), this, Interval, Interval);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        return Task.CompletedTask;
    }

    public void Dispose() => _timer?.Dispose();

    /// <summary>Collects all garbage, with the arrays that wait for their next use, and gives the memory back to the system.</summary>
    internal static void GiveBack()
    {
        ByteArrays.Trim();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private void Look()
    {
        var now = _allocated();
        _calm = now - _before <= Calm ? _calm + 1 : 0;
        _before = now;
        if (_calm < CalmLooks)
            return;
        _calm = 0;
        var resident = _resident();
        // What was given back otherwise may come again.
        _after = Math.Min(_after, resident);
        if (resident - _after < Much)
            return;
        _collect();
        _after = _resident();
    }
}
