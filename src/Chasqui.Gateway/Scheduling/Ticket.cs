namespace Chasqui.Gateway.Scheduling;

/// <summary>Where a request is.</summary>
public enum TicketState
{
    /// <summary>Not yet with a scheduler.</summary>
    New,

    /// <summary>In line.</summary>
    Waiting,

    /// <summary>It has a slot.</summary>
    Granted,

    /// <summary>It has left, in whatever way.</summary>
    Gone,
}

/// <summary>A request as the scheduler sees it. For one scheduler, and under its lock.</summary>
public sealed class Ticket
{
    /// <summary>The model's canonical name.</summary>
    public required string Model { get; init; }

    /// <summary>Whose it is.</summary>
    public Caller Caller { get; init; } = Caller.Anonymous;

    /// <summary>Who pays for it, where that are several; none, the default, where <see cref="Caller"/> does. It waits in the line of that one, whose turn it was.</summary>
    public IReadOnlyList<TicketShare> Sharers { get; init; } = [];

    /// <summary>How urgent it is.</summary>
    public PriorityClass Priority { get; init; } = PriorityClass.Normal;

    /// <summary>Tokens of the prompt, as estimated.</summary>
    public int PromptTokens { get; init; }

    /// <summary>Tokens that it will take, prompt and answer together, as estimated; at least 1.</summary>
    public int Tokens { get; init; } = 1;

    /// <summary>How long it may wait; null for the queue's own bound.</summary>
    public TimeSpan? MaxWait { get; init; }

    /// <summary>The only node that may have it; null for any.</summary>
    public string? Node { get; init; }

    /// <summary>Nodes that shall not have it, since they failed it.</summary>
    public IReadOnlyList<ISlotNode> Tried { get; init; } = [];

    /// <summary>Who waits for it; the scheduler's user's own.</summary>
    public object? Owner { get; init; }

    /// <summary>Where it is.</summary>
    public TicketState State { get; internal set; }

    /// <summary>When it came.</summary>
    public TimeSpan Since { get; internal set; }

    /// <summary>How long it waited, once it has a slot.</summary>
    public TimeSpan Waited { get; internal set; }

    /// <summary>How long it was expected to wait when it came.</summary>
    public TimeSpan ExpectedWait { get; internal set; }

    /// <summary>Its place in line when it came, from 1; 0 where it did not wait.</summary>
    public int Position { get; internal set; }

    /// <summary>Why it waited.</summary>
    public WaitCause Cause { get; internal set; }

    /// <summary>Whose slot it has, or had; null for none.</summary>
    public ISlotNode? Granted { get; internal set; }

    /// <summary>Why that node.</summary>
    public RouteReason Reason { get; internal set; }

    /// <summary>Whether the node has to load the model for it, or was loading it.</summary>
    public bool Loads { get; internal set; }

    internal Lane? Lane { get; set; }

    internal CallerShare? Share { get; set; }

    internal ShareQueue? Queue { get; set; }

    internal NodeSlots? Slots { get; set; }

    internal TimeSpan GrantedAt { get; set; }

    /// <summary>Tokens that were charged for it.</summary>
    internal long Charged { get; set; }

    /// <summary>Those of <see cref="Sharers"/> that were charged, each with its part of the whole weight; empty where it was the caller alone.</summary>
    internal (CallerShare Share, long Weight)[] Payers { get; set; } = [];

    /// <summary>Counts those of its caller's line.</summary>
    internal long Serial { get; set; }

    /// <summary>In the line of its caller.</summary>
    internal Ticket? Next { get; set; }

    internal Ticket? Previous { get; set; }

    /// <summary>In the order of arrival of its class.</summary>
    internal Ticket? Younger { get; set; }

    internal Ticket? Older { get; set; }
}

/// <summary>What one of several callers pays of a request that is made for all of them.</summary>
/// <param name="Caller">Who.</param>
/// <param name="Weight">Its part, in proportion to those of the others; at least 1.</param>
public sealed record TicketShare(Caller Caller, long Weight);

/// <summary>Why a request waited.</summary>
public enum WaitCause
{
    /// <summary>It did not.</summary>
    None,

    /// <summary>All slots of its model were taken.</summary>
    Slots,

    /// <summary>Its model is not in memory, and requests for others that are come first for a while.</summary>
    Swap,

    /// <summary>No node that could run it can be used now.</summary>
    Nodes,
}
