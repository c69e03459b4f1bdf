using System.Buffers;
using System.Text.Json;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Tools;

/// <summary>The call of one of several tools as a JSON schema, for nodes that hold an answer to a schema and cannot be told to call a tool.</summary>
internal static class ForcedCallShape
{
    /// <summary><c>{"name": …, "arguments": …}</c> of one of the tools.</summary>
    public static OutputFormat Of(IReadOnlyList<ForcedTool> tools)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = JsonWriting.PlainWriter(buffer))
        {
            json.WriteStartObject();
            if (tools.Count == 1)
            {
                Members(json, tools[0], 0);
            }
            else
            {
                json.WriteStartArray("anyOf");
                for (var i = 0; i < tools.Count; i++)
                {
                    json.WriteStartObject();
                    Members(json, tools[i], i);
                    json.WriteEndObject();
                }
                json.WriteEndArray();
            }
            Definitions(json, tools);
            json.WriteEndObject();
        }
        return OutputFormat.FromSchema(JsonElement.Parse(buffer.WrittenSpan));
    }

    private static void Members(Utf8JsonWriter json, ForcedTool tool, int index)
    {
        json.WriteString("type", "object");
        json.WriteStartObject("properties");
        json.WriteStartObject("name");
        json.WriteString("const", tool.Name);
        json.WriteEndObject();
        json.WritePropertyName("arguments");
        if (Refers(tool.Parameters))
        {
            json.WriteStartObject();
            json.WriteString("$ref", Place(index));
            json.WriteEndObject();
        }
        else
        {
            tool.Parameters.WriteTo(json);
        }
        json.WriteEndObject();
        json.WriteStartArray("required");
        json.WriteStringValue("name");
        json.WriteStringValue("arguments");
        json.WriteEndArray();
        json.WriteBoolean("additionalProperties", false);
    }

    /// <summary>Schemas that refer to places of their own stand where no list is on the way: not every reader of schemas counts in lists.</summary>
    private static void Definitions(Utf8JsonWriter json, IReadOnlyList<ForcedTool> tools)
    {
        if (!tools.Any(tool => Refers(tool.Parameters)))
            return;
        json.WriteStartObject("$defs");
        for (var i = 0; i < tools.Count; i++)
        {
            if (!Refers(tools[i].Parameters))
                continue;
            json.WritePropertyName(Name(i));
            Moved(json, tools[i].Parameters, Place(i));
        }
        json.WriteEndObject();
    }

    private static string Name(int index) => FormattableString.Invariant($"tool{index}");

    private static string Place(int index) => "#/$defs/" + Name(index);

    private static bool Refers(JsonElement schema) => schema.ValueKind switch
    {
        JsonValueKind.Object => schema.EnumerateObject().Any(member => member.NameEquals("$ref") || Refers(member.Value)),
        JsonValueKind.Array => schema.EnumerateArray().Any(Refers),
        _ => false,
    };

    /// <summary>The same schema with its references led to where it stands now.</summary>
    private static void Moved(Utf8JsonWriter json, JsonElement schema, string place)
    {
        switch (schema.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                foreach (var member in schema.EnumerateObject())
                {
                    json.WritePropertyName(member.Name);
                    if (member.NameEquals("$ref") && member.Value.ValueKind == JsonValueKind.String && member.Value.GetString() is ['#', .. var rest])
                        json.WriteStringValue(place + (rest == "/" ? "" : rest));
                    else
                        Moved(json, member.Value, place);
                }
                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in schema.EnumerateArray())
                    Moved(json, item, place);
                json.WriteEndArray();
                break;
            default:
                schema.WriteTo(json);
                break;
        }
    }
}
