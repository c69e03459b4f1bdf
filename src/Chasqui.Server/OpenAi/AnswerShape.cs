using System.Text.Json;

namespace Chasqui.Server;

/// <summary>The shape that an answer shall have: <c>response_format</c> of chats, <c>text.format</c> of responses.</summary>
internal static class AnswerShape
{
    /// <summary>Reads the format.</summary>
    /// <param name="name">The field, for errors.</param>
    /// <param name="value">An object with a <c>type</c>.</param>
    /// <param name="nested">Whether the schema is inside of a <c>json_schema</c>, as in chats, or beside the type.</param>
    public static OutputFormat? Read(string name, JsonElement value, bool nested)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Field.WrongType(name, "an object", value);
        var type = value.TryGetProperty("type"u8, out var given) && given.ValueKind == JsonValueKind.String ? given.GetString()! : "";
        switch (type.Trim().ToLowerInvariant())
        {
            case "text":
                return null;
            case "json_object":
                return OutputFormat.Json;
            case "json_schema":
                return OutputFormat.FromSchema(SchemaOf(name, value, nested));
            default:
                throw new InvalidParameterException(name, $"\"{name}\" of type \"{Field.Clip(type)}\" is not supported: text, json_object and json_schema are");
        }
    }

    private static JsonElement SchemaOf(string name, JsonElement value, bool nested)
    {
        if (nested && !(value.TryGetProperty("json_schema"u8, out value) && value.ValueKind == JsonValueKind.Object))
            throw new InvalidParameterException(name, $"\"{name}\" of type \"json_schema\" needs a \"json_schema\" with a \"schema\"");
        return value.TryGetProperty("schema"u8, out var schema) && schema.ValueKind == JsonValueKind.Object
            ? schema
            : throw new InvalidParameterException(name, $"\"{name}\" of type \"json_schema\" needs a \"schema\", an object");
    }
}
