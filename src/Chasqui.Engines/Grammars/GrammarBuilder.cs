using System.Globalization;
using System.Text;

namespace Chasqui.Engines.Grammars;

/// <summary>Collects the rules of a grammar, and keeps it within what llama.cpp's parser (<c>src/llama-grammar.cpp</c>) takes.</summary>
internal sealed class GrammarBuilder
{
    public const int MaxRules = 5_000;
    public const int MaxLength = 1024 * 1024;

    // The parser writes a repetition out, refuses more than 2,000 at once, and reads a maximum above that as none.
    private const int Chunk = 1_000;
    private const int MaxWrittenOut = 100_000;

    /// <summary>The largest count that is kept exactly; a maximum above it is longer than any answer.</summary>
    public const int MaxCount = 100_000;

    private readonly Dictionary<string, Gbnf> _rules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private int _writtenOut;
    private long _length;

    public IReadOnlyDictionary<string, Gbnf> Rules => _rules;

    /// <summary>Sets a rule of a name that is known beforehand.</summary>
    public void Set(string name, Gbnf body)
    {
        if (_rules.Count >= MaxRules)
            throw TooLarge(string.Create(CultureInfo.InvariantCulture, $"more than {MaxRules} rules"));
        _rules[name] = body;
        Measure(body.ToString().Length + name.Length + 6);
    }

    /// <summary>A reference to a rule with this body, which is made unless there is one.</summary>
    public Gbnf Rule(string hint, Gbnf body)
    {
        if (body is GbnfRef)
            return body;
        string text = body.ToString();
        if (!_names.TryGetValue(text, out string? name))
        {
            name = NewName(hint);
            _names.Add(text, name);
            Set(name, body);
        }

        return Gbnf.Ref(name);
    }

    /// <summary>A name no rule has yet; the caller sets it.</summary>
    public string NewName(string hint)
    {
        var name = new StringBuilder();
        foreach (char c in hint)
        {
            if (name.Length < 24 && char.IsAsciiLetterOrDigit(c))
                name.Append(c);
        }

        return string.Create(CultureInfo.InvariantCulture, $"{(name.Length == 0 ? "s" : name)}-{++_named}");
    }

    private int _named;

    /// <summary>An item that is never empty, repeated.</summary>
    /// <param name="hint">What a rule made for it is called.</param>
    /// <param name="item">The item.</param>
    /// <param name="min">How often at least, to <see cref="MaxCount"/>.</param>
    /// <param name="max">How often at most, or null; above <see cref="MaxCount"/> is without end.</param>
    public Gbnf Repeat(string hint, Gbnf item, int min, int? max)
    {
        if (max > MaxCount)
            max = null;
        if (max == 0)
            return Gbnf.Empty;
        if (min == 1 && max == 1)
            return item;
        var atom = item is GbnfSet or GbnfRef ? item : Rule(hint, item);
        if (min <= Chunk && (max is null || max <= Chunk))
            return Small(atom, min, max);
        return max is null
            ? Gbnf.Seq(Exactly(hint, atom, min), Small(atom, 0, null))
            : Gbnf.Seq(Exactly(hint, atom, min), UpTo(hint, atom, max.Value - min));
    }

    private Gbnf Small(Gbnf atom, int min, int? max)
    {
        if (max == 0)
            return Gbnf.Empty;
        _writtenOut += Math.Max(min, max ?? 1);
        return _writtenOut > MaxWrittenOut
            ? throw TooLarge(string.Create(CultureInfo.InvariantCulture, $"more than {MaxWrittenOut} repetitions in all"))
            : min == 1 && max == 1 ? atom : new GbnfRepeat(atom, min, max);
    }

    private Gbnf Exactly(string hint, Gbnf atom, int count)
    {
        if (count <= Chunk)
            return Small(atom, count, count);
        var chunk = Rule(hint, Small(atom, Chunk, Chunk));
        return Gbnf.Seq(Small(chunk, count / Chunk, count / Chunk), Small(atom, count % Chunk, count % Chunk));
    }

    private Gbnf UpTo(string hint, Gbnf atom, int count)
    {
        if (count <= Chunk)
            return Small(atom, 0, count);
        var chunk = Rule(hint, Small(atom, Chunk, Chunk));
        var below = Rule(hint, Small(atom, 0, Chunk - 1));
        var rest = Rule(hint, Small(atom, 0, count % Chunk));
        for (int i = 0; i < count / Chunk; i++)
            rest = Rule(hint, Gbnf.Any(Gbnf.Seq(chunk, rest), below));
        return rest;
    }

    /// <summary>The grammar, checked and ready to be followed.</summary>
    public GrammarGraph BuildGraph()
    {
        GrammarGuard.Check(_rules);
        return GrammarGraph.Of(_rules);
    }

    /// <summary>The grammar's text, checked.</summary>
    public string Build()
    {
        GrammarGuard.Check(_rules);
        var text = new StringBuilder();
        foreach (var (name, body) in _rules)
        {
            text.Append(name).Append(" ::= ");
            body.Write(text, nested: false);
            text.Append('\n');
        }

        return text.ToString();
    }

    private void Measure(int length)
    {
        _length += length;
        if (_length > MaxLength)
            throw TooLarge(string.Create(CultureInfo.InvariantCulture, $"more than {MaxLength} characters"));
    }

    private static InvalidFormatException TooLarge(string what) =>
        new($"format: at #: the schema is too large: its grammar takes {what}; simplify it or split the request");
}
