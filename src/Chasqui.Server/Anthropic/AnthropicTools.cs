using System.Buffers;
using System.Text.Json;
using Chasqui.Engines.Tools;

namespace Chasqui.Server;

/// <summary>Reads the tools that are offered, and how the model may use them.</summary>
internal static class AnthropicTools
{
    /// <summary>The tools in Ollama's form; null for none. Those that Anthropic defines or runs are left out, and named.</summary>
    public static JsonElement? Read(JsonElement value, PassedOver passedOver)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        var (index, count) = (0, 0);
        using (var json = FunctionCall.PlainWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var tool in Field.Items("tools", value))
            {
                if (Write(json, FormattableString.Invariant($"tools.{index}"), tool, passedOver))
                    count++;
                index++;
            }
            json.WriteEndArray();
        }
        if (count == 0)
            return null;
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    /// <returns>False where it was left out.</returns>
    private static bool Write(Utf8JsonWriter json, string at, JsonElement tool, PassedOver passedOver)
    {
        var name = "";
        var type = "custom";
        var description = "";
        var strict = false;
        JsonElement schema = default;
        List<string> others = [];
        foreach (var member in Field.Members(at, tool))
        {
            switch (member.Name.ToLowerInvariant())
            {
                case "name":
                    Field.Read(at + ".name", member.Value, ref name);
                    break;
                case "type":
                    Field.Read(at + ".type", member.Value, ref type);
                    break;
                case "description":
                    Field.Read(at + ".description", member.Value, ref description);
                    break;
                case "strict":
                    Field.Read(at + ".strict", member.Value, ref strict);
                    break;
                case "input_schema":
                    schema = member.Value;
                    break;
                case "cache_control":
                    // What begins alike is computed once anyway.
                    break;
                default:
                    if (member.Value.ValueKind != JsonValueKind.Null)
                        others.Add(member.Name);
                    break;
            }
        }
        if (type is not ("custom" or ""))
        {
            passedOver.Add("tools." + type);
            return false;
        }
        foreach (var other in others)
            passedOver.Add("tools." + other);
        if (name.Length == 0)
            throw new InvalidRequestException($"{at}: a tool needs a \"name\"");
        if (schema.ValueKind != JsonValueKind.Object)
            throw new InvalidRequestException($"{at}: a tool needs an \"input_schema\", a JSON schema as an object");

        if (ToolSchema.WrongType(schema) is { } wrong)
            throw new InvalidRequestException($"{at}.input_schema.type must be \"object\", not \"{Field.Clip(wrong)}\"");

        json.WriteStartObject();
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WriteString("name"u8, name);
        if (description.Length > 0)
            json.WriteString("description"u8, description);
        json.WritePropertyName("parameters"u8);
        schema.WriteTo(json);
        // Where the node knows it, it holds; a call that must be made is held to its schema anyway.
        if (strict)
            json.WriteBoolean("strict"u8, true);
        json.WriteEndObject();
        json.WriteEndObject();
        return true;
    }
}
