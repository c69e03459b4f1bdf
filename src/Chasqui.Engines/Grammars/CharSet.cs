using System.Globalization;
using System.Text;

namespace Chasqui.Engines.Grammars;

/// <summary>A set of Unicode code points (no surrogates), as sorted ranges that neither overlap nor touch.</summary>
internal sealed class CharSet
{
    private const int Last = 0x10FFFF;

    private CharSet(IReadOnlyList<(int From, int To)> ranges) => Ranges = ranges;

    public IReadOnlyList<(int From, int To)> Ranges { get; }

    public bool IsEmpty => Ranges.Count == 0;

    public static CharSet All { get; } = Of((0, 0xD7FF), (0xE000, Last));

    public static CharSet Digits { get; } = Of(('0', '9'));

    public static CharSet Word { get; } = Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));

    public static CharSet Space { get; } = Of(('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
        (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));

    /// <summary>All but the line ends, as a dot in a pattern means.</summary>
    public static CharSet NotLineEnd { get; } = Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)).Complement();

    /// <summary>What a JSON text holds as it is.</summary>
    public static CharSet PlainInJson { get; } = Of((0, 0x1F), ('"', '"'), ('\\', '\\')).Complement();

    public static CharSet Single(int codePoint) => Of((codePoint, codePoint));

    public static CharSet Of(params IEnumerable<(int From, int To)> ranges)
    {
        var merged = new List<(int From, int To)>();
        foreach (var range in ranges.OrderBy(r => r.From))
        {
            if (merged.Count > 0 && range.From <= merged[^1].To + 1)
                merged[^1] = (merged[^1].From, Math.Max(merged[^1].To, range.To));
            else
                merged.Add(range);
        }

        return new CharSet(merged);
    }

    public bool Contains(int codePoint) => Ranges.Any(r => r.From <= codePoint && codePoint <= r.To);

    public CharSet Union(CharSet other) => Of(Ranges.Concat(other.Ranges));

    public CharSet Complement()
    {
        var rest = new List<(int, int)>();
        int next = 0;
        foreach (var (from, to) in Ranges.Append((Last + 1, Last + 1)))
        {
            Add(next, from - 1);
            next = to + 1;
        }

        return new CharSet(rest);

        void Add(int from, int to)
        {
            if (from <= Math.Min(to, 0xD7FF))
                rest.Add((from, Math.Min(to, 0xD7FF)));
            if (Math.Max(from, 0xE000) <= to)
                rest.Add((Math.Max(from, 0xE000), to));
        }
    }

    public CharSet Intersect(CharSet other) => Complement().Union(other.Complement()).Complement();

    /// <summary>The set as a class of a grammar, e.g. <c>[a-z]</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("[");
        foreach (var (from, to) in Ranges)
        {
            Append(text, from);
            if (to > from)
                Append(to > from + 1 ? text.Append('-') : text, to);
        }

        return text.Append(']').ToString();
    }

    private static void Append(StringBuilder text, int codePoint)
    {
        if (codePoint < 0x80 && char.IsAsciiLetterOrDigit((char)codePoint))
            text.Append((char)codePoint);
        else if (codePoint < 0x80)
            text.Append(CultureInfo.InvariantCulture, $"\\x{codePoint:X2}");
        else if (codePoint < 0x10000)
            text.Append(CultureInfo.InvariantCulture, $"\\u{codePoint:X4}");
        else
            text.Append(CultureInfo.InvariantCulture, $"\\U{codePoint:X8}");
    }
}
