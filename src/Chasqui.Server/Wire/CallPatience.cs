using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Chasqui.Transport;

namespace Chasqui.Server;

/// <summary>The same as <see cref="BodyPatience"/> for a call of MCP, whose request may come in many messages, and each of them in parts. Thread-safe.</summary>
internal sealed class CallPatience : IDisposable
{
    private readonly IncomingCall _call;
    private readonly LoadOptions _limits;
    private readonly RefusalCounts _refusals;
    private readonly TimeProvider _time;
    private readonly bool _isEndless;
    private readonly long _began;
    private readonly ITimer _timer;

    /// <param name="call">The call, whose request has not ended.</param>
    /// <param name="isEndless">Whether it may be of any length, so that only its silence is limited.</param>
    /// <param name="limits">How long it may take.</param>
    /// <param name="refusals">Counts those that take longer.</param>
    /// <param name="time">The clock.</param>
    public CallPatience(IncomingCall call, bool isEndless, LoadOptions limits, RefusalCounts refusals, TimeProvider time)
    {
        (_call, _isEndless, _limits, _refusals, _time, _began) = (call, isEndless, limits, refusals, time, time.GetTimestamp());
        _timer = time.CreateBackgroundTimer("requests that do not come", static patience => patience.Look(), this, Next(TimeSpan.Zero));
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        if (_call.RequestEnded)
            return;
        if (_call.Silence is { } silence)
        {
            if (!_isEndless && _time.GetElapsedTime(_began) >= _limits.BodyTimeout)
            {
                End(BodyPatience.TooLong(_limits.BodyTimeout));
                return;
            }
            if (silence >= _limits.BodyIdleTimeout)
            {
                End(BodyPatience.Silent(_limits.BodyIdleTimeout));
                return;
            }
            _timer.Change(Next(silence), Timeout.InfiniteTimeSpan);
            return;
        }
        // No reader waits for it now, but one may later.
        _timer.Change(_limits.BodyIdleTimeout, Timeout.InfiniteTimeSpan);
    }

    private void End(RequestTimeoutException why)
    {
        _refusals.Add(RefusalReason.BodyTimeout);
        _call.EndRequest(why);
    }

    /// <summary>When it is worth a look, at the earliest: timers count whole milliseconds.</summary>
    private TimeSpan Next(TimeSpan silence)
    {
        var next = _limits.BodyIdleTimeout - silence;
        if (!_isEndless && _limits.BodyTimeout - _time.GetElapsedTime(_began) is var left && left < next)
            next = left;
        return next > TimeSpan.FromMilliseconds(1) ? next : TimeSpan.FromMilliseconds(1);
    }
}
