using System.Text;
using System.Text.Encodings.Web;

namespace Chasqui.Engines.Http;

/// <summary>
/// Writes the texts of JSON with all characters as they are, but those that JSON has no other way for: the quote, the backslash and the control characters below U+0020. What it
/// writes is read by a parser, never by a page of the web. .NET's own relaxed encoder still escapes what is beyond U+FFFF and spaces such as U+00A0, and a model that is shown its own
/// words so reads others. Half a surrogate pair becomes U+FFFD. Thread-safe.
/// </summary>
public sealed class PlainEncoder : JavaScriptEncoder
{
    private const string Digits = "0123456789abcdef";

    private PlainEncoder()
    {
    }

    /// <summary>The one there is.</summary>
    public static PlainEncoder Shared { get; } = new();

    /// <inheritdoc/>
    public override int MaxOutputCharactersPerInputCharacter => 6;

    /// <inheritdoc/>
    public override bool WillEncode(int unicodeScalar) => unicodeScalar is < ' ' or '"' or '\\';

    /// <inheritdoc/>
    public override int FindFirstCharacterToEncodeUtf8(ReadOnlySpan<byte> utf8Text)
    {
        for (var i = 0; i < utf8Text.Length; i++)
        {
            if (utf8Text[i] >= 0x80)
            {
                // What is no UTF-8 must be found, too.
                var rest = base.FindFirstCharacterToEncodeUtf8(utf8Text[i..]);
                return rest < 0 ? rest : i + rest;
            }
            if (WillEncode(utf8Text[i]))
                return i;
        }
        return -1;
    }

    /// <inheritdoc/>
    public override unsafe int FindFirstCharacterToEncode(char* text, int textLength)
    {
        var characters = new ReadOnlySpan<char>(text, textLength);
        for (var i = 0; i < characters.Length; i++)
        {
            if (WillEncode(characters[i]))
                return i;
            if (!char.IsSurrogate(characters[i]))
                continue;
            if (Rune.DecodeFromUtf16(characters[i..], out _, out _) != System.Buffers.OperationStatus.Done)
                return i;
            i++;
        }
        return -1;
    }

    /// <inheritdoc/>
    public override unsafe bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        var escape = unicodeScalar switch
        {
            '"' or '\\' => (char)unicodeScalar,
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\b' => 'b',
            '\f' => 'f',
            _ => 'u',
        };
        ReadOnlySpan<char> written = escape != 'u' ? ['\\', escape]
            : WillEncode(unicodeScalar) ? ['\\', 'u', '0', '0', Digits[unicodeScalar >> 4], Digits[unicodeScalar & 15]]
            : new Rune(unicodeScalar).ToString();
        numberOfCharactersWritten = written.Length <= bufferLength ? written.Length : 0;
        return written.TryCopyTo(new Span<char>(buffer, bufferLength));
    }
}
