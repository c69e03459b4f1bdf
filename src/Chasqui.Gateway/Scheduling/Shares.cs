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

    private void Runs(CallerShare share, int change)
    {
        var was = share.IsActive;
        share.Running += change;
        Changed(share, was);
    }

    /// <summary>A request has a slot, and those who pay for it are charged by the estimate.</summary>
    public void Begin(Ticket ticket)
    {
        ticket.Charged = Math.Max(1, ticket.Tokens);
        if (ticket.Sharers.Count < 2)
        {
            Runs(ticket.Share!, 1);
            Charge(ticket.Share!, ticket.Charged);
            return;
        }
        var payers = new (CallerShare Share, long Weight)[ticket.Sharers.Count];
        for (var i = 0; i < payers.Length; i++)
        {
            payers[i] = (Of(ticket.Sharers[i].Caller), Math.Max(1, ticket.Sharers[i].Weight));
            // Who runs something is not forgotten.
            Runs(payers[i].Share, 1);
        }
        ticket.Payers = payers;
        Charge(payers, 0, ticket.Charged);
    }

    /// <summary>A request has ended, and those who pay for it are charged by the truth.</summary>
    /// <param name="ticket">The request.</param>
    /// <param name="tokens">Tokens that it really took; null where that is not known.</param>
    public void End(Ticket ticket, long? tokens)
    {
        var taken = Math.Max(0, tokens ?? ticket.Charged);
        if (ticket.Payers.Length == 0)
        {
            Charge(ticket.Share!, taken - ticket.Charged);
            Runs(ticket.Share!, -1);
            return;
        }
        Charge(ticket.Payers, ticket.Charged, taken);
        foreach (var (share, _) in ticket.Payers)
            Runs(share, -1);
    }

    /// <summary>Charges each by its part; the parts add up exactly.</summary>
    private void Charge((CallerShare Share, long Weight)[] payers, long before, long now)
    {
        var whole = payers.Sum(payer => (double)payer.Weight);
        var (until, paidBefore, paid) = (0d, 0L, 0L);
        for (var i = 0; i < payers.Length; i++)
        {
            until += payers[i].Weight;
            var isLast = i == payers.Length - 1;
            var (nextBefore, next) = (isLast ? before : (long)(before * (until / whole)), isLast ? now : (long)(now * (until / whole)));
            Charge(payers[i].Share, next - paid - (nextBefore - paidBefore));
            (paidBefore, paid) = (nextBefore, next);
        }
    }

    /// <summary>Tokens were taken, or given back where negative.</summary>
    private void Charge(CallerShare share, long tokens)
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
