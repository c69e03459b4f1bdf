using System.Globalization;
using System.Text;

namespace Chasqui.Engines.Grammars;

/// <summary>An expression of llama.cpp's grammar language (<c>grammars/README.md</c> there).</summary>
internal abstract record Gbnf
{
    public static Gbnf Empty { get; } = new GbnfSequence([]);

    public static Gbnf Text(string text) => text.Length == 0 ? Empty : new GbnfText(text);

    public static Gbnf Ref(string rule) => new GbnfRef(rule);

    public static Gbnf Set(CharSet set) => new GbnfSet(set);

    public static Gbnf Seq(params IEnumerable<Gbnf> items)
    {
        var flat = new List<Gbnf>();
        foreach (var item in items)
        {
            if (item is GbnfSequence inner)
                flat.AddRange(inner.Items);
            else
                flat.Add(item);
        }

        return flat.Count == 1 ? flat[0] : new GbnfSequence(flat);
    }

    public static Gbnf Any(params IEnumerable<Gbnf> items)
    {
        var flat = new List<Gbnf>();
        foreach (var item in items)
        {
            if (item is GbnfChoice inner)
                flat.AddRange(inner.Items);
            else
                flat.Add(item);
        }

        return flat.Count == 1 ? flat[0] : new GbnfChoice(flat);
    }

    public static Gbnf Optional(Gbnf item) => Any(Empty, item);

    /// <summary>Writes the expression; <paramref name="nested"/> puts a choice in parentheses.</summary>
    public abstract void Write(StringBuilder text, bool nested);

    public sealed override string ToString()
    {
        var text = new StringBuilder();
        Write(text, nested: false);
        return text.ToString();
    }
}

internal sealed record GbnfText(string Value) : Gbnf
{
    public override void Write(StringBuilder text, bool nested)
    {
        text.Append('"');
        foreach (var rune in Value.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '"' or '\\' => text.Append('\\').Append((char)rune.Value),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                < 0x20 or 0x7F => text.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:X2}"),
                _ => text.Append(rune.ToString()),
            };
        }

        text.Append('"');
    }
}

internal sealed record GbnfSet(CharSet Value) : Gbnf
{
    public override void Write(StringBuilder text, bool nested) => text.Append(Value);
}

internal sealed record GbnfRef(string Rule) : Gbnf
{
    public override void Write(StringBuilder text, bool nested) => text.Append(Rule);
}

internal sealed record GbnfSequence(IReadOnlyList<Gbnf> Items) : Gbnf
{
    public override void Write(StringBuilder text, bool nested)
    {
        if (Items.Count == 0)
            text.Append("\"\"");
        for (int i = 0; i < Items.Count; i++)
            Items[i].Write(i > 0 ? text.Append(' ') : text, nested: true);
    }
}

internal sealed record GbnfChoice(IReadOnlyList<Gbnf> Items) : Gbnf
{
    public override void Write(StringBuilder text, bool nested)
    {
        if (nested)
            text.Append('(');
        for (int i = 0; i < Items.Count; i++)
            Items[i].Write(i > 0 ? text.Append(" | ") : text, nested: true);
        if (nested)
            text.Append(')');
    }
}

/// <summary>A set or a rule repeated; made by <see cref="GrammarBuilder.Repeat"/> alone, which keeps within the parser's limits.</summary>
internal sealed record GbnfRepeat(Gbnf Item, int Min, int? Max) : Gbnf
{
    public override void Write(StringBuilder text, bool nested)
    {
        Item.Write(text, nested: true);
        _ = (Min, Max) switch
        {
            (0, null) => text.Append('*'),
            (1, null) => text.Append('+'),
            (0, 1) => text.Append('?'),
            var (min, max) when min == max => text.Append(CultureInfo.InvariantCulture, $"{{{min}}}"),
            _ => text.Append(CultureInfo.InvariantCulture, $"{{{Min},{Max}}}"),
        };
    }
}
