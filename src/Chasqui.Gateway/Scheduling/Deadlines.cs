namespace Chasqui.Gateway.Scheduling;

/// <summary>Who has waited for as long as he may. Those that have left are forgotten when they are as many as those that wait.</summary>
internal sealed class Deadlines
{
    private const int Slack = 1_000;

    private readonly PriorityQueue<Ticket, TimeSpan> _byTime = new();

    public void Add(Ticket ticket, TimeSpan at, int waiting)
    {
        if (_byTime.Count > (2 * waiting) + Slack)
            Compact();
        _byTime.Enqueue(ticket, at);
    }

    /// <summary>The next one in line whose time is up.</summary>
    public Ticket? TakeDue(TimeSpan now)
    {
        while (_byTime.TryPeek(out var ticket, out var at))
        {
            if (ticket.State == TicketState.Waiting && at > now)
                return null;
            _byTime.Dequeue();
            if (ticket.State == TicketState.Waiting)
                return ticket;
        }
        return null;
    }

    private void Compact()
    {
        (Ticket, TimeSpan)[] waiting = [.. _byTime.UnorderedItems.Where(item => item.Element.State == TicketState.Waiting).Select(item => (item.Element, item.Priority))];
        _byTime.Clear();
        _byTime.EnqueueRange(waiting);
    }
}
