using System.Buffers;
using System.Globalization;

namespace Chasqui;

/// <summary>Durations as Go writes them, and so Ollama's API and the configuration: <c>300ms</c>, <c>-1.5h</c>, <c>2h45m</c>, <c>0</c>.</summary>
public static class GoDuration
{
    private static readonly (string Unit, double Seconds)[] _units =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("μs", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600)];

    private static readonly SearchValues<char> _number = SearchValues.Create("0123456789.");

    /// <summary>Reads a duration; one too long for a <see cref="TimeSpan"/> becomes its greatest value.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TimeSpan duration)
    {
        duration = default;
        var rest = text;
        var negative = false;
        if (rest is ['-' or '+', ..])
        {
            negative = rest[0] == '-';
            rest = rest[1..];
        }
        if (rest is "0")
            return true;
        if (rest.IsEmpty || rest.Length > 100)
            return false;

        double seconds = 0;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(_number);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
                return false;
            rest = rest[digits..];
            var end = rest.IndexOfAny(_number);
            var unit = end < 0 ? rest : rest[..end];
            var factor = 0.0;
            foreach (var (name, value) in _units)
            {
                if (unit.SequenceEqual(name))
                    factor = value;
            }
            if (factor == 0)
                return false;
            seconds += number * factor;
            rest = end < 0 ? [] : rest[end..];
        }
        duration = FromSeconds(negative ? -seconds : seconds);
        return true;
    }

    /// <summary>Seconds as a span, held within what a <see cref="TimeSpan"/> can say.</summary>
    public static TimeSpan FromSeconds(double seconds) =>
        seconds >= TimeSpan.MaxValue.TotalSeconds ? TimeSpan.MaxValue
        : seconds <= TimeSpan.MinValue.TotalSeconds ? TimeSpan.MinValue
        : TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond));

    /// <summary>The shortest spelling in whole units, for messages and documents.</summary>
    public static string Format(TimeSpan duration) =>
        duration == TimeSpan.Zero ? "0s"
        : duration.Ticks % TimeSpan.TicksPerHour == 0 ? Invariant($"{duration.Ticks / TimeSpan.TicksPerHour}h")
        : duration.Ticks % TimeSpan.TicksPerMinute == 0 ? Invariant($"{duration.Ticks / TimeSpan.TicksPerMinute}m")
        : duration.Ticks % TimeSpan.TicksPerSecond == 0 ? Invariant($"{duration.Ticks / TimeSpan.TicksPerSecond}s")
        : Invariant($"{duration.TotalMilliseconds:0.###}ms");

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
