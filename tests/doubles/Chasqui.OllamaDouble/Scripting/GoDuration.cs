using System.Globalization;

namespace Chasqui.OllamaDouble;

/// <summary>keep_alive as Ollama reads it (<c>api/types.go</c>, <c>Duration.UnmarshalJSON</c>): seconds as a number, or Go's text; negative is for ever.</summary>
internal static class GoDuration
{
    public static readonly TimeSpan Forever = Timeout.InfiniteTimeSpan;

    public static TimeSpan? Parse(string text)
    {
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds))
            return FromSeconds(seconds);
        var total = 0.0;
        var rest = text.AsSpan();
        var negative = rest.StartsWith("-");
        if (negative || rest.StartsWith("+"))
            rest = rest[1..];
        if (rest.IsEmpty)
            return null;
        while (!rest.IsEmpty)
        {
            var digits = 0;
            while (digits < rest.Length && (char.IsAsciiDigit(rest[digits]) || rest[digits] == '.'))
                digits++;
            if (!double.TryParse(rest[..digits], NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
                return null;
            rest = rest[digits..];
            var letters = 0;
            while (letters < rest.Length && !char.IsAsciiDigit(rest[letters]))
                letters++;
            double? unit = rest[..letters] switch { "h" => 3600, "m" => 60, "s" => 1, "ms" => 1e-3, "us" or "µs" => 1e-6, "ns" => 1e-9, _ => null };
            if (unit is null)
                return null;
            total += number * unit.Value;
            rest = rest[letters..];
        }
        return negative ? FromSeconds(-total) : FromSeconds(total);
    }

    public static TimeSpan FromSeconds(double seconds) =>
        seconds < 0 || seconds > TimeSpan.MaxValue.TotalSeconds / 2 ? Forever : TimeSpan.FromSeconds(seconds);
}
