namespace Chasqui.Storage;

/// <summary>
/// Lets one write of this process at a time wait for the same session in the database: so a session that another program has locked takes one connection, and not all of them. Thread-safe.
/// </summary>
internal sealed class SessionLanes
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, Lane> _lanes = [];

    /// <summary>Waits for its turn in all lanes.</summary>
    /// <param name="keys">The sessions, in the same order in every call.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>To be disposed at the end; null where the one before it has found that the session is locked.</returns>
    public async ValueTask<Turn?> EnterAsync(IReadOnlyList<long> keys, CancellationToken cancellationToken)
    {
        var turn = new Turn(this);
        var isIn = false;
        try
        {
            foreach (var key in keys)
            {
                var lane = Join(key);
                var refusals = Volatile.Read(ref lane.Refusals);
                var entered = false;
                try
                {
                    await lane.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
                    entered = true;
                    turn.Held.Push((key, lane));
                    // Each of them would wait as long again.
                    if (Volatile.Read(ref lane.Refusals) != refusals)
                        return null;
                }
                finally
                {
                    if (!entered)
                        Leave(key, lane);
                }
            }
            isIn = true;
            return turn;
        }
        finally
        {
            if (!isIn)
                turn.Dispose();
        }
    }

    private Lane Join(long key)
    {
        lock (_gate)
        {
            if (!_lanes.TryGetValue(key, out var lane))
                _lanes[key] = lane = new Lane();
            lane.Users++;
            return lane;
        }
    }

    private void Leave(long key, Lane lane)
    {
        lock (_gate)
        {
            if (--lane.Users > 0)
                return;
            _lanes.Remove(key);
            lane.Gate.Dispose();
        }
    }

    /// <summary>What one write waits in, behind others.</summary>
    internal sealed class Lane
    {
        /// <summary>How often a session was found locked.</summary>
        public int Refusals;

        public SemaphoreSlim Gate { get; } = new(1, 1);

        public int Users { get; set; }
    }

    /// <summary>The turn of one write.</summary>
    internal sealed class Turn(SessionLanes lanes) : IDisposable
    {
        public Stack<(long Key, Lane Lane)> Held { get; } = [];

        /// <summary>Tells those behind it that a session is locked by another program.</summary>
        public void Refuse()
        {
            foreach (var (_, lane) in Held)
                Interlocked.Increment(ref lane.Refusals);
        }

        public void Dispose()
        {
            while (Held.TryPop(out var held))
            {
                held.Lane.Gate.Release();
                lanes.Leave(held.Key, held.Lane);
            }
        }
    }
}
