namespace Chasqui.Transport;

/// <summary>Something whose wait is over, and that is to be told so on the thread pool.</summary>
internal interface IReady
{
    /// <summary>The next in line; the queue's own.</summary>
    IReady? NextReady { get; set; }

    /// <summary>Runs what waited. Must not throw.</summary>
    void Run();
}

/// <summary>
/// Continuations of a connection's streams, which run on the thread pool: the read loop must not wait for them. All that one read has made ready goes there
/// as one work item, since waking threads for each would cost more than the work. While there is more in line a second item is always there for another
/// thread, so a continuation that blocks holds up nobody else.
/// </summary>
internal sealed class ReadyQueue(Connection connection) : IThreadPoolWorkItem
{
    private const int ReleaseAfter = 32;
    private const int MaxRun = 64;

    private readonly Lock _gate = new();
    private IReady? _head;
    private IReady? _tail;
    private int _held;
    private bool _scheduled;

    internal void Add(IReady ready)
    {
        lock (_gate)
        {
            if (_tail is null)
                _head = ready;
            else
                _tail.NextReady = ready;
            _tail = ready;
            // The read loop releases once for all it has read.
            if (Outbox.Reading == connection && ++_held < ReleaseAfter)
                return;
        }

        Release();
    }

    internal void Release()
    {
        lock (_gate)
        {
            _held = 0;
            if (_head is null || _scheduled)
                return;
            _scheduled = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        var begun = false;
        for (var run = 0; ; run++)
        {
            IReady ready;
            var more = false;
            lock (_gate)
            {
                if (!begun)
                    (begun, _scheduled) = (true, false);
                if (_head is null)
                    return;
                ready = _head;
                _head = ready.NextReady;
                ready.NextReady = null;
                if (_head is null)
                    _tail = null;
                else if (!_scheduled)
                    more = _scheduled = true;
            }

            if (more)
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            ready.Run();
            // Others of the pool have their turn too; whoever is scheduled goes on here.
            if (run >= MaxRun)
            {
                Release();
                return;
            }
        }
    }
}
