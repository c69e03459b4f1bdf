using System.Text.Json;

namespace Chasqui.Server;

/// <summary>Whether a request for vectors says nothing but what can be said by its types, so that it need not go to a node as it is.</summary>
internal static class EmbeddingBody
{
    private const int MaxDepth = 4;

    /// <returns>False also where the request is wrong, so that the node words the error.</returns>
    public static bool IsPlain(ReadOnlySpan<byte> body, Dialects dialect)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepth });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (!(dialect == Dialects.Ollama ? IsOllamas(ref reader) : IsOpenAis(ref reader)))
                    return false;
            }
            return !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool IsOllamas(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("model"u8))
            return Next(ref reader) == JsonTokenType.String;
        if (reader.ValueTextEquals("input"u8))
            return IsTexts(ref reader);
        if (reader.ValueTextEquals("truncate"u8))
            return Next(ref reader) is JsonTokenType.True or JsonTokenType.False;
        if (reader.ValueTextEquals("dimensions"u8))
            return IsWhole(ref reader);
        if (reader.ValueTextEquals("keep_alive"u8))
            return Next(ref reader) is JsonTokenType.String or JsonTokenType.Number;
        return reader.ValueTextEquals("options"u8) && IsOptions(ref reader);
    }

    private static bool IsOpenAis(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("model"u8) || reader.ValueTextEquals("encoding_format"u8) || reader.ValueTextEquals("user"u8))
            return Next(ref reader) == JsonTokenType.String;
        if (reader.ValueTextEquals("input"u8))
            return IsTexts(ref reader);
        return reader.ValueTextEquals("dimensions"u8) && IsWhole(ref reader);
    }

    private static bool IsTexts(ref Utf8JsonReader reader)
    {
        if (Next(ref reader) == JsonTokenType.String)
            return !reader.ValueSpan.IsEmpty;
        if (reader.TokenType != JsonTokenType.StartArray)
            return false;
        var count = 0;
        while (Next(ref reader) == JsonTokenType.String)
        {
            // What nodes make of an empty text differs.
            if (reader.ValueSpan.IsEmpty)
                return false;
            count++;
        }
        return count > 0 && reader.TokenType == JsonTokenType.EndArray;
    }

    private static bool IsOptions(ref Utf8JsonReader reader)
    {
        if (Next(ref reader) != JsonTokenType.StartObject)
            return false;
        while (Next(ref reader) == JsonTokenType.PropertyName)
        {
            if (!(reader.ValueTextEquals("num_ctx"u8) || reader.ValueTextEquals("num_batch"u8) || reader.ValueTextEquals("num_thread"u8)) || !IsWhole(ref reader))
                return false;
        }
        return reader.TokenType == JsonTokenType.EndObject;
    }

    private static bool IsWhole(ref Utf8JsonReader reader) => Next(ref reader) == JsonTokenType.Number && reader.TryGetInt32(out _);

    private static JsonTokenType Next(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType;
    }
}
