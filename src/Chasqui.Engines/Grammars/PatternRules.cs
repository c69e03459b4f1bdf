using System.Globalization;

namespace Chasqui.Engines.Grammars;

/// <summary>Writes a pattern as the rules for the inside of a JSON text: characters that JSON escapes appear escaped.</summary>
internal sealed class PatternRules(GrammarBuilder grammar, JsonRules json)
{
    private const int MaxNodes = 50_000;
    private static readonly CharSet _controls = CharSet.Of((0, 0x1F));
    private int _nodes;

    /// <exception cref="PatternException">The pattern grows too large.</exception>
    public Gbnf Rules(PatternNode node)
    {
        if (++_nodes > MaxNodes)
            throw TooLarge();
        switch (node)
        {
            case PatternSet set: return Set(set.Set);
            case PatternAnything: return new GbnfRepeat(json.Char, 0, null);
            case PatternSequence sequence: return Gbnf.Seq(sequence.Items.Select(Rules));
            case PatternChoice choice: return Gbnf.Any(choice.Items.Select(Rules));
            case PatternRepeat repeat:
                // A repeated item that may be empty would be left recursion: it is repeated without its empty match.
                bool nullable = repeat.Item.IsNullable;
                return NotEmpty(repeat.Item) is { } item && repeat.Max != 0
                    ? grammar.Repeat("part", Rules(item), nullable ? 0 : repeat.Min, repeat.Max)
                    : Gbnf.Empty;
            default: return Gbnf.Empty;
        }
    }

    /// <summary>What the node matches but for the empty text; null where that is nothing.</summary>
    private PatternNode? NotEmpty(PatternNode node)
    {
        if (++_nodes > MaxNodes)
            throw TooLarge();
        if (!node.IsNullable)
            return node;
        switch (node)
        {
            case PatternAnything: return new PatternSequence([new PatternSet(CharSet.All), node]);
            case PatternRepeat repeat:
                return repeat.Max == 0 || NotEmpty(repeat.Item) is not { } item ? null : new PatternRepeat(item, 1, repeat.Max);
            case PatternChoice choice:
                return Either(choice.Items.Select(NotEmpty));
            case PatternSequence sequence:
                // The first part that is not empty, with all that may follow it.
                return Either(sequence.Items.Select((part, i) => NotEmpty(part) is { } first
                    ? new PatternSequence([first, .. Charged(sequence.Items.Skip(i + 1))])
                    : null));
            default: return null;
        }
    }

    private List<PatternNode> Charged(IEnumerable<PatternNode> items)
    {
        var list = items.ToList();
        _nodes += list.Count;
        return _nodes > MaxNodes ? throw TooLarge() : list;
    }

    private static PatternNode? Either(IEnumerable<PatternNode?> items)
    {
        var some = items.OfType<PatternNode>().ToList();
        return some.Count switch { 0 => null, 1 => some[0], _ => new PatternChoice(some) };
    }

    private Gbnf Set(CharSet set)
    {
        var plain = set.Intersect(CharSet.PlainInJson);
        var choices = new List<Gbnf>();
        if (!plain.IsEmpty)
            choices.Add(Gbnf.Set(plain));
        string named = string.Concat("\"\\\b\f\n\r\t".Where(c => set.Contains(c)).Select(c => c switch
        {
            '\b' => 'b',
            '\f' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            _ => c,
        }));
        if (named.Length > 0)
            choices.Add(Gbnf.Seq(Gbnf.Text("\\"), Gbnf.Set(CharSet.Of(named.Select(c => ((int)c, (int)c))))));
        foreach (var (from, to) in set.Intersect(_controls).Ranges)
        {
            for (int control = from; control <= to; control++)
            {
                if (!"\b\f\n\r\t".Contains((char)control, StringComparison.Ordinal))
                    choices.Add(Gbnf.Text(string.Create(CultureInfo.InvariantCulture, $"\\u{control:x4}")));
            }
        }

        var any = Gbnf.Any(choices);
        return choices.Count > 1 ? grammar.Rule("set", any) : any;
    }

    private static PatternException TooLarge() => new("it is too complex; repeat less, or nest fewer optional parts");
}
