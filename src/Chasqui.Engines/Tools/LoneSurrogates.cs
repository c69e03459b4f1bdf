using System.Globalization;
using System.Text;

namespace Chasqui.Engines.Tools;

/// <summary>Half a surrogate pair in JSON that a model wrote: no text can hold it, and .NET throws where such a text is read or written again.</summary>
internal static class LoneSurrogates
{
    private const int EscapeLength = 6;

    /// <summary>The same JSON with U+FFFD in the place of each half, as Go reads it.</summary>
    public static string Replace(string json)
    {
        StringBuilder? changed = null;
        for (var at = json.IndexOf('\\', StringComparison.Ordinal); at >= 0 && at < json.Length; at = Next(json, at))
        {
            if (Unit(json, at) is not { } unit)
                at += 2;
            else if (char.IsHighSurrogate(unit) && Unit(json, at + EscapeLength) is { } second && char.IsLowSurrogate(second))
                at += 2 * EscapeLength;
            else
            {
                if (char.IsSurrogate(unit))
                    (changed ??= new StringBuilder(json)).Remove(at + 2, 4).Insert(at + 2, "fffd");
                at += EscapeLength;
            }
        }
        return changed?.ToString() ?? json;
    }

    private static int Next(string json, int from) => from < json.Length ? json.IndexOf('\\', from) : -1;

    /// <summary>What the escape at a place names; null where it is another one, or none.</summary>
    private static char? Unit(string json, int at) =>
        at + EscapeLength <= json.Length && json[at] == '\\' && json[at + 1] == 'u'
        && ushort.TryParse(json.AsSpan(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit) ? (char)unit : null;
}
