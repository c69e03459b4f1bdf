namespace Chasqui.Server;

/// <summary>How much text a part of a streamed answer brings that passes by unread: what tokens are estimated by where the node does not count them.</summary>
internal static class PassedText
{
    /// <summary>Bytes of text, thinking and calls of tools in a line or an event, as they are written in JSON; 0 for a part that only tells of the course of the answer.</summary>
    /// <remarks>Looks at the members alone whose names stand before a colon, so that it costs a few short searches.</remarks>
    public static int BytesOf(ReadOnlySpan<byte> json)
    {
        // OpenAI's responses repeat in their later events what was said, and so do not count.
        var repeats = IsOfResponse(json);
        var bytes = 0;
        while (json.IndexOf("\":"u8) is >= 0 and var end)
        {
            var name = json[..end];
            json = json[(end + 2)..].TrimStart((byte)' ');
            // Within a text the quote is escaped.
            if (json.IsEmpty || name.EndsWith("\\"u8) || !IsText(name, repeats))
                continue;
            if (json[0] == (byte)'"')
            {
                var length = LengthOf(json[1..]);
                bytes += length;
                json = json[(length + 1)..];
            }
            else if (json[0] == (byte)'{' && name.EndsWith("\"arguments"u8))
            {
                // Ollama's calls come whole.
                return bytes + json.Length;
            }
        }
        return bytes;
    }

    /// <summary>
    /// Whether it is an event of OpenAI's responses. Its <c>type</c> says so; the same word within a text, or as the value of another
    /// member, says nothing.
    /// </summary>
    private static bool IsOfResponse(ReadOnlySpan<byte> json)
    {
        for (var from = 0; json[from..].IndexOf("\"response."u8) is >= 0 and var at; from += at + 1)
        {
            var before = json[..(from + at)].TrimEnd(" \t\r\n"u8);
            if (before is [.. var name, (byte)':'] && name.TrimEnd(" \t\r\n"u8) is var member && member.EndsWith("\"type\""u8) && !member.EndsWith("\\\"type\""u8))
                return true;
        }
        return false;
    }

    private static bool IsText(ReadOnlySpan<byte> name, bool repeats) => name.EndsWith("\"delta"u8) || (!repeats && IsWhole(name));

    private static bool IsWhole(ReadOnlySpan<byte> name) =>
        name.EndsWith("\"content"u8) || name.EndsWith("\"response"u8) || name.EndsWith("\"text"u8) || name.EndsWith("\"thinking"u8) || name.EndsWith("\"arguments"u8)
            || name.EndsWith("\"reasoning"u8) || name.EndsWith("\"reasoning_content"u8) || name.EndsWith("\"partial_json"u8) || name.EndsWith("\"refusal"u8);

    /// <summary>Up to the quote that ends the text.</summary>
    private static int LengthOf(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (text[at..].IndexOfAny((byte)'"', (byte)'\\') is >= 0 and var next)
        {
            at += next;
            if (text[at] == (byte)'"')
                return at;
            at = Math.Min(at + 2, text.Length);
        }
        return text.Length;
    }
}
