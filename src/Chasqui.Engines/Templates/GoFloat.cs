using System.Globalization;

namespace Chasqui.Engines.Templates;

/// <summary>Floating-point numbers in Go's notations.</summary>
internal static class GoFloat
{
    /// <summary>As <c>%v</c>: the shortest digits, with an exponent below 1e-4 and from 1e+06 on.</summary>
    public static string Shortest(double value) => double.IsFinite(value)
        ? Format(value, low: -4, high: 6, exponentDigits: 2)
        : double.IsNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

    /// <summary>As <c>encoding/json</c>: an exponent below 1e-6 and from 1e21 on.</summary>
    public static string Json(double value) => double.IsFinite(value) ? Format(value, low: -6, high: 21, exponentDigits: 1) : "null";

    private static string Format(double value, int low, int high, int exponentDigits)
    {
        if (value == 0)
            return double.IsNegative(value) ? "-0" : "0";
        // "R" gives the shortest digits that read back as the same number; only their layout is Go's own.
        string round = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture);
        int mark = round.IndexOf('E', StringComparison.Ordinal);
        string mantissa = mark < 0 ? round : round[..mark];
        int point = mantissa.IndexOf('.', StringComparison.Ordinal);
        string all = mantissa.Replace(".", "", StringComparison.Ordinal);
        int leadingZeros = all.Length - all.TrimStart('0').Length;
        string digits = all.Trim('0');
        int exponent = (point < 0 ? mantissa.Length : point) - 1 - leadingZeros
            + (mark < 0 ? 0 : int.Parse(round.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
        string sign = value < 0 ? "-" : "";
        if (exponent < low || exponent >= high)
        {
            string fraction = digits.Length > 1 ? "." + digits[1..] : "";
            string size = Math.Abs(exponent).ToString(CultureInfo.InvariantCulture).PadLeft(exponentDigits, '0');
            return $"{sign}{digits[..1]}{fraction}e{(exponent < 0 ? '-' : '+')}{size}";
        }

        if (exponent < 0)
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        if (digits.Length <= exponent + 1)
            return sign + digits.PadRight(exponent + 1, '0');
        return $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }
}
