using System.Globalization;
using System.Text;

namespace Chasqui.Engines.Grammars;

/// <summary>
/// Reads the regular expressions of JSON schemas (ECMA-262) as far as they describe a regular language that a grammar can
/// hold: classes, groups, alternatives, quantifiers (a lazy one means the same here), and anchors at the ends.
/// </summary>
internal sealed class PatternParser
{
    private const int MaxDepth = 50;
    private const int MaxLength = 4096;
    private const int MaxCount = 10_000;

    private readonly int[] _text;
    private int _pos;
    private int _depth;

    private PatternParser(string pattern) => _text = [.. pattern.EnumerateRunes().Select(rune => rune.Value)];

    /// <exception cref="PatternException">The pattern is malformed or beyond what a grammar can hold.</exception>
    public static PatternNode Parse(string pattern)
    {
        if (pattern.Length > MaxLength)
            throw new PatternException(string.Create(CultureInfo.InvariantCulture, $"it has {pattern.Length} characters, but may have at most {MaxLength}"));
        var parser = new PatternParser(pattern);
        var node = parser.Choice();
        if (parser._pos < parser._text.Length)
            throw new PatternException("it has an unmatched \")\"");
        return Anchored(node);
    }

    /// <summary>Says what stands before and after the pattern, alternative by alternative.</summary>
    private static PatternNode Anchored(PatternNode node)
    {
        if (node is PatternSequence { Items: [var only] } && only is not PatternAnchor)
            return Anchored(only);
        if (node is PatternChoice choice)
            return new PatternChoice([.. choice.Items.Select(Anchored)]);
        var items = node is PatternSequence sequence ? sequence.Items.ToList() : [node];
        int start = items.TakeWhile(item => item is PatternAnchor { IsStart: true }).Count();
        int end = items.Skip(start).Reverse().TakeWhile(item => item is PatternAnchor { IsStart: false }).Count();
        var inner = items[start..^end];
        if (inner.Any(HasAnchor))
            throw new PatternException("\"^\" and \"$\" are supported only at its beginning and end");
        if (start == 0)
            inner.Insert(0, new PatternAnything());
        if (end == 0)
            inner.Add(new PatternAnything());
        return new PatternSequence(inner);
    }

    private static bool HasAnchor(PatternNode node) => node switch
    {
        PatternAnchor => true,
        PatternSequence sequence => sequence.Items.Any(HasAnchor),
        PatternChoice choice => choice.Items.Any(HasAnchor),
        PatternRepeat repeat => HasAnchor(repeat.Item),
        _ => false,
    };

    private static PatternNode Either(List<PatternNode> items) => items.Count == 1 ? items[0] : new PatternChoice(items);

    private bool Next(char c)
    {
        if (_pos >= _text.Length || _text[_pos] != c)
            return false;
        _pos++;
        return true;
    }

    private PatternNode Choice()
    {
        if (++_depth > MaxDepth)
            throw new PatternException(string.Create(CultureInfo.InvariantCulture, $"it nests groups deeper than {MaxDepth}"));
        var items = new List<PatternNode>();
        do
        {
            items.Add(Sequence());
        }
        while (Next('|'));
        _depth--;
        return Either(items);
    }

    private PatternSequence Sequence()
    {
        var items = new List<PatternNode>();
        while (_pos < _text.Length && _text[_pos] is not ('|' or ')'))
            items.Add(Quantified());
        return new PatternSequence(items);
    }

    private PatternNode Quantified()
    {
        var item = Atom();
        if (Quantifier() is not { } times)
            return item;
        if (item is PatternAnchor)
            throw new PatternException("it repeats an anchor");
        Next('?');
        return Quantifier() is null
            ? new PatternRepeat(item, times.Min, times.Max)
            : throw new PatternException("it has nothing to repeat before a quantifier");
    }

    private (int Min, int? Max)? Quantifier()
    {
        if (Next('*'))
            return (0, null);
        if (Next('+'))
            return (1, null);
        if (Next('?'))
            return (0, 1);
        int start = _pos;
        if (Next('{') && Count() is { } min)
        {
            int? max = min;
            if (Next(','))
                max = Count();
            if (Next('}'))
                return max < min ? throw new PatternException("it has a quantifier whose bounds are out of order") : (min, max);
        }

        // A brace that begins no quantifier stands for itself.
        _pos = start;
        return null;
    }

    private int? Count()
    {
        int start = _pos;
        int count = 0;
        for (; _pos < _text.Length && _text[_pos] is >= '0' and <= '9'; _pos++)
        {
            count = (count * 10) + (_text[_pos] - '0');
            if (count > MaxCount)
                throw new PatternException(string.Create(CultureInfo.InvariantCulture, $"it repeats more than {MaxCount} times"));
        }

        return _pos > start ? count : null;
    }

    private PatternNode Atom()
    {
        int c = _text[_pos++];
        switch (c)
        {
            case '^': return new PatternAnchor(true);
            case '$': return new PatternAnchor(false);
            case '.': return new PatternSet(CharSet.NotLineEnd);
            case '[': return new PatternSet(Class());
            case '(': return Group();
            case '\\': return new PatternSet(Escape(inClass: false));
            case '*' or '+' or '?': throw new PatternException("it has nothing to repeat before a quantifier");
            default: return new PatternSet(CharSet.Single(c));
        }
    }

    private PatternNode Group()
    {
        if (Next('?') && !Next(':'))
        {
            if (!Next('<') || _pos >= _text.Length || _text[_pos] is '=' or '!')
                throw new PatternException("it looks ahead or behind, or sets flags, which a grammar cannot");
            while (_pos < _text.Length && _text[_pos] != '>')
                _pos++;
            Next('>');
        }

        var node = Choice();
        return Next(')') ? node : throw new PatternException("it has an unmatched \"(\"");
    }

    private CharSet Class()
    {
        bool negated = Next('^');
        var sets = new List<(int, int)>();
        while (true)
        {
            if (_pos >= _text.Length)
                throw new PatternException("it has an unmatched \"[\"");
            if (Next(']'))
                break;
            var from = ClassItem();
            if (_pos + 1 < _text.Length && _text[_pos] == '-' && _text[_pos + 1] != ']')
            {
                _pos++;
                var to = ClassItem();
                if (OnlyOne(from) is not { } low || OnlyOne(to) is not { } high || low > high)
                    throw new PatternException("it has a range in a class that is out of order");
                sets.Add((low, high));
            }
            else
            {
                sets.AddRange(from.Ranges);
            }
        }

        var set = CharSet.Of(sets).Intersect(CharSet.All);
        set = negated ? set.Complement() : set;
        return set.IsEmpty ? throw new PatternException("it has an empty class, which matches nothing") : set;
    }

    private CharSet ClassItem()
    {
        int c = _text[_pos++];
        return c == '\\' ? Escape(inClass: true) : CharSet.Single(c);
    }

    private static int? OnlyOne(CharSet set) => set.Ranges is [var (from, to)] && from == to ? from : null;

    private CharSet Escape(bool inClass)
    {
        if (_pos >= _text.Length)
            throw new PatternException("it ends in a backslash");
        int c = _text[_pos++];
        return c switch
        {
            'd' => CharSet.Digits,
            'D' => CharSet.Digits.Complement(),
            'w' => CharSet.Word,
            'W' => CharSet.Word.Complement(),
            's' => CharSet.Space,
            'S' => CharSet.Space.Complement(),
            't' => CharSet.Single('\t'),
            'n' => CharSet.Single('\n'),
            'r' => CharSet.Single('\r'),
            'v' => CharSet.Single('\v'),
            'f' => CharSet.Single('\f'),
            '0' => CharSet.Single(0),
            'b' when inClass => CharSet.Single('\b'),
            'x' => CharSet.Single(Hex(2)),
            'u' => CodePoint(),
            _ when c < 0x80 && char.IsAsciiLetterOrDigit((char)c) => throw new PatternException(
                $"it has \"\\{(char)c}\", which is not supported; use classes, groups, alternatives and quantifiers"),
            _ => CharSet.Single(c),
        };
    }

    private CharSet CodePoint()
    {
        if (Next('{'))
        {
            int length = Array.IndexOf(_text, '}', _pos) - _pos;
            if (length is < 1 or > 6)
                throw new PatternException("it has a malformed \"\\u{…}\"");
            int wide = Hex(length);
            _pos++;
            return Valid(wide);
        }

        int unit = Hex(4);
        // Two escapes of a surrogate pair are one character.
        if (unit is >= 0xD800 and < 0xDC00 && _pos + 1 < _text.Length && _text[_pos] == '\\' && _text[_pos + 1] == 'u')
        {
            _pos += 2;
            int low = Hex(4);
            if (low is >= 0xDC00 and < 0xE000)
                return CharSet.Single(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
        }

        return Valid(unit);
    }

    private static CharSet Valid(int codePoint) => Rune.IsValid(codePoint)
        ? CharSet.Single(codePoint)
        : throw new PatternException("it names half a surrogate pair, which is no character");

    private int Hex(int digits)
    {
        int value = 0;
        for (int i = 0; i < digits; i++)
        {
            int c = _pos < _text.Length ? _text[_pos++] : -1;
            if (c is < 0 or > 0x7F || !char.IsAsciiHexDigit((char)c))
                throw new PatternException("it has a malformed escape");
            value = (value << 4) + Convert.ToInt32(((char)c).ToString(), 16);
        }

        return value;
    }
}

/// <summary>A pattern cannot be used; the message says why, and begins with "it".</summary>
internal sealed class PatternException(string message) : Exception(message);
