namespace Chasqui.Gateway.Shaping;

/// <summary>
/// Bounds the bytes of request bodies that are held in memory: of all callers together, and of each one. What does not fit waits a little for room, and is refused then.
/// Follows the settings; thread-safe, and without a lock.
/// </summary>
/// <param name="settings">Has the limits.</param>
/// <param name="largest">Bytes that the largest request takes that may come at all. Each caller may have one such beside what it may hold else.</param>
/// <param name="refusals">Counts what is refused.</param>
/// <param name="time">For the wait.</param>
public sealed class ByteBudget(IGatewaySettings settings, long largest, RefusalCounts refusals, TimeProvider time)
{
    private const long UsualBytes = 384L << 20;

    // Those who hold little have the last eighth to themselves: a few who hold much do not stop all others.
    private const long Little = 2 << 20;
    private const int LastShare = 8;
    private const int CallerShare = 4;

    private static readonly TimeSpan _again = TimeSpan.FromSeconds(1);
    private static readonly long _default = Math.Min(UsualBytes, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4);

    private TaskCompletionSource _freed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _held;
    private long _peak;
    private int _waiting;

    /// <summary>Bytes that are held now.</summary>
    public long Held => Volatile.Read(ref _held);

    /// <summary>The most that all callers together may hold.</summary>
    public long Most => Math.Max(Options.BodyBytes ?? _default, largest);

    /// <summary>The most that one caller may hold, beside its one largest body.</summary>
    public long MostOfCaller => Options.BodyBytesPerCaller ?? Most / CallerShare;

    private LoadOptions Options => settings.Current.Limits.Load;

    /// <summary>Called after each change of <see cref="Held"/>, by whom changes it. It must be quick, and not throw.</summary>
    public Action? Changed { get; set; }

    /// <summary>Called with the bytes of each large body that is held no longer, which are garbage then. It must not throw.</summary>
    public Action<long>? LeftGarbage { get; set; }

    /// <summary>The most that was held since this was asked last.</summary>
    public long TakePeak() => Interlocked.Exchange(ref _peak, Held);

    /// <summary>Takes bytes, if they are there.</summary>
    public bool TryTake(CallerLoad load, long bytes)
    {
        ArgumentNullException.ThrowIfNull(load);
        return TryTake(load, bytes, MostOfCaller);
    }

    /// <summary>Takes bytes that have come already, whether they are within the limits or not.</summary>
    /// <returns>Whether they are.</returns>
    public bool Take(CallerLoad load, long bytes)
    {
        ArgumentNullException.ThrowIfNull(load);
        var own = load.AddBytes(bytes);
        var all = Interlocked.Add(ref _held, bytes);
        NotePeak(all);
        Changed?.Invoke();
        return own <= MostOfCaller && all <= MostFor(own);
    }

    /// <summary>Whether the caller holds no more than it may, and all together neither.</summary>
    public bool IsWithin(CallerLoad load)
    {
        ArgumentNullException.ThrowIfNull(load);
        var own = load.Bytes;
        return own <= MostOfCaller && Held <= MostFor(own);
    }

    /// <summary>Gives bytes back.</summary>
    public void Return(CallerLoad load, long bytes)
    {
        ArgumentNullException.ThrowIfNull(load);
        load.AddBytes(-bytes);
        Interlocked.Add(ref _held, -bytes);
        Changed?.Invoke();
        if (Volatile.Read(ref _waiting) > 0)
            Interlocked.Exchange(ref _freed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    /// <summary>The refusal of a body for which there is no room; it is counted.</summary>
    public EngineException Refusal(CallerLoad load, Caller caller, long bytes) => Refusal(load, caller, bytes, MostOfCaller);

    private EngineException Refusal(CallerLoad load, Caller caller, long bytes, long mostOfCaller)
    {
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(caller);
        if (load.Bytes + bytes > mostOfCaller)
        {
            refusals.Add(RefusalReason.CallerBodyBytes);
            return new RateLimitedException(FormattableString.Invariant(
                $"{CallerLoads.NameOf(caller)} holds {load.Bytes} bytes of request bodies, and may hold {MostOfCaller} at a time (Limits:BodyBytesPerCaller); try again when a request has ended"), false, _again);
        }
        refusals.Add(RefusalReason.BodyBytes);
        return new EngineOverloadedException("the gateway holds as many bytes of request bodies as it may (Limits:BodyBytes); try again in 1 s") { RetryAfter = _again };
    }

    private void NotePeak(long held)
    {
        for (var peak = Volatile.Read(ref _peak); held > peak;)
        {
            var seen = Interlocked.CompareExchange(ref _peak, held, peak);
            if (seen == peak)
                return;
            peak = seen;
        }
    }

    private long MostFor(long own)
    {
        var most = Most;
        return own <= Little ? most : Math.Max(most - (most / LastShare), largest);
    }

    /// <summary>Takes bytes for one body, perhaps after a wait.</summary>
    internal async ValueTask WaitAsync(BodyCharge body, long bytes, CancellationToken cancellationToken)
    {
        var (began, patience) = (time.GetTimestamp(), Options.BodyDelay);
        Interlocked.Increment(ref _waiting);
        try
        {
            while (true)
            {
                // Asked for before the next try: what is given back after it completes this one.
                var freed = Volatile.Read(ref _freed).Task;
                if (TryTake(body, bytes))
                    return;
                var left = patience - time.GetElapsedTime(began);
                if (left <= TimeSpan.Zero)
                    throw Refusal(body.Load, body.Caller, bytes, body.IsLargest ? MostOfCaller + largest : MostOfCaller);
                try
                {
                    await freed.WaitAsync(left, time, cancellationToken).ConfigureAwait(false);
                }
                catch (TimeoutException)
                {
                    // One more look, and then the end.
                }
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    internal bool TryTake(BodyCharge body, long bytes) =>
        (!body.IsLargest && TryTake(body.Load, bytes, MostOfCaller)) || (body.TryBeLargest() && TryTake(body.Load, bytes, MostOfCaller + largest));

    private bool TryTake(CallerLoad load, long bytes, long mostOfCaller)
    {
        if (!load.TryAddBytes(bytes, mostOfCaller, out var own))
            return false;
        var most = MostFor(own);
        for (var held = Held; held + bytes <= most;)
        {
            var seen = Interlocked.CompareExchange(ref _held, held + bytes, held);
            if (seen == held)
            {
                NotePeak(held + bytes);
                Changed?.Invoke();
                return true;
            }
            held = seen;
        }
        load.AddBytes(-bytes);
        return false;
    }
}
