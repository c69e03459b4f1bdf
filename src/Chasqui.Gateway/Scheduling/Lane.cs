namespace Chasqui.Gateway.Scheduling;

/// <summary>Those who wait for the same model on the same nodes.</summary>
internal sealed class Lane
{
    /// <summary>Of so many free slots one goes to a class in which somebody has waited for too long.</summary>
    private const int AgedTurn = 8;

    private readonly ClassLine[] _classes = [new(), new(), new()];

    private Lane(in LaneKey key) => Key = key;

    public LaneKey Key { get; }

    public string Model => Key.Model;

    public int Count { get; private set; }

    /// <summary>The node that takes nobody else until it can load the model; null for none.</summary>
    public NodeSlots? ClearedOn { get; set; }

    /// <summary>Tokens that those in line will take, as estimated.</summary>
    public long Tokens { get; private set; }

    public ReadOnlySpan<ClassLine> Classes => _classes;

    public static Lane Of(Ticket ticket) => new(LaneKey.Of(ticket));

    public ClassLine Line(PriorityClass priority) => _classes[(int)priority];

    /// <summary>Since when the one has waited who came first; null for nobody.</summary>
    public TimeSpan? OldestSince
    {
        get
        {
            TimeSpan? oldest = null;
            foreach (var line in _classes)
            {
                if (line.Oldest is { } ticket && (oldest is null || ticket.Since < oldest))
                    oldest = ticket.Since;
            }
            return oldest;
        }
    }

    public bool Allows(ISlotNode node)
    {
        if (Key.Node is { } name && name != node.Name)
            return false;
        foreach (var tried in Key.Tried)
        {
            if (ReferenceEquals(tried, node))
                return false;
        }
        return true;
    }

    /// <summary>Whether another caller waits here.</summary>
    public bool HasOther(CallerShare share) => Array.Exists(_classes, line => line.Count > line.Of(share));

    public void Add(Ticket ticket, CallerShare share)
    {
        ticket.Lane = this;
        Line(ticket.Priority).Add(ticket, share);
        Count++;
        Tokens += ticket.Tokens;
    }

    public void Remove(Ticket ticket)
    {
        Line(ticket.Priority).Remove(ticket);
        Count--;
        Tokens -= ticket.Tokens;
        ticket.Lane = null;
    }

    /// <summary>Who is next: the most urgent, but when a class has been passed over often enough, in which somebody has waited for too long, then it is that one's turn.</summary>
    public Ticket? Head(TimeSpan now, TimeSpan agingAfter)
    {
        ClassLine? next = null;
        foreach (var line in _classes)
        {
            if (line.Count == 0)
                continue;
            if (next is null)
                next = line;
            else if (line.Passed >= AgedTurn - 1 && IsAged(line, now, agingAfter))
                return line.Head;
        }
        return next?.Head;
    }

    /// <summary>Counts who was passed over for the one that now gets a slot.</summary>
    public void Taking(Ticket ticket, TimeSpan now, TimeSpan agingAfter)
    {
        var line = Line(ticket.Priority);
        line.Passed = 0;
        for (var less = (int)ticket.Priority + 1; less < _classes.Length; less++)
        {
            if (IsAged(_classes[less], now, agingAfter))
                _classes[less].Passed++;
        }
    }

    private static bool IsAged(ClassLine line, TimeSpan now, TimeSpan agingAfter) => line.Oldest is { } oldest && now - oldest.Since >= agingAfter;
}

/// <summary>What all of a lane have in common.</summary>
internal readonly record struct LaneKey(string Model, string? Node, IReadOnlyList<ISlotNode> Tried)
{
    public static LaneKey Of(Ticket ticket) => new(ticket.Model, ticket.Node, ticket.Tried.Count == 0 ? [] : ticket.Tried);

    public bool Equals(LaneKey other) =>
        StringComparer.OrdinalIgnoreCase.Equals(Model, other.Model) && Node == other.Node && Tried.Count == other.Tried.Count && Tried.SequenceEqual(other.Tried);

    public override int GetHashCode() => HashCode.Combine(StringComparer.OrdinalIgnoreCase.GetHashCode(Model), Node, Tried.Count);
}
