using System.Globalization;

namespace Chasqui.Server;

/// <summary>Floating-point numbers in the form of Go's <c>encoding/json</c>: shortest digits, an exponent only below 1e-6 and from 1e21.</summary>
internal static class GoNumber
{
    /// <summary>JSON has no infinity; a token that cannot occur gets this log-probability, as in OpenAI's API.</summary>
    private const string Never = "-9999";

    public static string Format(double value) => Layout(value.ToString("R", CultureInfo.InvariantCulture), Math.Abs(value) is > 0 and < 1e-6 or >= 1e21);

    public static string Format(float value) => Layout(value.ToString("R", CultureInfo.InvariantCulture), MathF.Abs(value) is > 0 and < 1e-6f or >= 1e21f);

    private static string Layout(string shortest, bool exponential)
    {
        if (!char.IsAsciiDigit(shortest[^1]))
            return shortest[0] == '-' || shortest[0] == 'N' ? Never : "9999";

        var mark = shortest.IndexOf('E', StringComparison.Ordinal);
        if (mark < 0 && !exponential)
            return shortest;

        var sign = shortest[0] == '-' ? "-" : "";
        var mantissa = (mark < 0 ? shortest : shortest[..mark])[sign.Length..];
        var exponent = mark < 0 ? 0 : int.Parse(shortest[(mark + 1)..], CultureInfo.InvariantCulture);
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        exponent += (point < 0 ? mantissa.Length : point) - 1;
        var leading = digits.Length - digits.TrimStart('0').Length;
        digits = digits.Trim('0');
        exponent -= leading;

        if (exponential)
        {
            var fraction = digits.Length > 1 ? "." + digits[1..] : "";
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? "-" : "+")}{Math.Abs(exponent)}");
        }
        if (exponent < 0)
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        return exponent + 1 >= digits.Length
            ? sign + digits.PadRight(exponent + 1, '0')
            : $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }
}
