using Chasqui.Gateway.Shaping;
using Chasqui.Protocol;
using Microsoft.Extensions.Hosting;

namespace Chasqui.Server;

/// <summary>
/// Gives memory back to the system after many bytes of bodies were held. The garbage collector runs when something is allocated: after a storm, when little is, it would keep what
/// the storm took for as long as the gateway is idle.
/// </summary>
internal sealed class MemoryRelease(ByteBudget budget, TimeProvider time, Action<bool>? collect = null) : IHostedService, IDisposable
{
    /// <summary>How often it looks.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Below this many bytes there is nothing to give back that would be worth a collection.</summary>
    internal const long Much = 32 << 20;

    // All threads wait for a whole collection, some 20 ms for the gateway's usual heap: not while it is busy, and not often.
    private const int QuietLooks = 5;
    private const int LooksBetween = 15;

    // Large arrays become garbage faster than the collector, which waits for a share of the machine's memory, would look for them.
    private const long Garbage = 48 << 20;
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(200);

    private readonly Action<bool> _collect = collect ?? Collect;
    private long _garbage;
    private long _collected;
    private ITimer? _timer;
    private long _most;
    private int _quiet;
    private int _since = LooksBetween;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        budget.LeftGarbage = Left;
        _timer = time.CreateBackgroundTimer("memory: give it back", static release => release.Look(), this, Interval, Interval);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        return Task.CompletedTask;
    }

    public void Dispose() => _timer?.Dispose();

    /// <summary>A large body is held no longer.</summary>
    internal void Left(long bytes)
    {
        // Arrays that wait for their next use are no garbage.
        if (Interlocked.Add(ref _garbage, bytes - ByteArrays.TakeKept()) < Garbage)
            return;
        var (now, last) = (Math.Max(1, time.GetTimestamp()), Volatile.Read(ref _collected));
        if ((last != 0 && time.GetElapsedTime(last, now) < _pause) || Interlocked.CompareExchange(ref _collected, now, last) != last)
            return;
        Interlocked.Exchange(ref _garbage, 0);
        _collect(false);
    }

    internal void Look()
    {
        var peak = budget.TakePeak();
        _most = Math.Max(_most, peak);
        _since = Math.Min(_since + 1, LooksBetween);
        if (_most < Much)
            return;
        if (peak > _most / 4)
        {
            // Bodies come and go: what they leave is collected while requests run, with short pauses only.
            _quiet = 0;
            _collect(false);
            return;
        }
        if (++_quiet < QuietLooks || _since < LooksBetween)
            return;
        (_most, _quiet, _since) = (peak, 0, 0);
        _collect(true);
    }

    private static void Collect(bool whole)
    {
        if (whole)
            IdleMemory.GiveBack();
        else
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);
    }
}
