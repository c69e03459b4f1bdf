using System.Runtime.CompilerServices;

namespace Chasqui.Transport;

/// <summary>The one timer of all connections with the same time provider. It runs only while there are connections.</summary>
internal sealed class ConnectionClock : IDisposable
{
    private static readonly ConditionalWeakTable<TimeProvider, ConnectionClock> _clocks = [];

    private readonly Lock _gate = new();
    private readonly List<Connection> _connections = [];
    private readonly ITimer _timer;
    private Connection[] _snapshot = [];
    private int _ticking;
    private TimeSpan _period = Timeout.InfiniteTimeSpan;

    private ConnectionClock(TimeProvider time)
    {
        using (ExecutionContext.SuppressFlow())
            _timer = time.CreateTimer(static clock => ((ConnectionClock)clock!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    internal static ConnectionClock For(TimeProvider time) => _clocks.GetValue(time, static t => new ConnectionClock(t));

    internal void Add(Connection connection, TimeSpan shortest)
    {
        lock (_gate)
        {
            connection.ClockIndex = _connections.Count;
            _connections.Add(connection);
            var period = TimeSpan.FromMilliseconds(Math.Clamp(shortest.TotalMilliseconds / 4, 5, 1_000));
            if (_period != Timeout.InfiniteTimeSpan && _period <= period)
                return;
            _period = period;
            _timer.Change(period, period);
        }
    }

    internal void Remove(Connection connection)
    {
        lock (_gate)
        {
            var index = connection.ClockIndex;
            if (index < 0)
                return;
            connection.ClockIndex = -1;
            var last = _connections[^1];
            _connections.RemoveAt(_connections.Count - 1);
            if (last != connection)
            {
                _connections[index] = last;
                last.ClockIndex = index;
            }

            if (_connections.Count > 0)
                return;
            _snapshot = [];
            _period = Timeout.InfiniteTimeSpan;
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Tick()
    {
        // A tick that takes longer than the period is not joined by the next.
        if (Interlocked.Exchange(ref _ticking, 1) == 1)
            return;
        try
        {
            TickAll();
        }
        finally
        {
            Volatile.Write(ref _ticking, 0);
        }
    }

    // A fault in one connection ends that connection. It must not leave the timer, since that would end the process.
    private static void Tick(Connection? connection)
    {
        try
        {
            connection?.OnTick();
        }
        catch (Exception e)
        {
            connection!.OnFault(e);
        }
    }

    private void TickAll()
    {
        Connection[] all;
        int count;
        lock (_gate)
        {
            count = _connections.Count;
            if (_snapshot.Length < count)
                _snapshot = new Connection[count + (count / 4)];
            all = _snapshot;
            Array.Clear(all);
            _connections.CopyTo(all);
        }

        for (var i = 0; i < count; i++)
            Tick(all[i]);
    }
}
