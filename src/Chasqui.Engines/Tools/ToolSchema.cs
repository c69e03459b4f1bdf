using System.Buffers;
using System.Text.Json;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Tools;

/// <summary>The schema of a tool's arguments: what a tool is called with is an object, in each of the APIs.</summary>
public static class ToolSchema
{
    /// <summary>What a schema says it is of, where that leaves no room for an object.</summary>
    /// <param name="schema">The schema; anything else than an object says nothing.</param>
    /// <returns>The type, or the types as JSON; null where an object fits.</returns>
    public static string? WrongType(JsonElement schema)
    {
        if (schema.ValueKind != JsonValueKind.Object || !schema.TryGetProperty("type"u8, out var type))
            return null;
        return type.ValueKind switch
        {
            JsonValueKind.String when !type.ValueEquals("object"u8) => type.GetString(),
            JsonValueKind.Array when !type.EnumerateArray().Any(one => one.ValueKind == JsonValueKind.String && one.ValueEquals("object"u8)) => type.GetRawText(),
            _ => null,
        };
    }

    /// <summary>The same schema for objects alone, where it would take something else too.</summary>
    internal static JsonElement ForObjects(JsonElement schema)
    {
        if (schema.TryGetProperty("type"u8, out var type) && type.ValueKind == JsonValueKind.String)
            return schema;
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = JsonWriting.PlainWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type", "object");
            foreach (var member in schema.EnumerateObject())
            {
                if (!member.NameEquals("type"u8))
                    member.WriteTo(json);
            }
            json.WriteEndObject();
        }
        return JsonElement.Parse(buffer.WrittenSpan);
    }
}
