namespace Chasqui.Gateway.Scheduling;

/// <summary>The requests of one class in one lane: the caller who has had least is next. Adding, removing and the next one cost the logarithm of the callers that wait.</summary>
internal sealed class ClassLine
{
    private readonly ShareHeap<ShareQueue> _queues = new();
    private readonly Dictionary<CallerShare, ShareQueue> _byShare = [];
    private Ticket? _youngest;

    /// <summary>Requests in line.</summary>
    public int Count { get; private set; }

    /// <summary>Weights of the callers in line.</summary>
    public double Weight { get; private set; }

    /// <summary>Whoever came first.</summary>
    public Ticket? Oldest { get; private set; }

    /// <summary>Free slots that went to more urgent ones since it was this class's turn, while somebody had waited for too long.</summary>
    public int Passed { get; set; }

    /// <summary>Whoever is next; null for nobody.</summary>
    public Ticket? Head => _queues.Min?.Head;

    public int Of(CallerShare share) => _byShare.TryGetValue(share, out var queue) ? queue.Count : 0;

    public void Add(Ticket ticket, CallerShare share)
    {
        if (!_byShare.TryGetValue(share, out var queue))
        {
            queue = new ShareQueue(share, this);
            _byShare.Add(share, queue);
            share.Queues.Add(queue);
            _queues.Add(queue);
            Weight += share.Weight;
        }
        queue.Add(ticket);
        ticket.Older = _youngest;
        if (_youngest is null)
            Oldest = ticket;
        else
            _youngest.Younger = ticket;
        _youngest = ticket;
        Count++;
    }

    public void Remove(Ticket ticket)
    {
        var queue = ticket.Queue!;
        queue.Remove(ticket);
        if (ticket.Older is null)
            Oldest = ticket.Younger;
        else
            ticket.Older.Younger = ticket.Younger;
        if (ticket.Younger is null)
            _youngest = ticket.Older;
        else
            ticket.Younger.Older = ticket.Older;
        (ticket.Older, ticket.Younger) = (null, null);
        Count--;
        if (queue.Count > 0)
            return;
        _queues.Remove(queue);
        _byShare.Remove(queue.Share);
        queue.Share.Queues.Remove(queue);
        // Sums of what was added and taken away drift.
        Weight = _byShare.Count == 0 ? 0 : Math.Max(0, Weight - queue.Share.Weight);
    }

    public void Reweigh(double change) => Weight += change;

    /// <summary>The time of a line's caller is another now.</summary>
    public void Changed(ShareQueue queue) => _queues.Changed(queue);
}
