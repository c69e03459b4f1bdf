namespace Chasqui.Gateway.Sessions;

/// <summary>
/// Keeps each tenant within its quotas, and all of them together within the bound of the store. Figures are read from the store once and counted on from there; where several
/// gateways share a store, they are read again every second, so that a quota is exceeded by what was written within a second at most. A refusal is made on new figures only. Thread-safe.
/// </summary>
/// <param name="store">Where they are kept.</param>
/// <param name="options">The quotas.</param>
/// <param name="unwritten">What is acknowledged to a tenant, or to all, and not in the store yet.</param>
/// <param name="time">The clock.</param>
internal sealed class SessionQuotas(ISessionStore store, Func<SessionOptions> options, Func<string?, SessionUsage> unwritten, TimeProvider time)
{
    /// <summary>Tenants whose figures are remembered, at most.</summary>
    private const int MaxAccounts = 10_000;

    private static readonly TimeSpan _moment = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _minute = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Account> _tenants = new(StringComparer.Ordinal);
    private readonly Account _all = new();

    /// <summary>Counts what is about to be written; to be given to <see cref="Settle"/> once it is, or is not.</summary>
    /// <exception cref="SessionQuotaException">The tenant keeps as much as it may.</exception>
    /// <exception cref="SessionStoreException">All of them together do, or the store cannot be asked.</exception>
    public async ValueTask TakeAsync(string tenant, SessionUsage wanted, CancellationToken cancellationToken)
    {
        var account = AccountOf(tenant);
        if (IsDue(account, store.IsShared ? _moment : TimeSpan.MaxValue))
            await ReadAsync(account, tenant, cancellationToken).ConfigureAwait(false);
        if (IsDue(_all, _minute))
            await ReadAsync(_all, null, cancellationToken).ConfigureAwait(false);
        if (TryTake(account, wanted) is null)
            return;
        // Others may have made room meanwhile.
        if (IsDue(account, _moment, orStale: true))
            await ReadAsync(account, tenant, cancellationToken).ConfigureAwait(false);
        if (IsDue(_all, _moment, orStale: true))
            await ReadAsync(_all, null, cancellationToken).ConfigureAwait(false);
        if (TryTake(account, wanted) is { } refusal)
            throw refusal;
    }

    /// <summary>What became of it.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="taken">What was counted.</param>
    /// <param name="isDone">Whether it was written.</param>
    /// <param name="isExact">Whether that is just what the store keeps now; else it is asked again soon.</param>
    public void Settle(string tenant, SessionUsage taken, bool isDone, bool isExact)
    {
        lock (_gate)
        {
            foreach (var account in (ReadOnlySpan<Account>)[AccountOf(tenant), _all])
            {
                account.Coming -= taken;
                if (!isDone)
                    continue;
                account.Kept += taken;
                account.Written += taken;
                account.IsStale |= !isExact;
            }
        }
    }

    /// <summary>Whether the store has room for something else that is kept in it.</summary>
    /// <exception cref="SessionStoreException">It has not, or cannot be asked.</exception>
    public async ValueTask TakeRoomAsync(long bytes, CancellationToken cancellationToken)
    {
        if (IsDue(_all, _minute) || (IsFull(bytes) is not null && IsDue(_all, _moment, orStale: true)))
            await ReadAsync(_all, null, cancellationToken).ConfigureAwait(false);
        if (IsFull(bytes) is { } full)
            throw full;
        lock (_gate)
        {
            // What it replaces is known when the store is asked next.
            var more = new SessionUsage(0, 0, bytes);
            (_all.Kept, _all.Written, _all.IsStale) = (_all.Kept + more, _all.Written + more, true);
        }
    }

    private EngineException? TryTake(Account account, SessionUsage wanted)
    {
        var bounds = options();
        lock (_gate)
        {
            var kept = account.Kept + account.Coming;
            if (wanted.Sessions > 0 && kept.Sessions + wanted.Sessions > bounds.MaxSessions)
                return new SessionQuotaException("sessions", "Sessions:MaxSessions", bounds.MaxSessions, kept.Sessions, wanted.Sessions);
            if (wanted.Turns > 0 && kept.Turns + wanted.Turns > bounds.MaxTurns)
                return new SessionQuotaException("turns", "Sessions:MaxTurns", bounds.MaxTurns, kept.Turns, wanted.Turns);
            if (kept.Bytes + wanted.Bytes > bounds.MaxBytes)
                return new SessionQuotaException("bytes", "Sessions:MaxBytes", bounds.MaxBytes, kept.Bytes, wanted.Bytes);
            if (TryTakeRoom(wanted.Bytes, bounds) is { } full)
                return full;
            account.Coming += wanted;
            _all.Coming += wanted;
            return null;
        }
    }

    private SessionStoreException? IsFull(long bytes)
    {
        lock (_gate)
            return TryTakeRoom(bytes, options());
    }

    private SessionStoreException? TryTakeRoom(long bytes, SessionOptions bounds) => (_all.Kept + _all.Coming).Bytes + bytes <= bounds.MaxStoreBytes ? null
        : new SessionStoreException(StoreFault.Full, FormattableString.Invariant(
            $"the store of sessions is full: all tenants together may keep {bounds.MaxStoreBytes} bytes. Nothing was written; have sessions deleted, or Sessions:MaxStoreBytes raised"));

    private Account AccountOf(string tenant)
    {
        lock (_gate)
        {
            if (_tenants.TryGetValue(tenant, out var account))
                return account;
            // It is read again when it is needed again.
            if (_tenants.Count >= MaxAccounts)
            {
                foreach (var (other, _) in _tenants.Where(one => one.Value.Coming == default).ToList())
                    _tenants.Remove(other);
            }
            return _tenants[tenant] = new Account();
        }
    }

    private bool IsDue(Account account, TimeSpan age, bool orStale = false)
    {
        lock (_gate)
        {
            if (account.ReadAt is not { } at)
                return true;
            var elapsed = time.GetElapsedTime(at);
            return elapsed >= age || (account.IsStale && (orStale || elapsed >= _moment));
        }
    }

    private async ValueTask ReadAsync(Account account, string? tenant, CancellationToken cancellationToken)
    {
        SessionUsage before;
        lock (_gate)
            before = account.Written;
        // Asked first: what is written meanwhile is rather counted twice than not at all.
        var local = unwritten(tenant);
        var kept = await store.UsageAsync(tenant, cancellationToken).ConfigureAwait(false);
        lock (_gate)
        {
            // What was written meanwhile is in it, or is not. It is rather counted twice, until the store is asked again.
            var meanwhile = account.Written - before;
            (account.Kept, account.ReadAt, account.IsStale) = (kept + local + meanwhile, time.GetTimestamp(), meanwhile + local != default);
        }
    }

    private sealed class Account
    {
        /// <summary>What the store keeps.</summary>
        public SessionUsage Kept { get; set; }

        /// <summary>What is being written.</summary>
        public SessionUsage Coming { get; set; }

        /// <summary>When the store was asked; null for never.</summary>
        public long? ReadAt { get; set; }

        /// <summary>Whether the store has to be asked again.</summary>
        public bool IsStale { get; set; }

        /// <summary>What was written since the account is here.</summary>
        public SessionUsage Written { get; set; }
    }
}
