namespace Chasqui.Transport;

/// <summary>What a heartbeat wants to be done.</summary>
internal enum HeartbeatAction
{
    None,
    Ask,
    Close,
}

/// <summary>The heartbeat as a pure state machine: asks after a silence of one interval, gives up after two more.</summary>
internal struct Heartbeat(long interval, long now)
{
    private readonly long _interval = interval;
    private long _heard = now;
    private long _seen;
    private bool _asked;

    /// <summary>One look at the clock.</summary>
    /// <param name="now">The clock, in the unit of the interval.</param>
    /// <param name="signs">How many signs of life there have been in all.</param>
    internal HeartbeatAction Tick(long now, long signs)
    {
        if (signs != _seen)
        {
            (_seen, _heard, _asked) = (signs, now, false);
            return HeartbeatAction.None;
        }

        var silence = now - _heard;
        if (silence >= 3 * _interval)
            return HeartbeatAction.Close;
        if (silence < _interval || _asked)
            return HeartbeatAction.None;
        _asked = true;
        return HeartbeatAction.Ask;
    }
}
