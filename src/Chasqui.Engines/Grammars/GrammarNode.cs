using System.Collections;

namespace Chasqui.Engines.Grammars;

/// <summary>What a node of a grammar stands for.</summary>
internal enum GrammarNodeKind
{
    /// <summary>Characters, one after another.</summary>
    Runes,

    /// <summary>One character of a set.</summary>
    Set,

    /// <summary>All items, one after another.</summary>
    Sequence,

    /// <summary>One of the items.</summary>
    Choice,

    /// <summary>The one item, several times.</summary>
    Repeat,
}

/// <summary>A part of a <see cref="GrammarGraph"/>. Not changed once the graph is made; equal only to itself.</summary>
internal sealed class GrammarNode(GrammarNodeKind kind)
{
    private const int Ascii = 128;

    private readonly BitArray? _ascii;
    private readonly IReadOnlyList<(int From, int To)> _ranges = [];

    public GrammarNode(CharSet set)
        : this(GrammarNodeKind.Set)
    {
        _ranges = set.Ranges;
        _ascii = new BitArray(Ascii);
        for (var c = 0; c < Ascii; c++)
            _ascii[c] = set.Contains(c);
    }

    public GrammarNodeKind Kind { get; } = kind;

    public GrammarNode[] Items { get; set; } = [];

    public int[] Runes { get; init; } = [];

    public int Min { get; init; }

    /// <summary>-1 for no end.</summary>
    public int Max { get; init; } = -1;

    /// <summary>Whether the character fits at this place of the node.</summary>
    public bool Matches(int at, int rune)
    {
        if (Kind == GrammarNodeKind.Runes)
            return Runes[at] == rune;
        if (rune < Ascii)
            return _ascii![rune];
        var (low, high) = (0, _ranges.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (rune < _ranges[middle].From)
                high = middle - 1;
            else if (rune > _ranges[middle].To)
                low = middle + 1;
            else
                return true;
        }
        return false;
    }

    /// <summary>Whether any character between two fits at this place of the node.</summary>
    public bool MatchesAny(int at, int low, int high)
    {
        if (Kind == GrammarNodeKind.Runes)
            return Runes[at] >= low && Runes[at] <= high;
        foreach (var (from, to) in _ranges)
        {
            if (from <= high && to >= low)
                return true;
        }
        return false;
    }
}
