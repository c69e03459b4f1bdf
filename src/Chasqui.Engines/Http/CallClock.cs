using System.Globalization;

namespace Chasqui.Engines.Http;

/// <summary>
/// Cancels a request when one of its time-outs runs out. One timer serves them all: progress only notes the time, and the timer looks
/// at that note when it fires.
/// </summary>
internal sealed class CallClock : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly CallLimits _limits;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _source;
    private readonly ITimer _timer;
    private readonly long _start;
    private long _last;
    private bool _begun;
    private bool _disposed;
    private string? _expired;

    public CallClock(TimeProvider time, CallLimits limits, CancellationToken caller)
    {
        _time = time;
        _limits = limits;
        _caller = caller;
        _source = CancellationTokenSource.CreateLinkedTokenSource(caller);
        _start = _last = time.GetTimestamp();
        _timer = time.CreateBackgroundTimer("time-outs of a call", static clock => clock.Look(), this);
        Look();
    }

    /// <summary>Cancelled by the caller or by a time-out.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether the caller gave up, which is told as a cancellation, never as a time-out.</summary>
    public bool CallerLeft => _caller.IsCancellationRequested;

    /// <summary>The caller's own token.</summary>
    public CancellationToken Caller => _caller;

    /// <summary>What ran out, as the end of a sentence; null for nothing.</summary>
    public string? Expired => Volatile.Read(ref _expired);

    /// <summary>How long the request has taken.</summary>
    public TimeSpan Elapsed => _time.GetElapsedTime(_start);

    /// <summary>Something came.</summary>
    public void Progress()
    {
        Volatile.Write(ref _last, _time.GetTimestamp());
        if (Volatile.Read(ref _begun))
            return;
        Volatile.Write(ref _begun, true);
        // The first wait may be the longer one, so that the timer would look too late.
        Look();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
        }
        _timer.Dispose();
        _source.Dispose();
    }

    private void Look()
    {
        lock (_lock)
        {
            if (_disposed || _expired is not null)
                return;
            var begun = Volatile.Read(ref _begun);
            var (limit, name) = begun ? (_limits.Between, _limits.BetweenName) : (_limits.First, _limits.FirstName);
            var silence = Left(limit, Volatile.Read(ref _last));
            var whole = Left(_limits.Total, _start);
            if (silence > TimeSpan.Zero && whole > TimeSpan.Zero)
            {
                var wait = silence < whole ? silence : whole;
                // A timer counts whole milliseconds; rounded up, it never looks a moment too early.
                _timer.Change(wait == TimeSpan.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
                return;
            }

            _expired = whole <= TimeSpan.Zero
                ? $"did not end within {Show(_limits.Total)} (time-out Total)"
                : $"{(begun ? "fell silent" : "gave no answer")} for {Show(limit)} (time-out {name})";
        }

        // Outside the lock: what is cancelled runs right here.
        try
        {
            _source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The request ended at this very moment.
        }
    }

    private TimeSpan Left(TimeSpan limit, long since) => limit == Timeout.InfiniteTimeSpan ? TimeSpan.MaxValue : limit - _time.GetElapsedTime(since);

    internal static string Show(TimeSpan time) => time.TotalSeconds < 1
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.#} ms")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#} s");
}
