namespace Chasqui.Engines.Grammars;

/// <summary>A place in a grammar: a node, how far in it, and what comes behind it. Of one <see cref="GrammarMatcher"/> equal places are one object.</summary>
internal sealed class GrammarPlace(GrammarNode node, int at, GrammarPlace? next)
{
    public GrammarNode Node { get; } = node;

    /// <summary>The character of a text, the item of a sequence, or how often a repetition was there already.</summary>
    public int At { get; } = at;

    /// <summary>Null for the end of the grammar.</summary>
    public GrammarPlace? Next { get; } = next;
}

/// <summary>All places that a text may have led to. Each waits for a character.</summary>
internal sealed class GrammarState(GrammarPlace[] heads, bool canEnd)
{
    public GrammarPlace[] Heads { get; } = heads;

    /// <summary>Whether the text may end here.</summary>
    public bool CanEnd { get; } = canEnd;

    /// <summary>Where the characters lead that fit the same heads; a bit for each head. For states of few heads.</summary>
    public Dictionary<ulong, GrammarState?> ByHeads => field ??= [];

    /// <summary>Where a character leads. For states of many heads.</summary>
    public Dictionary<int, GrammarState?> ByRune => field ??= [];
}
