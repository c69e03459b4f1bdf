namespace Chasqui.Gateway.Requests;

/// <summary>Names of members as Go's <c>encoding/json</c> compares them: whatever the case, and with <c>ſ</c> for s and the Kelvin sign for k.</summary>
internal static class FieldName
{
    /// <summary>No name that means anything is longer.</summary>
    public const int Longest = 22;

    /// <summary>Writes the name in small letters.</summary>
    /// <returns>Its length; 0 when it is longer than <see cref="Longest"/>, or has characters that no name has.</returns>
    public static int Fold(scoped ReadOnlySpan<byte> name, bool escaped, Span<byte> folded)
    {
        // The longest spelling of a character is an escape of six bytes.
        if (name.Length > Longest * 6)
            return 0;
        Span<byte> plain = stackalloc byte[Longest * 6];
        if (escaped)
        {
            plain = plain[..JsonEscapes.Decode(name, plain)];
            name = plain;
        }

        var length = 0;
        while (!name.IsEmpty)
        {
            var (letter, taken) = name switch
            {
                [0xC5, 0xBF, ..] => ((byte)'s', 2),
                [0xE2, 0x84, 0xAA, ..] => ((byte)'k', 3),
                [>= (byte)'A' and <= (byte)'Z', ..] => ((byte)(name[0] | 0x20), 1),
                _ => (name[0], 1),
            };
            if (length == Longest || letter >= 0x80)
                return 0;
            folded[length++] = letter;
            name = name[taken..];
        }
        return length;
    }
}
