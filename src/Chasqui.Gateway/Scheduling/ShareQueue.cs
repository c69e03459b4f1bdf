namespace Chasqui.Gateway.Scheduling;

/// <summary>The requests of one caller in one class of one lane, first come first served.</summary>
internal sealed class ShareQueue(CallerShare share, ClassLine line) : IShareOrdered
{
    private long _added;
    private Ticket? _tail;

    public CallerShare Share => share;

    public ClassLine Line => line;

    public int At { get; set; } = -1;

    public Ticket? Head { get; private set; }

    public int Count { get; private set; }

    public void Add(Ticket ticket)
    {
        ticket.Queue = this;
        ticket.Serial = _added++;
        ticket.Previous = _tail;
        if (_tail is null)
            Head = ticket;
        else
            _tail.Next = ticket;
        _tail = ticket;
        Count++;
    }

    /// <summary>Requests before this one, or a few more where others have left meanwhile.</summary>
    public int Before(Ticket ticket) => (int)Math.Min(Count - 1, ticket.Serial - Head!.Serial);

    /// <summary>All of them, in order.</summary>
    public IEnumerable<Ticket> All()
    {
        for (var ticket = Head; ticket is not null; ticket = ticket.Next)
            yield return ticket;
    }

    public void Remove(Ticket ticket)
    {
        if (ticket.Previous is null)
            Head = ticket.Next;
        else
            ticket.Previous.Next = ticket.Next;
        if (ticket.Next is null)
            _tail = ticket.Previous;
        else
            ticket.Next.Previous = ticket.Previous;
        (ticket.Next, ticket.Previous, ticket.Queue) = (null, null, null);
        Count--;
    }
}
