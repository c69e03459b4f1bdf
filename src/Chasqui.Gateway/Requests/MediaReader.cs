using System.Text.Json;

namespace Chasqui.Gateway.Requests;

/// <summary>
/// Finds in a conversation what a node would have to fetch. <c>url</c> counts inside of what names an image, a sound, a film or a file; what a model called a tool
/// with is the caller's own text, whatever its names are. Ollama's own API has no URLs.
/// </summary>
internal struct MediaReader(RequestScan scan)
{
    private const int Outside = int.MaxValue;

    private readonly bool _isOff = scan.Dialect == Dialects.Ollama;
    private int _media = Outside;
    private int _call = Outside;

    /// <summary>Looks at a member. The reader stands at its value and is left there.</summary>
    /// <param name="name">Its name in small letters.</param>
    /// <param name="reader">The conversation.</param>
    public void See(scoped ReadOnlySpan<byte> name, ref Utf8JsonReader reader)
    {
        if (_isOff)
            return;
        var isObject = reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray;
        var depth = reader.CurrentDepth;
        // A bracket is counted as what stands in the object that it opens in.
        if (depth <= _media)
            _media = Outside;
        if (depth <= _call)
            _call = Outside;
        if (_call != Outside)
            return;
        if (isObject && (name.SequenceEqual("arguments"u8) || (name.SequenceEqual("input"u8) && IsAnthropic(scan.Dialect))))
        {
            _call = depth;
            return;
        }
        if (reader.TokenType != JsonTokenType.Null)
            scan.Guarded |= GuardedMember.Of(name) & GuardedMembers.ImageEmbeds;
        var names = NamesOf(name);
        if (isObject)
        {
            if (names != Names.Nothing && _media == Outside)
                _media = depth;
        }
        else if (reader.TokenType == JsonTokenType.String && (names == Names.Url || (_media != Outside && name.SequenceEqual("url"u8)) || (names == Names.Maybe && IsUrl(reader.ValueSpan))))
        {
            var fetches = FetchedUrl.Of(reader.ValueSpan, reader.ValueIsEscaped);
            if (fetches > scan.Fetches)
                scan.Fetches = fetches;
        }
    }

    private static bool IsAnthropic(Dialects dialect) => dialect is Dialects.Anthropic or Dialects.AnthropicCountTokens;

    /// <summary>
    /// A text that some servers take for the image itself or for the place where it is, and others for no more than a text: a sentence is
    /// no place.
    /// </summary>
    private static bool IsUrl(ReadOnlySpan<byte> value) => value[..Math.Min(value.Length, 64)] is var begin && (begin.IndexOfAny((byte)':', (byte)'\\') >= 0 || begin.IndexOf((byte)' ') < 0);

    private static Names NamesOf(scoped ReadOnlySpan<byte> name) => name.Length switch
    {
        8 when name.SequenceEqual("file_url"u8) => Names.Url,
        9 when name.SequenceEqual("image_url"u8) || name.SequenceEqual("audio_url"u8) || name.SequenceEqual("video_url"u8) => Names.Url,
        5 when name.SequenceEqual("image"u8) || name.SequenceEqual("audio"u8) || name.SequenceEqual("video"u8) => Names.Maybe,
        6 when name.SequenceEqual("source"u8) => Names.Object,
        _ => Names.Nothing,
    };

    private enum Names
    {
        Nothing,
        Object,
        Maybe,
        Url,
    }
}
