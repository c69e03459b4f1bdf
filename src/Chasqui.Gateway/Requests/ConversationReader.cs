using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Chasqui.Gateway.Requests;

/// <summary>Parts of a conversation in the order in which a model reads them.</summary>
internal enum ConversationPart
{
    Tools,
    System,
    Prompt,
    Messages,
    Input,
    Images,
}

/// <summary>Goes through what a model will read: counts it, hashes it, looks for images.</summary>
internal struct ConversationReader(RequestScan scan)
{
    private const int Parts = 6;

    // Marks that no text begins with, so that what is two texts is not taken for one.
    private const byte Message = 0x1E;
    private const byte Text = 0x1F;

    private readonly RequestScan _scan = scan;
    private Extents _extents;
    private int _last = -1;
    private bool _again;

    /// <summary>Tools, as they stand: their order and spelling decide what the model reads.</summary>
    public void ReadTools(ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        var start = (int)reader.TokenStartIndex;
        var array = reader.TokenType == JsonTokenType.StartArray;
        if (array && _scan.Dialect is Dialects.Anthropic or Dialects.AnthropicCountTokens)
            _scan.AsksAnthropic |= AreAnthropics(ref reader);
        else
            reader.Skip();
        var end = (int)reader.BytesConsumed;
        if (Begin(ConversationPart.Tools, start, end))
            AddTools(json[start..end], array);
    }

    /// <summary>Whether a tool has a type that is not the client's own. Stands at the end of the tools afterwards.</summary>
    private static bool AreAnthropics(ref Utf8JsonReader reader)
    {
        var found = false;
        var depth = reader.CurrentDepth;
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != depth + 2 || !reader.ValueTextEquals("type"u8))
                continue;
            reader.Read();
            found |= reader.TokenType == JsonTokenType.String && !reader.ValueTextEquals("custom"u8) && !reader.ValueTextEquals(""u8);
        }
        return found;
    }

    /// <summary>The value at which the reader stands.</summary>
    public void Read(ref Utf8JsonReader reader, ConversationPart part)
    {
        var start = (int)reader.TokenStartIndex;
        Begin(part, start, 0);
        // Also what comes out of order, or again: it may be what a node takes, and where its images are is told of all.
        Add(ref reader, part);
        _extents[(int)part] = (start, (int)reader.BytesConsumed);
    }

    /// <summary>What came out of order is gone through again, in order.</summary>
    public void End(ReadOnlySpan<byte> json, JsonReaderOptions options)
    {
        if (!_again)
            return;
        _scan.Hasher.Reset();
        _scan.PromptCharacters = 0;
        _scan.HasImages = false;
        _scan.HasTools = false;
        for (var part = 0; part < Parts; part++)
        {
            var (start, end) = _extents[part];
            if (end == 0)
                continue;
            var value = json[start..end];
            var reader = new Utf8JsonReader(value, options);
            reader.Read();
            if (part == (int)ConversationPart.Tools)
                AddTools(value, reader.TokenType == JsonTokenType.StartArray);
            else
                Add(ref reader, (ConversationPart)part);
        }
    }

    /// <summary>Whether the part comes where it should, so that it can be gone through at once.</summary>
    private bool Begin(ConversationPart part, int start, int end)
    {
        _extents[(int)part] = (start, end);
        _again |= (int)part <= _last;
        _last = Math.Max(_last, (int)part);
        return !_again;
    }

    private readonly void AddTools(ReadOnlySpan<byte> value, bool array)
    {
        _scan.HasTools = array && value[1..].TrimStart(" \t\r\n"u8) is not [(byte)']', ..];
        if (!_scan.HasTools)
            return;
        _scan.PromptCharacters += value.Length;
        _scan.Hasher.Add(value);
    }

    private readonly void Add(ref Utf8JsonReader reader, ConversationPart part)
    {
        if (part == ConversationPart.Images)
        {
            AddImages(ref reader);
        }
        else if (reader.TokenType == JsonTokenType.String)
        {
            // As a message of that role would be.
            _scan.Hasher.Add(Message);
            AddText(part == ConversationPart.System ? "system"u8 : "user"u8, escaped: false);
            AddText(reader.ValueSpan, reader.ValueIsEscaped);
        }
        else if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject)
        {
            AddAll(ref reader);
        }
    }

    private readonly void AddAll(ref Utf8JsonReader reader)
    {
        var depth = reader.CurrentDepth;
        var media = new MediaReader(_scan);
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject when reader.CurrentDepth == depth + 1:
                    _scan.Hasher.Add(Message);
                    break;
                case JsonTokenType.PropertyName:
                    AddNamed(ref reader, ref media);
                    break;
                default:
                    AddValue(ref reader);
                    break;
            }
        }
    }

    /// <summary>A value whose name says how it is taken. Of an object or array only the bracket is read.</summary>
    private readonly void AddNamed(ref Utf8JsonReader reader, ref MediaReader media)
    {
        Span<byte> folded = stackalloc byte[FieldName.Longest];
        var name = folded[..FieldName.Fold(reader.ValueSpan, reader.ValueIsEscaped, folded)];
        reader.Read();
        media.See(name, ref reader);
        switch (name.Length)
        {
            case 4 when name.SequenceEqual("type"u8):
                _scan.HasImages |= reader.TokenType == JsonTokenType.String
                    && (reader.ValueTextEquals("image_url"u8) || reader.ValueTextEquals("image"u8) || reader.ValueTextEquals("input_image"u8));
                break;
            case 6 when name.SequenceEqual("images"u8):
                AddImages(ref reader);
                break;
            case 4 when name.SequenceEqual("data"u8) && reader.TokenType == JsonTokenType.String:
            case 3 when name.SequenceEqual("url"u8) && reader.TokenType == JsonTokenType.String:
            case 9 when name.SequenceEqual("image_url"u8) && reader.TokenType == JsonTokenType.String:
                AddBinary(reader.ValueSpan);
                break;
            case 13 when name.SequenceEqual("cache_control"u8):
                // It moves from turn to turn and is no part of the text.
                reader.Skip();
                break;
            default:
                AddValue(ref reader);
                break;
        }
    }

    private readonly void AddValue(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                AddText(reader.ValueSpan, reader.ValueIsEscaped);
                break;
            case JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False:
                _scan.PromptCharacters += 4;
                _scan.Hasher.Add(Text);
                _scan.Hasher.Add(reader.ValueSpan);
                break;
        }
    }

    private readonly void AddImages(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }
        var depth = reader.CurrentDepth;
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            _scan.HasImages = true;
            if (reader.TokenType == JsonTokenType.String)
                AddBinary(reader.ValueSpan);
        }
    }

    /// <summary>Of what is long and no text only a hash counts.</summary>
    private readonly void AddBinary(ReadOnlySpan<byte> value)
    {
        Span<byte> hash = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(hash, PrefixHasher.Hash(0, value));
        _scan.Hasher.Add(Text);
        _scan.Hasher.Add(hash);
    }

    private readonly void AddText(ReadOnlySpan<byte> text, bool escaped)
    {
        var hasher = _scan.Hasher;
        hasher.Add(Text);
        if (!escaped)
        {
            Count(text.Length);
            hasher.Add(text);
            return;
        }

        var characters = 0;
        Span<byte> character = stackalloc byte[4];
        while (text.IndexOf((byte)'\\') is var at and >= 0)
        {
            hasher.Add(text[..at]);
            var length = JsonEscapes.Read(text[at..], character, out var taken);
            hasher.Add(character[..length]);
            characters += at + length;
            text = text[(at + taken)..];
        }
        hasher.Add(text);
        Count(characters + text.Length);
    }

    /// <summary>A text has a token at least, however short it is.</summary>
    private readonly void Count(int characters) => _scan.PromptCharacters += Math.Max(RouteRequest.CharactersPerToken, characters);

    [InlineArray(Parts)]
    private struct Extents
    {
        private (int Start, int End) _first;
    }
}
