namespace Chasqui.Gateway.Scheduling;

/// <summary>The requests of one caller in one class of one lane, first come first served.</summary>
internal sealed class ShareQueue(CallerShare share, ClassLine line)
{
    public CallerShare Share => share;

    public ClassLine Line => line;

    public Ticket? Head { get; private set; }

    public int Count { get; private set; }

    private Ticket? Tail { get; set; }

    private long _added;

    public void Add(Ticket ticket)
    {
        ticket.Queue = this;
        ticket.Serial = _added++;
        ticket.Previous = Tail;
        if (Tail is null)
            Head = ticket;
        else
            Tail.Next = ticket;
        Tail = ticket;
        Count++;
    }

    /// <summary>Requests before this one, or a few more where others have left meanwhile.</summary>
    public int Before(Ticket ticket) => (int)Math.Min(Count - 1, ticket.Serial - Head!.Serial);

    public void Remove(Ticket ticket)
    {
        if (ticket.Previous is null)
            Head = ticket.Next;
        else
            ticket.Previous.Next = ticket.Next;
        if (ticket.Next is null)
            Tail = ticket.Previous;
        else
            ticket.Next.Previous = ticket.Previous;
        (ticket.Next, ticket.Previous, ticket.Queue) = (null, null, null);
        Count--;
    }
}
