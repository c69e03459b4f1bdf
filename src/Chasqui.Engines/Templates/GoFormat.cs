using System.Globalization;
using System.Text;

namespace Chasqui.Engines.Templates;

/// <summary>Prints values as Go's <c>fmt</c> does.</summary>
internal static class GoFormat
{
    private const int MaxDepth = 100;
    private const int MaxPadding = 1_000_000;

    /// <summary>A value as an action prints it.</summary>
    public static string Print(object? value, TemplateBudget budget) => value switch
    {
        string text => text,
        null => "<no value>",
        _ => Value(value, budget),
    };

    /// <summary>A value as <c>%v</c> prints it.</summary>
    public static string Value(object? value, TemplateBudget budget)
    {
        if (value is string text)
            return text;
        var buffer = new StringBuilder();
        Write(buffer, value, budget, 0);
        budget.Text(buffer.Length);
        return buffer.ToString();
    }

    /// <summary>As <c>print</c>: a space between two operands where neither is a text.</summary>
    public static string Print(ReadOnlySpan<object?> values, TemplateBudget budget, bool line)
    {
        var buffer = new StringBuilder();
        for (int i = 0; i < values.Length; i++)
        {
            if (i > 0 && (line || (values[i] is not string && values[i - 1] is not string)))
                buffer.Append(' ');
            buffer.Append(Value(values[i], budget));
            budget.Text(buffer.Length);
        }

        return line ? buffer.Append('\n').ToString() : buffer.ToString();
    }

    /// <summary>As <c>printf</c>, with the verbs v s q d t x X c U f g e b o T and %.</summary>
    public static string Printf(string format, ReadOnlySpan<object?> values, TemplateBudget budget)
    {
        var buffer = new StringBuilder();
        int next = 0;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                buffer.Append(format[i]);
                continue;
            }

            var spec = Spec.Read(format, ref i, values, ref next);
            budget.Width(spec.Width);
            if (i >= format.Length)
                buffer.Append("%!(NOVERB)");
            else if (format[i] == '%')
                buffer.Append('%');
            else if (next >= values.Length)
                buffer.Append("%!").Append(format[i]).Append("(MISSING)");
            else
                buffer.Append(spec.Pad(Verb(format[i], spec, values[next++], budget)));
            budget.Text(buffer.Length);
        }

        for (int i = next; i < values.Length; i++)
        {
            buffer.Append(i == next ? "%!(EXTRA " : ", ").Append(GoValue.TypeName(values[i])).Append('=')
                .Append(Value(values[i], budget));
            budget.Text(buffer.Length);
        }

        return next < values.Length ? buffer.Append(')').ToString() : buffer.ToString();
    }

    private static string Verb(char verb, Spec spec, object? value, TemplateBudget budget)
    {
        string? text = (verb, value) switch
        {
            ('v', _) => spec.Sharp && value is string quoted ? GoQuote.Quote(quoted) : Signed(Value(value, budget)),
            ('s', string s) => spec.Cut(s),
            ('s', GoComposite) => Value(value, budget),
            ('q', string s) => GoQuote.Quote(spec.Cut(s)),
            ('q', GoComposite { PrintsAsJson: true }) => GoQuote.Quote(Value(value, budget)),
            ('T', _) => GoValue.TypeName(value),
            ('t', bool b) => b ? "true" : "false",
            ('d', long n) => Signed(n.ToString(CultureInfo.InvariantCulture)),
            ('b', long n) => n < 0 ? "-" + Convert.ToString(-n, 2) : Convert.ToString(n, 2),
            ('o', long n) => n < 0 ? "-" + Convert.ToString(-n, 8) : Convert.ToString(n, 8),
            ('x', long n) => n.ToString("x", CultureInfo.InvariantCulture),
            ('X', long n) => n.ToString("X", CultureInfo.InvariantCulture),
            ('x', string s) => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(s)),
            ('X', string s) => Convert.ToHexString(Encoding.UTF8.GetBytes(s)),
            ('c', long n) => (Rune.IsValid((int)Math.Clamp(n, -1, int.MaxValue)) ? new Rune((int)n) : Rune.ReplacementChar).ToString(),
            ('U', long n) => "U+" + n.ToString("X4", CultureInfo.InvariantCulture),
            ('f' or 'F', double d) => Signed(d.ToString("F" + Math.Clamp(spec.Precision ?? 6, 0, 300), CultureInfo.InvariantCulture)),
            ('g', double d) => Signed(GoFloat.Shortest(d)),
            ('e', double d) => Signed(d.ToString("0." + new string('0', Math.Clamp(spec.Precision ?? 6, 1, 300)) + "e+00", CultureInfo.InvariantCulture)),
            _ => null,
        };
        return text ?? (value is null ? $"%!{verb}(<nil>)" : $"%!{verb}({GoValue.TypeName(value)}={Value(value, budget)})");

        string Signed(string number) => spec.Plus && value is long or double && number[0] is not ('-' or '+') ? "+" + number : number;
    }

    private static void Write(StringBuilder buffer, object? value, TemplateBudget budget, int depth)
    {
        budget.Step();
        if (depth > MaxDepth || buffer.Length > budget.MaxText)
            throw budget.TooMuch();
        switch (value)
        {
            case null: buffer.Append("<nil>"); break;
            case string s: buffer.Append(s); break;
            case bool b: buffer.Append(b ? "true" : "false"); break;
            case long n: buffer.Append(CultureInfo.InvariantCulture, $"{n}"); break;
            case double d: buffer.Append(GoFloat.Shortest(d)); break;
            case GoMap { Printed: { } printed }: buffer.Append(printed); break;
            case GoMap { PrintsAsJson: true, IsNil: true }: buffer.Append("{}"); break;
            case GoComposite { PrintsAsJson: true }: buffer.Append(GoJson.Marshal(value, budget)); break;
            case GoList list:
                Join(buffer, "[", "]", list.Items.Length, i => Write(buffer, list.Items.Span[i], budget, depth + 1));
                break;
            case GoMap map:
                Join(buffer, "map[", "]", map.Entries.Count, i =>
                {
                    buffer.Append(map.Entries[i].Key).Append(':');
                    Write(buffer, map.Entries[i].Value, budget, depth + 1);
                });
                break;
            case GoRecord record:
                Join(buffer, "{", "}", record.Fields.Count, i => Write(buffer, record.Fields[i].Value, budget, depth + 1));
                break;
        }
    }

    private static void Join(StringBuilder buffer, string open, string close, int count, Action<int> item)
    {
        buffer.Append(open);
        for (int i = 0; i < count; i++)
        {
            if (i > 0)
                buffer.Append(' ');
            item(i);
        }

        buffer.Append(close);
    }

    /// <summary>The flags, width and precision between the percent sign and the verb.</summary>
    private readonly record struct Spec(bool Left, bool Plus, bool Sharp, bool Zero, int Width, int? Precision)
    {
        public static Spec Read(string format, ref int i, ReadOnlySpan<object?> values, ref int next)
        {
            bool left = false, plus = false, sharp = false, zero = false;
            for (i++; i < format.Length && format[i] is '-' or '+' or '#' or '0' or ' '; i++)
            {
                left |= format[i] == '-';
                plus |= format[i] == '+';
                sharp |= format[i] == '#';
                zero |= format[i] == '0';
            }

            int width = Count(format, ref i, values, ref next) ?? 0;
            int? precision = null;
            if (i < format.Length && format[i] == '.')
            {
                i++;
                precision = Count(format, ref i, values, ref next) ?? 0;
            }

            return new Spec(left || width < 0, plus, sharp, zero && !left, Math.Abs(width), precision);
        }

        public string Cut(string text) =>
            Precision is { } runes && runes < text.Length ? string.Concat(text.EnumerateRunes().Take(runes)) : text;

        public string Pad(string text)
        {
            if (Left)
                return text.PadRight(Width);
            return Zero && text.Length > 0 && text[0] is '-' or '+'
                ? text[0] + text[1..].PadLeft(Math.Max(0, Width - 1), '0')
                : text.PadLeft(Width, Zero ? '0' : ' ');
        }

        private static int? Count(string format, ref int i, ReadOnlySpan<object?> values, ref int next)
        {
            if (i < format.Length && format[i] == '*')
            {
                i++;
                return next < values.Length && values[next++] is long n ? (int)Math.Clamp(n, -MaxPadding, MaxPadding) : 0;
            }

            int start = i;
            int count = 0;
            for (; i < format.Length && char.IsAsciiDigit(format[i]); i++)
                count = Math.Min(MaxPadding, (count * 10) + (format[i] - '0'));
            return i > start ? count : null;
        }
    }
}
