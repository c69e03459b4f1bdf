using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Chasqui.Engines.Tests.Grammars;

/// <summary>
/// Reads the grammar language of llama.cpp, as strictly as its parser does, and tells whether a text is in the grammar. It
/// follows all derivations side by side, as llama.cpp does: a derivation is a stack of what must still come.
/// </summary>
internal sealed class GbnfRecognizer
{
    private const int MaxRepetition = 2000;
    private readonly Dictionary<string, List<List<Element>>> _rules = [];
    private readonly string _text;
    private int _pos;
    private int _made;

    private GbnfRecognizer(string text) => _text = text;

    private abstract record Element;

    private sealed record Chars(bool Negated, IReadOnlyList<(int From, int To)> Ranges) : Element
    {
        public bool Matches(int c) => Ranges.Any(r => r.From <= c && c <= r.To) != Negated;
    }

    private sealed record Reference(string Rule) : Element;

    /// <summary>What must still come: a place in an alternative, and what comes after it. Equal stacks are one object.</summary>
    private sealed record Stack(List<Element> Items, int At, Stack? Below)
    {
        public bool Equals(Stack? other) => other is not null && ReferenceEquals(Items, other.Items) && At == other.At
            && ReferenceEquals(Below, other.Below);

        public override int GetHashCode() => HashCode.Combine(
            RuntimeHelpers.GetHashCode(Items), At, Below is null ? 0 : RuntimeHelpers.GetHashCode(Below));
    }

    public int RuleCount => _rules.Count;

    public static GbnfRecognizer Parse(string grammar)
    {
        var reader = new GbnfRecognizer(grammar);
        while (reader.Space(true) < grammar.Length)
            reader.Rule();
        foreach (var element in reader._rules.Values.SelectMany(a => a).SelectMany(e => e))
            Assert.True(element is not Reference reference || reader._rules.ContainsKey(reference.Rule), $"undefined rule {element}");
        Assert.Contains("root", reader._rules.Keys);
        return reader;
    }

    public bool Accepts(string text)
    {
        var known = new Dictionary<Stack, Stack>();
        var stacks = new HashSet<Stack>();
        bool ends = false;
        foreach (var alternative in _rules["root"])
            ends |= Advance(One(known, new Stack(alternative, 0, null)), stacks, known);
        foreach (var rune in text.EnumerateRunes())
        {
            var next = new HashSet<Stack>();
            ends = false;
            foreach (var stack in stacks)
            {
                if (((Chars)stack.Items[stack.At]).Matches(rune.Value))
                    ends |= Advance(One(known, stack with { At = stack.At + 1 }), next, known);
            }

            stacks = next;
            Assert.InRange(stacks.Count, 0, 20_000);
        }

        return ends;
    }

    private static Stack One(Dictionary<Stack, Stack> known, Stack stack)
    {
        if (known.TryGetValue(stack, out var same))
            return same;
        known.Add(stack, stack);
        return stack;
    }

    /// <summary>Adds the stacks that wait for a character; whether the text may also end here.</summary>
    private bool Advance(Stack start, HashSet<Stack> into, Dictionary<Stack, Stack> known)
    {
        bool ends = false;
        var seen = new HashSet<Stack>();
        var todo = new Stack<Stack>();
        todo.Push(start);
        while (todo.TryPop(out var top))
        {
            Stack? stack = top;
            while (stack is not null && stack.At >= stack.Items.Count)
                stack = stack.Below;
            if (stack is null)
            {
                ends = true;
                continue;
            }

            if (!seen.Add(stack))
                continue;
            Assert.InRange(seen.Count, 0, 100_000);
            if (stack.Items[stack.At] is not Reference reference)
            {
                into.Add(stack);
                continue;
            }

            // What follows a last reference is what follows the rule itself, so the stack need not grow.
            var below = stack.At + 1 < stack.Items.Count ? One(known, stack with { At = stack.At + 1 }) : stack.Below;
            foreach (var alternative in _rules[reference.Rule])
                todo.Push(One(known, new Stack(alternative, 0, below)));
        }

        return ends;
    }

    private void Rule()
    {
        string name = Name();
        Space(false);
        Expect("::=");
        Space(true);
        _rules.Add(name, Alternatives(name, nested: false));
        if (_pos < _text.Length)
            Expect("\n");
    }

    private List<List<Element>> Alternatives(string name, bool nested)
    {
        var alternatives = new List<List<Element>> { Sequence(name, nested) };
        while (_pos < _text.Length && _text[_pos] == '|')
        {
            _pos++;
            Space(true);
            alternatives.Add(Sequence(name, nested));
        }

        return alternatives;
    }

    private List<Element> Sequence(string name, bool nested)
    {
        var items = new List<Element>();
        int last = 0;
        long written = 1;
        while (_pos < _text.Length)
        {
            char c = _text[_pos];
            if (c == '"')
            {
                last = items.Count;
                written = 1;
                for (_pos++; _text[_pos] != '"';)
                {
                    int one = Character();
                    items.Add(new Chars(false, [(one, one)]));
                }

                _pos++;
            }
            else if (c == '[')
            {
                last = items.Count;
                written = 1;
                items.Add(Class());
            }
            else if (c == '(')
            {
                _pos++;
                Space(true);
                int before = _made;
                string inner = string.Create(CultureInfo.InvariantCulture, $"{name}_{++_made}");
                _rules.Add(inner, Alternatives(inner, nested: true));
                written = _made - before;
                last = items.Count;
                items.Add(new Reference(inner));
                Expect(")");
            }
            else if (c is '*' or '+' or '?' or '{')
            {
                var (min, max) = Times();
                Assert.True(items.Count > last, "nothing to repeat");
                Repeat(name, items, last, min, max, ref written);
            }
            else if (char.IsAsciiLetterOrDigit(c) || c == '-')
            {
                last = items.Count;
                written = 1;
                items.Add(new Reference(Name()));
            }
            else
            {
                break;
            }

            Space(nested);
        }

        return items;
    }

    private void Repeat(string name, List<Element> items, int last, int min, int? max, ref long written)
    {
        long total = max is > 0 ? max.Value : Math.Max(1, min);
        Assert.True(written * total <= MaxRepetition, "too many repetitions");
        written *= total;
        var item = items[last..];
        items.RemoveRange(last, items.Count - last);
        for (int i = 0; i < min; i++)
            items.AddRange(item);
        if (max is null)
        {
            string loop = string.Create(CultureInfo.InvariantCulture, $"{name}_{++_made}");
            _rules.Add(loop, [[.. item, new Reference(loop)], []]);
            items.Add(new Reference(loop));
            return;
        }

        Reference? rest = null;
        for (int i = 0; i < max - min; i++)
        {
            string more = string.Create(CultureInfo.InvariantCulture, $"{name}_{++_made}");
            _rules.Add(more, rest is null ? [[.. item], []] : [[.. item, rest], []]);
            rest = new Reference(more);
        }

        if (rest is not null)
            items.Add(rest);
    }

    private (int Min, int? Max) Times()
    {
        switch (_text[_pos++])
        {
            case '*': return (0, null);
            case '+': return (1, null);
            case '?': return (0, 1);
        }

        int min = Number();
        int? max = min;
        if (_text[_pos] == ',')
        {
            _pos++;
            max = char.IsAsciiDigit(_text[_pos]) ? Number() : null;
        }

        Expect("}");
        return (min, max);
    }

    private int Number()
    {
        int start = _pos;
        while (char.IsAsciiDigit(_text[_pos]))
            _pos++;
        return int.Parse(_text.AsSpan(start, _pos - start), CultureInfo.InvariantCulture);
    }

    private Chars Class()
    {
        _pos++;
        bool negated = _text[_pos] == '^';
        if (negated)
            _pos++;
        var ranges = new List<(int, int)>();
        while (_text[_pos] != ']')
        {
            int from = Character();
            int to = from;
            if (_text[_pos] == '-' && _text[_pos + 1] != ']')
            {
                _pos++;
                to = Character();
            }

            Assert.True(from <= to, "a range out of order");
            ranges.Add((from, to));
        }

        _pos++;
        Assert.NotEmpty(ranges);
        return new Chars(negated, ranges);
    }

    private int Character()
    {
        if (_text[_pos] != '\\')
        {
            var rune = Rune.GetRuneAt(_text, _pos);
            _pos += rune.Utf16SequenceLength;
            return rune.Value;
        }

        char c = _text[_pos + 1];
        int hex = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        int at = _pos + 2;
        _pos = at + hex;
        return c switch
        {
            'x' or 'u' or 'U' => int.Parse(_text.AsSpan(at, hex), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
            't' => '\t',
            'r' => '\r',
            'n' => '\n',
            '\\' or '"' or '[' or ']' or '-' => c,
            _ => throw new InvalidOperationException($"unknown escape at {at}"),
        };
    }

    private string Name()
    {
        int start = _pos;
        while (_pos < _text.Length && (char.IsAsciiLetterOrDigit(_text[_pos]) || _text[_pos] == '-'))
            _pos++;
        Assert.True(_pos > start, $"a name expected at {start}: {_text[start..Math.Min(start + 20, _text.Length)]}");
        return _text[start.._pos];
    }

    private void Expect(string what)
    {
        Assert.Equal(what, _text.Substring(_pos, Math.Min(what.Length, _text.Length - _pos)));
        _pos += what.Length;
    }

    private int Space(bool newlines)
    {
        while (_pos < _text.Length && (_text[_pos] is ' ' or '\t' || (newlines && _text[_pos] is '\r' or '\n')))
            _pos++;
        return _pos;
    }
}
