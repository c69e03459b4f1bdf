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

    private static bool Unprintable(Rune rune) => rune.Value > 127 && Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
