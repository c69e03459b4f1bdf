using System.Globalization;

namespace Chasqui.Cli;

/// <summary>Numbers as people say them.</summary>
internal static class HumanText
{
    private static readonly string[] _units = ["B", "kB", "MB", "GB", "TB", "PB"];

    /// <summary>Bytes in decimal units with about two digits: <c>935 B</c>, <c>1.9 MB</c>, <c>14 GB</c>.</summary>
    public static string Size(long bytes)
    {
        var value = (double)Math.Max(0, bytes);
        var unit = 0;
        // What would be rounded to 1000 is said in the next unit.
        while (value >= 999.5 && unit < _units.Length - 1)
        {
            value /= 1000;
            unit++;
        }
        var format = unit > 0 && value < 9.95 ? "0.0" : "0";
        return value.ToString(format, CultureInfo.InvariantCulture) + " " + _units[unit];
    }

    /// <summary>How long ago, or how far ahead: <c>3 minutes ago</c>, <c>in 4 minutes</c>, <c>now</c>.</summary>
    public static string Relative(DateTimeOffset when, DateTimeOffset now)
    {
        var span = when - now;
        var amount = Amount(span.Duration());
        if (amount.Length == 0)
            return "now";
        return span > TimeSpan.Zero ? "in " + amount : amount + " ago";
    }

    /// <summary>A duration that a machine took: <c>3 ms</c>, <c>1.24 s</c>, <c>2 min 5 s</c>.</summary>
    public static string Duration(TimeSpan span) => span.TotalMinutes >= 1
        ? Invariant($"{(long)span.TotalMinutes} min {span.Seconds} s")
        : span.TotalSeconds >= 1 ? Invariant($"{span.TotalSeconds:0.##} s") : Invariant($"{span.TotalMilliseconds:0.#} ms");

    private static string Amount(TimeSpan span) => span switch
    {
        { TotalDays: >= 365 } => Plural(span.TotalDays / 365, "year"),
        { TotalDays: >= 30 } => Plural(span.TotalDays / 30, "month"),
        { TotalDays: >= 7 } => Plural(span.TotalDays / 7, "week"),
        { TotalDays: >= 1 } => Plural(span.TotalDays, "day"),
        { TotalHours: >= 1 } => Plural(span.TotalHours, "hour"),
        { TotalMinutes: >= 1 } => Plural(span.TotalMinutes, "minute"),
        { TotalSeconds: >= 1 } => Plural(span.TotalSeconds, "second"),
        _ => "",
    };

    private static string Plural(double count, string unit) => (long)count == 1 ? "1 " + unit : Invariant($"{(long)count} {unit}s");

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
