using System.Buffers;
using System.Globalization;

namespace Chasqui.Cli;

/// <summary>Times for people and programs, and durations as they are typed: <c>90</c> (seconds), <c>500ms</c>, <c>10m</c>, <c>1h30m</c>, <c>0</c>, <c>forever</c>.</summary>
internal static class TimeText
{
    private static readonly SearchValues<char> _number = SearchValues.Create("0123456789.");
    private static readonly TimeSpan _most = TimeSpan.FromDays(36500);

    /// <exception cref="UsageException">It is none; the message names the option.</exception>
    public static TimeSpan Parse(string option, string text)
    {
        if (text is "forever" or "-1")
            return Timeout.InfiniteTimeSpan;
        return TryParse(text, out var span)
            ? span
            : throw new UsageException($"{option} is '{text}', but must be a time like 30s, 10m, 1h30m or forever");
    }

    /// <summary>For people on a terminal how long ago or how far ahead, for programs the time itself.</summary>
    public static string When(CliContext context, DateTimeOffset time) =>
        context.Console.OutputIsTerminal ? HumanText.Relative(time, context.Time.GetUtcNow()) : Iso(time);

    /// <summary>The time in RFC 3339, to the second, in UTC.</summary>
    public static string Iso(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static bool TryParse(ReadOnlySpan<char> text, out TimeSpan span)
    {
        span = default;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var bare))
            return Add(ref span, bare, TimeSpan.FromSeconds(1));
        while (!text.IsEmpty)
        {
            var digits = text.IndexOfAnyExcept(_number);
            if (digits <= 0 || !double.TryParse(text[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
                return false;
            text = text[digits..];
            var letters = text.IndexOfAnyExceptInRange('a', 'z');
            var unit = letters < 0 ? text : text[..letters];
            if (Unit(unit) is not { } size || !Add(ref span, number, size))
                return false;
            text = text[unit.Length..];
        }
        return span >= TimeSpan.Zero;
    }

    private static TimeSpan? Unit(ReadOnlySpan<char> unit) => unit switch
    {
        "ms" => TimeSpan.FromMilliseconds(1),
        "s" => TimeSpan.FromSeconds(1),
        "m" => TimeSpan.FromMinutes(1),
        "h" => TimeSpan.FromHours(1),
        "d" => TimeSpan.FromDays(1),
        _ => null,
    };

    private static bool Add(ref TimeSpan sum, double number, TimeSpan unit)
    {
        if (number > _most / unit || sum > _most)
            return false;
        sum += unit * number;
        return true;
    }
}
