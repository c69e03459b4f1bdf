namespace Chasqui.OllamaDouble;

/// <summary>Counts, and wakes those who wait for a count.</summary>
internal sealed class DoubleCounters
{
    public long Requests, InFlight, MaxInFlight, Computing, MaxComputing, WaitingForSlot, Loading, PendingLoads;
    public long SlotWaits, Loads, Reloads, AbortedLoads, Unloads, Completions, Cancelled, Busy, Faults, Errors, Tokens, WarmBlocks, ColdBlocks;

    private int _waiters;
    private TaskCompletionSource _pulse = New();

    public void Add(ref long counter, long by = 1)
    {
        Interlocked.Add(ref counter, by);
        Changed();
    }

    public void Set(ref long counter, long value)
    {
        Interlocked.Exchange(ref counter, value);
        Changed();
    }

    /// <summary>Adds one, and keeps the highest that was seen.</summary>
    public void Enter(ref long counter, ref long highest)
    {
        var now = Interlocked.Increment(ref counter);
        for (var seen = Volatile.Read(ref highest); now > seen; seen = Volatile.Read(ref highest))
            Interlocked.CompareExchange(ref highest, now, seen);
        Changed();
    }

    public void Changed()
    {
        if (Volatile.Read(ref _waiters) > 0)
            Interlocked.Exchange(ref _pulse, New()).TrySetResult();
    }

    /// <summary>Evaluates <paramref name="met"/> after each change until it is true.</summary>
    public async Task WaitAsync(Func<bool> met, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _waiters);
        try
        {
            for (; ; )
            {
                var pulse = Volatile.Read(ref _pulse);
                if (met())
                    return;
                await pulse.Task.WaitAsync(cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiters);
        }
    }

    public void Reset()
    {
        MaxInFlight = InFlight;
        MaxComputing = Computing;
        Requests = SlotWaits = Loads = Reloads = AbortedLoads = Unloads = Completions = Cancelled = Busy = Faults = Errors = Tokens = WarmBlocks = ColdBlocks = 0;
        Changed();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
