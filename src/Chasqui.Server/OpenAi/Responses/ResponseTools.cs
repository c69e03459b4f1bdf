using System.Buffers;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>Tools as the responses API writes them, flat, and as the engine takes them.</summary>
internal static class ResponseTools
{
    /// <summary>The tools in the engine's form; null for none.</summary>
    public static JsonElement? Read(JsonElement tools)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = FunctionCall.PlainWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var tool in Field.Items("tools", tools))
            {
                ToolFields.CheckKind(tool);
                if (tool.ValueKind != JsonValueKind.Object || !tool.TryGetProperty("name"u8, out var name) || name.ValueKind != JsonValueKind.String)
                    throw new InvalidParameterException("tools", "a tool needs a \"name\"");
                json.WriteStartObject();
                json.WriteString("type", "function");
                json.WriteStartObject("function");
                foreach (var member in tool.EnumerateObject())
                {
                    if (member.Value.ValueKind != JsonValueKind.Null && member.Name is "name" or "description" or "parameters")
                        member.WriteTo(json);
                }
                json.WriteEndObject();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.GetArrayLength() == 0 ? null : document.RootElement.Clone();
    }
}
