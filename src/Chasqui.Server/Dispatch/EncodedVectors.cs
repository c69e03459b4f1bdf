using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>
/// Turns the vectors of an answer of <c>/v1/embeddings</c> into the base64 that was asked for, little-endian numbers of 32 bits, where the node has written them as arrays: many servers pass over
/// <c>encoding_format</c>. An answer that is encoded already goes on as it comes.
/// </summary>
internal static class EncodedVectors
{
    /// <summary>The most that is held of an answer; a longer one goes on as it is.</summary>
    private const int MaxHeld = 128 << 20;

    /// <summary>Whether a request asks for base64.</summary>
    public static bool AreWanted(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body);
        var wanted = false;
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isIt = reader.ValueTextEquals("encoding_format"u8);
                reader.Read();
                if (isIt)
                    wanted = reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("base64"u8);
                reader.Skip();
            }
        }
        catch (JsonException)
        {
            // The node says what is wrong.
            return false;
        }
        return wanted;
    }

    /// <summary>The first part of the answer or, where its vectors are arrays, all of it with the vectors encoded.</summary>
    /// <param name="answer">Read as far as needed.</param>
    /// <param name="first">What came first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What comes first then, and whether it is all there is.</returns>
    public static async ValueTask<(ReadOnlyMemory<byte> First, bool IsAll)> EncodeAsync(IPassageAnswer answer, ReadOnlyMemory<byte> first, CancellationToken cancellationToken)
    {
        var held = new ArrayBufferWriter<byte>(Math.Max(4096, first.Length));
        held.Write(first.Span);
        while (true)
        {
            // One look at the first vector decides.
            if (IsEncoded(held.WrittenSpan) == true || held.WrittenCount > MaxHeld)
                return (held.WrittenMemory, false);
            var part = await answer.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (part.IsEmpty)
                break;
            held.Write(part.Span);
        }
        return (Encode(held.WrittenSpan) is { } encoded ? encoded.WrittenMemory : held.WrittenMemory, true);
    }

    /// <summary>Whether the first vector is a text; null where it has not come yet.</summary>
    private static bool? IsEncoded(ReadOnlySpan<byte> json)
    {
        const int Near = 4096;
        var name = json[..Math.Min(json.Length, Near)].IndexOf("\"embedding\":"u8);
        if (name < 0)
            return json.Length > Near ? false : null;
        var value = json[(name + "\"embedding\":".Length)..].TrimStart(" \t\r\n"u8);
        return value.IsEmpty ? null : value[0] == (byte)'"';
    }

    /// <returns>Null where nothing is to be done, or the answer cannot be read.</returns>
    private static ArrayBufferWriter<byte>? Encode(ReadOnlySpan<byte> json)
    {
        var output = new ArrayBufferWriter<byte>(json.Length);
        var vector = new ArrayBufferWriter<byte>(16 << 10);
        var reader = new Utf8JsonReader(json);
        var copied = 0;
        try
        {
            while (reader.Read())
            {
                // In an object of the list that is a member of the answer.
                if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 3 || !reader.ValueTextEquals("embedding"u8))
                    continue;
                reader.Read();
                if (reader.TokenType != JsonTokenType.StartArray)
                    continue;
                output.Write(json[copied..(int)reader.TokenStartIndex]);
                vector.ResetWrittenCount();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    BinaryPrimitives.WriteSingleLittleEndian(vector.GetSpan(sizeof(float)), reader.GetSingle());
                    vector.Advance(sizeof(float));
                }
                copied = (int)reader.BytesConsumed;
                output.Write("\""u8);
                var length = System.Buffers.Text.Base64.GetMaxEncodedToUtf8Length(vector.WrittenCount);
                System.Buffers.Text.Base64.EncodeToUtf8(vector.WrittenSpan, output.GetSpan(length), out _, out var written);
                output.Advance(written);
                output.Write("\""u8);
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            // What it is, its client may find out.
            return null;
        }
        if (copied == 0)
            return null;
        output.Write(json[copied..]);
        return output;
    }
}
