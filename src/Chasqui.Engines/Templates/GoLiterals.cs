using System.Globalization;
using System.Text;

namespace Chasqui.Engines.Templates;

/// <summary>Constants as Go writes them: quoted and raw strings, characters, numbers.</summary>
internal static class GoLiterals
{
    /// <summary>The text of a quoted or raw string, or null where it is malformed.</summary>
    public static string? Unquote(string literal) =>
        literal[0] == '`' ? literal[1..^1].Replace("\r", "", StringComparison.Ordinal) : Unescape(literal.AsSpan(1, literal.Length - 2), '"');

    /// <summary>A number or character: <see cref="long"/> or <see cref="double"/>, or null where it is malformed.</summary>
    public static object? Number(GoToken token)
    {
        if (token.Kind == GoTokenKind.Char)
        {
            if (Unescape(token.Text.AsSpan(1, token.Text.Length - 2), '\'') is not { } text)
                return null;
            var runes = text.EnumerateRunes().ToArray();
            return runes.Length == 1 ? (long)runes[0].Value : null;
        }

        string digits = token.Text.Replace("_", "", StringComparison.Ordinal);
        bool negative = digits[0] == '-';
        var bare = digits.AsSpan().TrimStart("+-");
        if (digits.Length - bare.Length > 1 || bare.IsEmpty)
            return null;
        if (bare.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return Signed(long.TryParse(bare[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long hex), hex);
        if (bare.StartsWith("0b", StringComparison.OrdinalIgnoreCase))
            return Signed(long.TryParse(bare[2..], NumberStyles.AllowBinarySpecifier, CultureInfo.InvariantCulture, out long binary), binary);
        if (long.TryParse(bare, NumberStyles.None, CultureInfo.InvariantCulture, out long whole))
            return Signed(true, whole);
        return double.TryParse(digits, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture, out double real) && double.IsFinite(real) ? real : null;

        object? Signed(bool parsed, long value) => parsed ? negative ? -value : value : null;
    }

    private static string? Unescape(ReadOnlySpan<char> body, char quote)
    {
        var text = new StringBuilder(body.Length);
        for (int i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\')
            {
                text.Append(body[i]);
                continue;
            }

            if (++i >= body.Length)
                return null;
            char c = body[i];
            int hex = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (hex > 0)
            {
                if (i + hex >= body.Length || !int.TryParse(body.Slice(i + 1, hex), NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture, out int code) || !Rune.IsValid(code))
                {
                    return null;
                }

                text.Append(new Rune(code));
                i += hex;
                continue;
            }

            char plain = c switch
            {
                'a' => '\a',
                'b' => '\b',
                'f' => '\f',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\v',
                '\\' => '\\',
                _ => '\0',
            };
            if (plain == '\0' && c != quote)
                return null;
            text.Append(plain == '\0' ? quote : plain);
        }

        return text.ToString();
    }
}
