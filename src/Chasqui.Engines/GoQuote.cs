using System.Globalization;
using System.Text;

namespace Chasqui.Engines;

/// <summary>Text in quotes, as Go's <c>%q</c> and <c>%#v</c> print it (<c>strconv.Quote</c>): Ollama's errors, templates and Modelfiles hold such texts.</summary>
public static class GoQuote
{
    /// <summary>The text between double quotes; what cannot be printed becomes an escape, other text stays as it is.</summary>
    public static string Quote(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (var rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                '\a' => quoted.Append("\\a"),
                '\b' => quoted.Append("\\b"),
                '\f' => quoted.Append("\\f"),
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                '\v' => quoted.Append("\\v"),
                < 32 or 127 => quoted.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"),
                _ when Unprintable(rune) => rune.IsBmp
                    ? quoted.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}")
                    : quoted.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}"),
                _ => quoted.Append(rune.ToString()),
            };
        }
        return quoted.Append('"').ToString();
    }

    /// <summary>The text that was put in quotes, by the rules of <c>strconv.Unquote</c> for double quotes.</summary>
    /// <returns>False where <paramref name="quoted"/> is not such a text.</returns>
    public static bool TryUnquote(string quoted, out string text)
    {
        ArgumentNullException.ThrowIfNull(quoted);
        text = "";
        if (quoted.Length < 2 || quoted[0] != '"' || quoted[^1] != '"')
            return false;
        // Escapes of bytes may make up a character together.
        var bytes = new List<byte>(quoted.Length);
        for (var i = 1; i < quoted.Length - 1;)
        {
            if (quoted[i] == '"')
                return false;
            if (quoted[i] != '\\')
            {
                var length = char.IsSurrogatePair(quoted, i) ? 2 : 1;
                bytes.AddRange(Encoding.UTF8.GetBytes(quoted, i, length));
                i += length;
            }
            else if (!TryEscape(quoted, ref i, bytes))
            {
                return false;
            }
        }
        text = Encoding.UTF8.GetString([.. bytes]);
        return true;
    }

    private static bool TryEscape(string quoted, ref int i, List<byte> bytes)
    {
        var kind = quoted[i + 1];
        i += 2;
        var simple = kind switch
        {
            '"' => '"',
            '\\' => '\\',
            'a' => '\a',
            'b' => '\b',
            'f' => '\f',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\v',
            _ => '\0',
        };
        if (simple != '\0')
        {
            bytes.Add((byte)simple);
            return i < quoted.Length;
        }

        var digits = kind switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits == 0 || i + digits > quoted.Length - 1
            || !int.TryParse(quoted.AsSpan(i, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }
        i += digits;
        if (kind == 'x')
            bytes.Add((byte)value);
        else if (Rune.IsValid(value))
            bytes.AddRange(Encoding.UTF8.GetBytes(new Rune(value).ToString()));
        else
            return false;
        return true;
    }

    private static bool Unprintable(Rune rune) => rune.Value > 127 && Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
