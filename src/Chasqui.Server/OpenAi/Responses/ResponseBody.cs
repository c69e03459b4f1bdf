using System.Text;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>
/// Whether a node that knows <c>/v1/responses</c> itself can be sent a request as it is. It cannot where the answer is to be kept, or the request refers to what was
/// kept: nodes give names that another node does not know, keep nothing themselves, or give the same name twice. Nor can it where the request has what few nodes know.
/// </summary>
internal static class ResponseBody
{
    private static readonly JsonReaderOptions _options = new() { AllowMultipleValues = true };

    /// <param name="body">A JSON object.</param>
    /// <param name="mayKeep">Whether answers are kept that do not say otherwise.</param>
    /// <returns>False also where the body cannot be read, so that the API's own reader words the error.</returns>
    public static bool IsPlain(ReadOnlySpan<byte> body, bool mayKeep)
    {
        var reader = new Utf8JsonReader(body.StartsWith(Encoding.UTF8.Preamble) ? body[3..] : body, _options);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return false;
            var (keeps, hasInput) = (mayKeep, false);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueIsEscaped)
                    return false;
                var name = reader.ValueSpan;
                reader.Read();
                if (Ascii.EqualsIgnoreCase(name, "tools"u8))
                {
                    if (!AreOf(ref reader, static type => type.SequenceEqual("function"u8)))
                        return false;
                }
                else if (Ascii.EqualsIgnoreCase(name, "input"u8))
                {
                    hasInput = reader.TokenType != JsonTokenType.Null;
                    if (!AreOf(ref reader, IsPlainItem))
                        return false;
                }
                else if (Ascii.EqualsIgnoreCase(name, "previous_response_id"u8) && reader.TokenType != JsonTokenType.Null)
                {
                    return false;
                }
                else if (Ascii.EqualsIgnoreCase(name, "store"u8) && reader.TokenType != JsonTokenType.Null)
                {
                    keeps = mayKeep && reader.TokenType != JsonTokenType.False;
                }
                reader.Skip();
            }
            // OpenAI lets it be left out, and llama.cpp's server does not.
            return !keeps && hasInput;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool IsPlainItem(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("message"u8) || type.SequenceEqual("function_call"u8) || type.SequenceEqual("function_call_output"u8) || type.SequenceEqual("reasoning"u8);

    /// <summary>
    /// Whether the types of all objects in an array are some, and none is in a namespace; a message may do without a type where it has a role. What is no array is not
    /// looked at.
    /// </summary>
    private static bool AreOf(ref Utf8JsonReader reader, TypeTest isPlain)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            return true;
        var depth = reader.CurrentDepth;
        var isKnown = false;
        while (reader.Read() && !(reader.TokenType == JsonTokenType.EndArray && reader.CurrentDepth == depth))
        {
            if (reader.CurrentDepth == depth + 1)
            {
                if (reader.TokenType == JsonTokenType.EndObject && !isKnown)
                    return false;
                isKnown = false;
            }
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != depth + 2)
                continue;
            if (reader.ValueTextEquals("namespace"u8))
                return false;
            var isType = reader.ValueTextEquals("type"u8);
            isKnown |= isType || reader.ValueTextEquals("role"u8);
            reader.Read();
            if (isType && (reader.TokenType != JsonTokenType.String || reader.ValueIsEscaped || !isPlain(reader.ValueSpan)))
                return false;
            reader.Skip();
        }
        return true;
    }

    private delegate bool TypeTest(ReadOnlySpan<byte> type);
}
