namespace Chasqui.Gateway.Shaping;

/// <summary>
/// The place of an answer that goes on though its client may leave, among its caller's requests at a time. It is that of the request that
/// began it. It lasts until the answer has ended
/// and who reads it by this place has left, so that to come back takes no second one. One reader at a time uses it; others have places of
/// their own. Thread-safe.
/// </summary>
public sealed class KeptPlace
{
    private readonly Lock _gate = new();
    private readonly CallerLoads _loads;
    private readonly CallerLoad _load;
    private bool _runs = true;
    private bool _isRead = true;

    /// <summary>Takes over the place of a request, which reads the answer.</summary>
    /// <param name="loads">The counts.</param>
    /// <param name="load">The caller's, which has the place.</param>
    internal KeptPlace(CallerLoads loads, CallerLoad load)
    {
        (_loads, _load) = (loads, loads.Share(load));
        load.AddKept(1);
    }

    /// <summary>A request of the same caller reads the answer by this place.</summary>
    /// <returns>False where another one does already, the answer has ended, or it is another caller.</returns>
    public bool TryRead(CallerLoad load)
    {
        lock (_gate)
        {
            if (!_runs || _isRead || !ReferenceEquals(load, _load))
                return false;
            return _isRead = true;
        }
    }

    /// <summary>Who reads it by this place has left.</summary>
    public void Left()
    {
        bool isLast;
        lock (_gate)
        {
            isLast = _isRead && !_runs;
            _isRead = false;
        }
        if (isLast)
            Leave();
    }

    /// <summary>The answer has ended; further calls change nothing.</summary>
    public void Ended()
    {
        bool isLast;
        lock (_gate)
        {
            if (!_runs)
                return;
            _runs = false;
            isLast = !_isRead;
        }
        _load.AddKept(-1);
        if (isLast)
            Leave();
    }

    private void Leave()
    {
        _loads.LeaveRequest(_load);
        _loads.Release(_load);
    }
}
