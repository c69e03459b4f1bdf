using System.Globalization;

namespace Chasqui.Engines.Grammars;

/// <summary>A bound of a number: the value, and whether the value itself is out.</summary>
internal readonly record struct NumberBound(decimal Value, bool Exclusive);

/// <summary>Numbers between bounds, exactly: digit by digit, without exponent.</summary>
internal sealed class NumberRules(JsonRules json)
{
    // What a number without bounds may have at most: 16 digits before the point and 16 after it.
    private const decimal Limit = 9_999_999_999_999_999m;
    private const decimal WideLimit = 999_999_999_999_999_999m;
    private const int MaxFraction = 16;

    /// <summary>Whole numbers in the bounds; null where there is none.</summary>
    public Gbnf? Integer(NumberBound? min, NumberBound? max)
    {
        if (min is null && max is null)
            return json.Integer;
        decimal from = min is { } low ? Clamp(low.Exclusive ? decimal.Floor(low.Value) + 1 : decimal.Ceiling(low.Value)) : -Limit;
        decimal to = max is { } high ? Clamp(high.Exclusive ? decimal.Ceiling(high.Value) - 1 : decimal.Floor(high.Value)) : Limit;
        // A bound beyond the usual 16 digits moves the open side along.
        if (max is null && from > Limit)
            to = WideLimit;
        if (min is null && to < -Limit)
            from = -WideLimit;
        if (from > to)
            return null;
        var choices = new List<Gbnf>();
        if (from < 0)
            choices.Add(Gbnf.Seq(Gbnf.Text("-"), Range((long)Math.Max(1, -to), (long)-from)));
        if (to >= 0)
            choices.Add(Range((long)Math.Max(0, from), (long)to));
        return Gbnf.Any(choices);
    }

    /// <summary>Numbers in the bounds; null where there is none.</summary>
    public Gbnf? Number(NumberBound? min, NumberBound? max)
    {
        if (min is null && max is null)
            return json.Number;
        var choices = new List<Gbnf>();
        if (min is null || min.Value.Value < 0)
        {
            var from = max is { } high && high.Value <= 0 ? new NumberBound(-high.Value, high.Exclusive) : new NumberBound(0, false);
            NumberBound? to = min is { } low ? new NumberBound(-low.Value, low.Exclusive) : null;
            if (Magnitude(from, to) is { } negative)
                choices.Add(Gbnf.Seq(Gbnf.Text("-"), negative));
        }

        if (max is null || max.Value.Value >= 0)
        {
            var from = min is { } low && low.Value >= 0 ? low : new NumberBound(0, false);
            if (Magnitude(from, max) is { } positive)
                choices.Add(positive);
        }

        return choices.Count == 0 ? null : Gbnf.Any(choices);
    }

    private static decimal Clamp(decimal value) => Math.Clamp(value, -WideLimit - 1, WideLimit + 1) switch
    {
        > WideLimit => WideLimit,
        < -WideLimit => -WideLimit,
        var inside => inside,
    };

    /// <summary>Numbers without sign from <paramref name="from"/> to <paramref name="to"/>.</summary>
    private Gbnf? Magnitude(NumberBound from, NumberBound? to)
    {
        decimal limit = from.Value > Limit ? WideLimit : Limit;
        if (to is { } given && given.Value > limit)
            to = null;
        if (from.Value > WideLimit || (to is { } end && (end.Value < from.Value
            || (end.Value == from.Value && (end.Exclusive || from.Exclusive)))))
        {
            return null;
        }

        decimal low = decimal.Floor(from.Value);
        decimal high = to is { } upper ? decimal.Floor(upper.Value) : limit;
        string lowDigits = Fraction(from.Value), highDigits = to is { } bound ? Fraction(bound.Value) : "";
        var choices = new List<Gbnf>();
        decimal first = low, last = high;
        if (to is { } both && low == high)
        {
            Add(low, new FractionBound(lowDigits, from.Exclusive), new FractionBound(highDigits, both.Exclusive));
            first = last + 1;
        }
        else
        {
            if (lowDigits.Length > 0 || from.Exclusive)
            {
                Add(low, new FractionBound(lowDigits, from.Exclusive), null);
                first++;
            }

            if (to is { } top)
            {
                Add(high, null, new FractionBound(highDigits, top.Exclusive));
                last--;
            }
        }

        if (first <= last)
            choices.Add(Gbnf.Seq(Range((long)first, (long)last), json.Fraction));
        return choices.Count == 0 ? null : Gbnf.Any(choices);

        void Add(decimal whole, FractionBound? min, FractionBound? max)
        {
            if (After(whole.ToString("0", CultureInfo.InvariantCulture), min, max) is { } number)
                choices.Add(number);
        }
    }

    private readonly record struct FractionBound(string Digits, bool Exclusive);

    private static Gbnf? After(string whole, FractionBound? min, FractionBound? max)
    {
        bool mayEnd = MayEnd(0, min, max);
        var digits = Digits(0, min, max);
        if (digits is null)
            return mayEnd ? Gbnf.Text(whole) : null;
        var fraction = Gbnf.Seq(Gbnf.Text("."), digits);
        return Gbnf.Seq(Gbnf.Text(whole), mayEnd ? Gbnf.Optional(fraction) : fraction);
    }

    private static bool MayEnd(int at, FractionBound? min, FractionBound? max) =>
        (min is not { } low || (at >= low.Digits.Length && !low.Exclusive))
        && (max is not { } high || at < high.Digits.Length || !high.Exclusive);

    /// <summary>At least one digit at this place of the fraction, what came before being equal to the bounds that are given.</summary>
    private static Gbnf? Digits(int at, FractionBound? min, FractionBound? max)
    {
        if (at >= MaxFraction)
            return null;
        if (min is null && max is null)
            return new GbnfRepeat(Gbnf.Set(CharSet.Digits), 1, MaxFraction - at);
        int from = min is { } low ? DigitAt(low.Digits, at) : 0;
        int to = max is { } high ? DigitAt(high.Digits, at) : 9;
        var choices = new List<Gbnf>();
        for (int digit = from; digit <= to;)
        {
            var below = digit == from ? min : null;
            var above = digit == to ? max : null;
            // All digits strictly between the bounds go on alike.
            int last = below is null && above is null ? (max is null ? to : to - 1) : digit;
            Add(digit, last, below, above);
            digit = last + 1;
        }

        return choices.Count == 0 ? null : Gbnf.Any(choices);

        void Add(int first, int last, FractionBound? below, FractionBound? above)
        {
            var set = first == last ? Gbnf.Text(((char)('0' + first)).ToString()) : Gbnf.Set(CharSet.Of(('0' + first, '0' + last)));
            var rest = Digits(at + 1, below, above);
            bool mayEnd = MayEnd(at + 1, below, above);
            if (rest is not null)
                choices.Add(Gbnf.Seq(set, mayEnd ? Gbnf.Optional(rest) : rest));
            else if (mayEnd)
                choices.Add(set);
        }
    }

    private static int DigitAt(string digits, int at) => at < digits.Length ? digits[at] - '0' : 0;

    private static string Fraction(decimal value)
    {
        string text = decimal.Remainder(value, 1).ToString(CultureInfo.InvariantCulture);
        int point = text.IndexOf('.', StringComparison.Ordinal);
        return point < 0 ? "" : text[(point + 1)..].TrimEnd('0');
    }

    /// <summary>Whole numbers from <paramref name="from"/> to <paramref name="to"/>, neither below 0.</summary>
    private static Gbnf Range(long from, long to)
    {
        var choices = new List<Gbnf>();
        long low = from;
        for (int length = Text(from).Length; length <= Text(to).Length; length++)
        {
            long high = Math.Min(to, (long)Math.Pow(10, length) - 1);
            choices.Add(Between(Text(low), Text(high)));
            low = high + 1;
        }

        return Gbnf.Any(choices);
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Digits of one length between two of that length.</summary>
    private static Gbnf Between(string from, string to)
    {
        if (from == to)
            return Gbnf.Text(from);
        int same = from.Zip(to).TakeWhile(pair => pair.First == pair.Second).Count();
        string low = from[(same + 1)..], high = to[(same + 1)..];
        char first = from[same], last = to[same];
        var choices = new List<Gbnf>();
        if (low.Trim('0').Length > 0)
        {
            choices.Add(Gbnf.Seq(Gbnf.Text(first.ToString()), Between(low, new string('9', low.Length))));
            first++;
        }

        Gbnf? top = null;
        if (high.Trim('9').Length > 0)
        {
            top = Gbnf.Seq(Gbnf.Text(last.ToString()), Between(new string('0', high.Length), high));
            last--;
        }

        if (first <= last)
        {
            var digit = first == last ? Gbnf.Text(first.ToString()) : Gbnf.Set(CharSet.Of((first, last)));
            choices.Add(low.Length == 0 ? digit : Gbnf.Seq(digit, new GbnfRepeat(Gbnf.Set(CharSet.Digits), low.Length, low.Length)));
        }

        if (top is not null)
            choices.Add(top);
        return Gbnf.Seq(Gbnf.Text(from[..same]), Gbnf.Any(choices));
    }
}
