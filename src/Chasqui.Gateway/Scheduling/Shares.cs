namespace Chasqui.Gateway.Scheduling;

/// <summary>The callers that a scheduler remembers: those that wait or run, and those whose debts are not forgiven yet.</summary>
internal sealed class Shares
{
    private const int MaxIdle = 10_000;

    private readonly Dictionary<string, CallerShare> _byId = new(StringComparer.Ordinal);

    // Callers that wait or run.
    private readonly ShareHeap<CallerShare> _active = new();

    private int _made;
    private int _forgetAt = MaxIdle;
    private double _time;

    /// <summary>The caller's share. Whoever was away comes back at the time of the one who has had least: he has saved up nothing.</summary>
    public CallerShare Of(Caller caller)
    {
        if (!_byId.TryGetValue(caller.Id, out var share))
        {
            if (_byId.Count >= _forgetAt)
                Forget();
            _byId.Add(caller.Id, share = new CallerShare(caller.Id, _made++));
        }
        share.Weigh(caller.Weight);
        if (!share.IsActive)
            share.CatchUp(Time());
        return share;
    }

    public void Waits(CallerShare share, int change)
    {
        var was = share.IsActive;
        share.Waiting += change;
        Changed(share, was);
    }

    public void Runs(CallerShare share, int change)
    {
        var was = share.IsActive;
        share.Running += change;
        Changed(share, was);
    }

    /// <summary>Tokens were taken, or given back where negative.</summary>
    public void Charge(CallerShare share, long tokens)
    {
        if (tokens == 0)
            return;
        share.Charge(tokens);
        if (share.IsActive)
            _active.Changed(share);
    }

    private void Changed(CallerShare share, bool was)
    {
        if (was == share.IsActive)
            return;
        if (was)
        {
            Time();
            _active.Remove(share);
        }
        else
        {
            _active.Add(share);
        }
    }

    private double Time() => _time = _active.Min is { } least ? Math.Max(_time, least.VirtualTime) : _time;

    /// <summary>Idle callers who owe nothing would come back at the present time anyway.</summary>
    private void Forget()
    {
        var time = Time();
        foreach (var (id, share) in _byId)
        {
            if (!share.IsActive && share.VirtualTime <= time)
                _byId.Remove(id);
        }
        // Those who are left are few, or busy; to look at them each time would cost more than they do.
        _forgetAt = Math.Max(MaxIdle, _byId.Count * 2);
    }
}
