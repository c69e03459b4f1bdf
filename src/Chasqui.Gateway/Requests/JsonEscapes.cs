using System.Globalization;
using System.Text;

namespace Chasqui.Gateway.Requests;

/// <summary>The escapes of JSON's strings. Half a surrogate pair stands for U+FFFD, as in Go.</summary>
internal static class JsonEscapes
{
    /// <summary>Reads the escape that the text begins with, which must be a valid one.</summary>
    /// <param name="text">Begins with a backslash.</param>
    /// <param name="utf8">Gets up to four bytes.</param>
    /// <param name="taken">Bytes of the text that it takes.</param>
    /// <returns>Bytes written.</returns>
    public static int Read(ReadOnlySpan<byte> text, Span<byte> utf8, out int taken)
    {
        if (text[1] != 'u')
        {
            taken = 2;
            utf8[0] = text[1] switch
            {
                (byte)'b' => (byte)'\b',
                (byte)'f' => (byte)'\f',
                (byte)'n' => (byte)'\n',
                (byte)'r' => (byte)'\r',
                (byte)'t' => (byte)'\t',
                var other => other,
            };
            return 1;
        }

        taken = 6;
        int unit = Unit(text);
        if (char.IsHighSurrogate((char)unit) && text[6..] is [(byte)'\\', (byte)'u', _, _, _, _, ..] && char.IsLowSurrogate((char)Unit(text[6..])))
        {
            taken = 12;
            unit = char.ConvertToUtf32((char)unit, (char)Unit(text[6..]));
        }
        return (Rune.TryCreate(unit, out var rune) ? rune : Rune.ReplacementChar).EncodeToUtf8(utf8);
    }

    /// <summary>The text without escapes, which is never longer.</summary>
    /// <returns>Bytes written.</returns>
    public static int Decode(ReadOnlySpan<byte> text, Span<byte> plain)
    {
        var written = 0;
        while (text.IndexOf((byte)'\\') is var at and >= 0)
        {
            text[..at].CopyTo(plain[written..]);
            written += at;
            written += Read(text[at..], plain[written..], out var taken);
            text = text[(at + taken)..];
        }
        text.CopyTo(plain[written..]);
        return written + text.Length;
    }

    private static ushort Unit(ReadOnlySpan<byte> text) =>
        ushort.TryParse(text.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit) ? unit : (ushort)0xFFFD;
}
