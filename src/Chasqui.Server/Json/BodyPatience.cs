using System.IO.Pipelines;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;

namespace Chasqui.Server;

/// <summary>
/// Ends the wait for a body that brings no byte for too long, or takes too long in all. The server's own minimum rate is a mean over the whole body: a client that sends much and then
/// nothing is within it for hours. For one reader; made when a read has to wait for the first time, which for most bodies it never has.
/// </summary>
internal sealed class BodyPatience : IDisposable
{
    private readonly Lock _gate = new();
    private readonly LoadOptions _limits;
    private readonly RefusalCounts _refusals;
    private readonly TimeProvider _time;
    private readonly PipeReader _reader;
    private readonly long _began;
    private readonly ITimer _timer;
    private bool _waits;
    private RequestTimeoutException? _over;

    public BodyPatience(PipeReader reader, LoadOptions limits, RefusalCounts refusals, TimeProvider time)
    {
        (_reader, _limits, _refusals, _time, _began) = (reader, limits, refusals, time, time.GetTimestamp());
        _timer = time.CreateBackgroundTimer("bodies that do not come", static patience => patience.End(), this);
    }

    /// <summary>What is told of a body that takes too long in all.</summary>
    public static RequestTimeoutException TooLong(TimeSpan limit) => new(
        FormattableString.Invariant($"the request body took longer than {limit.TotalSeconds:0.###} s (Limits:BodyTimeout); send less, or faster"));

    /// <summary>What is told of a body that brings nothing.</summary>
    public static RequestTimeoutException Silent(TimeSpan limit) => new(
        FormattableString.Invariant($"no byte of the request body came for {limit.TotalSeconds:0.###} s (Limits:BodyIdleTimeout); send all of it"));

    /// <summary>Waits for what comes next.</summary>
    /// <exception cref="RequestTimeoutException">It does not come in time.</exception>
    public async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading)
    {
        var left = _limits.BodyTimeout - _time.GetElapsedTime(_began);
        var isIdle = _limits.BodyIdleTimeout <= left;
        lock (_gate)
            _waits = true;
        _timer.Change(isIdle ? _limits.BodyIdleTimeout : left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        try
        {
            var read = await reading.ConfigureAwait(false);
            // What came at the last moment is too late: the reader may have been told already to wait no longer, and would tell the next read.
            return Stop() is { } over ? throw over : read;
        }
        catch (Exception e) when (e is not RequestTimeoutException && Stop() is { } over)
        {
            throw over;
        }
        finally
        {
            Stop();
        }
    }

    public void Dispose() => _timer.Dispose();

    private RequestTimeoutException? Stop()
    {
        lock (_gate)
            _waits = false;
        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        return _over;
    }

    private void End()
    {
        lock (_gate)
        {
            if (!_waits)
                return;
            _over = _time.GetElapsedTime(_began) >= _limits.BodyTimeout ? TooLong(_limits.BodyTimeout) : Silent(_limits.BodyIdleTimeout);
        }
        _refusals.Add(RefusalReason.BodyTimeout);
        _reader.CancelPendingRead();
    }
}
