using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Chasqui.Server;

/// <summary>
/// Reads a request's JSON with the leniency of Go's <c>json.Decoder</c>: only the first value counts and what follows it is
/// ignored; bytes that are not UTF-8 and lone surrogates become U+FFFD; of equal keys the last wins. All of it is decided
/// here, so that nothing behind it meets text that cannot be decoded.
/// </summary>
internal static class RequestJson
{
    /// <summary>Deeper nesting is refused: no request needs it, and everything that reads JSON recursively stays safe.</summary>
    internal const int MaxDepth = 64;

    /// <summary>Bodies of more bytes have their values counted.</summary>
    internal const int Large = 1 << 20;

    /// <summary>More values and names than this are refused in a large body.</summary>
    internal const int MaxValues = 4_000_000;

    private static readonly JsonReaderOptions _readerOptions = new() { MaxDepth = MaxDepth, AllowMultipleValues = true };

    /// <summary>The first value of a body. The buffer may be corrected in place and must outlive the document.</summary>
    /// <exception cref="InvalidRequestException">The body is empty or no JSON.</exception>
    public static JsonDocument Parse(Memory<byte> body)
    {
        if (!Utf8.IsValid(body.Span))
            body = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(body.Span));
        if (body.Span is [0xEF, 0xBB, 0xBF, ..])
            body = body[3..];
        ReplaceLoneSurrogates(body.Span);

        var start = body.Span.IndexOfAnyExcept(" \t\r\n"u8);
        if (start < 0)
            throw new InvalidRequestException("missing request body");
        try
        {
            var reader = new Utf8JsonReader(body.Span, _readerOptions);
            reader.Read();
            if (body.Length <= Large)
                reader.Skip();
            else
                SkipCounting(ref reader);
            return JsonDocument.Parse(body[..(int)reader.BytesConsumed], new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (JsonException e)
        {
            throw new InvalidRequestException(Describe(body.Span, start, e), e);
        }
    }

    /// <summary>Each value takes 12 bytes of memory once it is read, and one byte in the body is enough for it.</summary>
    private static void SkipCounting(ref Utf8JsonReader reader)
    {
        var depth = reader.CurrentDepth;
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
            return;
        for (var count = 0; reader.Read() && reader.CurrentDepth > depth; count++)
        {
            if (count > MaxValues)
                throw new InvalidRequestException($"the request body has more than {MaxValues} values and names; send it in parts");
        }
    }

    private static string Describe(ReadOnlySpan<byte> body, int start, JsonException e)
    {
        if (!"{[\"-0123456789tfn"u8.Contains(body[start]))
            return $"invalid character '{FirstCharacter(body[start..])}' looking for beginning of value";
        if (body.TrimEnd(" \t\r\n"u8).Length <= Offset(body, e))
            return "unexpected EOF";
        if (e.Message.Contains("depth", StringComparison.OrdinalIgnoreCase))
            return $"invalid JSON: more than {MaxDepth} levels of nesting";
        var offset = Offset(body, e);
        return FormattableString.Invariant(
            $"invalid JSON: unexpected character '{FirstCharacter(body[offset..])}' at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}");
    }

    /// <summary>Where the reader stopped, as an offset in the body.</summary>
    private static int Offset(ReadOnlySpan<byte> body, JsonException e)
    {
        var offset = 0;
        for (var line = 0; line < e.LineNumber; line++)
            offset += body[offset..].IndexOf((byte)'\n') + 1;
        return (int)Math.Min(body.Length, offset + (e.BytePositionInLine ?? 0));
    }

    private static string FirstCharacter(ReadOnlySpan<byte> text)
    {
        if (Rune.DecodeFromUtf8(text, out var rune, out _) != System.Buffers.OperationStatus.Done)
            return "\\ufffd";
        return rune.Value switch
        {
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\'' => "\\'",
            < 32 or 127 => FormattableString.Invariant($"\\x{rune.Value:x2}"),
            _ => rune.ToString(),
        };
    }

    /// <summary>Overwrites escapes of half a surrogate pair with <c>\ufffd</c>, which is as long.</summary>
    private static void ReplaceLoneSurrogates(Span<byte> json)
    {
        for (var at = Next(json, 0); at >= 0 && at + 1 < json.Length; at = Next(json, at))
        {
            if (json[at + 1] != 'u')
            {
                at += 2;
                continue;
            }
            var unit = Unit(json, at);
            if (unit is >= 0xD800 and < 0xDC00 && Unit(json, at + 6) is >= 0xDC00 and < 0xE000)
                at += 12;
            else
            {
                if (unit is >= 0xD800 and < 0xE000)
                    "fffd"u8.CopyTo(json[(at + 2)..]);
                at += 2;
            }
        }
    }

    private static int Next(ReadOnlySpan<byte> json, int from)
    {
        if (from >= json.Length)
            return -1;
        var found = json[from..].IndexOf((byte)'\\');
        return found < 0 ? -1 : from + found;
    }

    private static int Unit(ReadOnlySpan<byte> json, int at) =>
        at + 6 <= json.Length && json[at] == '\\' && json[at + 1] == 'u'
        && ushort.TryParse(json.Slice(at + 2, 4), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var unit) ? unit : -1;
}
