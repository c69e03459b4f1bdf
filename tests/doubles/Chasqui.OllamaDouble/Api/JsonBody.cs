using System.Text;
using System.Text.Json;

namespace Chasqui.OllamaDouble;

/// <summary>Reads a body as Go's <c>encoding/json</c> under gin does, with its texts for what is wrong (recorded).</summary>
internal static class JsonBody
{
    private static readonly JsonElement _empty = JsonDocument.Parse("{}").RootElement;

    /// <summary>The first value of the body, what follows is ignored (recorded in <c>generate-trailing-garbage</c>); null is an empty object.</summary>
    /// <exception cref="ApiException">There is none.</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty)
            throw new ApiException(400, "missing request body");
        var reader = new Utf8JsonReader(body, isFinalBlock: false, default);
        try
        {
            if (!JsonDocument.TryParseValue(ref reader, out var document))
                throw new ApiException(400, "unexpected EOF");
            if (document.RootElement.ValueKind == JsonValueKind.Null)
                return _empty;
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement
                : throw new ApiException(400, $"json: cannot unmarshal {GoKind(document.RootElement)} into Go value of type api.Request");
        }
        catch (JsonException)
        {
            var rest = body[(int)reader.BytesConsumed..].TrimStart(" \t\r\n"u8);
            var bad = rest.IsEmpty ? "" : Encoding.UTF8.GetString(rest[..1]);
            throw new ApiException(400, $"invalid character '{bad}' looking for beginning of value");
        }
    }

    public static JsonElement? Get(this JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public static string? Text(this JsonElement json, string name, string type) => json.Get(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        { } value => throw Mismatch(value, name, type, "string"),
    };

    public static bool? Flag(this JsonElement json, string name, string type) => json.Get(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => throw Mismatch(value, name, type, "bool"),
    };

    public static double? Number(this JsonElement json, string name, string type, string goType) => json.Get(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } value => value.GetDouble(),
        { } value => throw Mismatch(value, name, type, goType),
    };

    public static JsonElement? Array(this JsonElement json, string name, string type, string goType) => json.Get(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Array } value => value,
        { } value => throw Mismatch(value, name, type, goType),
    };

    public static ApiException Mismatch(JsonElement value, string name, string type, string goType) =>
        new(400, $"json: cannot unmarshal {GoKind(value)} into Go struct field {type}.{name} of type {goType}");

    private static string GoKind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => "bool",
        JsonValueKind.Number => "number",
        JsonValueKind.String => "string",
        JsonValueKind.Array => "array",
        _ => "object",
    };
}
