namespace Chasqui.Gateway.Dispatch;

/// <summary>
/// Bounds second attempts, so that a failing fleet is not asked twice as much: each first attempt earns a part of a retry, over a window of about ten seconds, beside
/// a few that are always allowed (as Finagle's retry budget). Thread-safe.
/// </summary>
internal sealed class RetryBudget(double share, TimeProvider time)
{
    private const double AlwaysAllowed = 10;

    private static readonly TimeSpan _window = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private double _left = AlwaysAllowed;
    private double _ceiling = AlwaysAllowed;
    private long _last = time.GetTimestamp();

    /// <summary>A request was sent for the first time.</summary>
    public void Deposit()
    {
        lock (_gate)
        {
            Age();
            _ceiling += share;
            _left = Math.Min(_left + share, _ceiling);
        }
    }

    /// <summary>Whether a request may be sent again.</summary>
    public bool TryWithdraw()
    {
        lock (_gate)
        {
            Age();
            if (_left < 1)
                return false;
            _left--;
            return true;
        }
    }

    private void Age()
    {
        var passed = time.GetElapsedTime(_last) / _window;
        if (passed < 0.01)
            return;
        _last = time.GetTimestamp();
        // What was earned fades, what is always allowed comes back.
        var keep = Math.Exp(-passed);
        _ceiling = AlwaysAllowed + ((_ceiling - AlwaysAllowed) * keep);
        _left = Math.Min(_ceiling, _left + (AlwaysAllowed * Math.Min(1, passed)));
    }
}
