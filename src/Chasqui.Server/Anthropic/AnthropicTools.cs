using System.Buffers;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>Reads the tools that are offered, and how the model may use them.</summary>
internal static class AnthropicTools
{
    /// <summary>The tools in Ollama's form; null for none.</summary>
    public static JsonElement? Read(JsonElement value)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        var count = 0;
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var tool in Field.Items("tools", value))
            {
                Write(json, FormattableString.Invariant($"tools.{count}"), tool);
                count++;
            }
            json.WriteEndArray();
        }
        if (count == 0)
            return null;
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    private static void Write(Utf8JsonWriter json, string at, JsonElement tool)
    {
        var name = "";
        var type = "custom";
        var description = "";
        var strict = false;
        JsonElement schema = default;
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
            }
        }
        if (type != "custom")
            throw new InvalidRequestException($"{at}: a tool of type \"{Field.Clip(type)}\" is not supported here, since Anthropic defines or runs it; offer tools of type \"custom\"");
        if (name.Length == 0)
            throw new InvalidRequestException($"{at}: a tool needs a \"name\"");
        if (strict)
            throw new InvalidRequestException($"{at}: \"strict\" is not supported here, since the input of a tool cannot be guaranteed; leave it out");
        if (schema.ValueKind != JsonValueKind.Object)
            throw new InvalidRequestException($"{at}: a tool needs an \"input_schema\", a JSON schema as an object");

        json.WriteStartObject();
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WriteString("name"u8, name);
        if (description.Length > 0)
            json.WriteString("description"u8, description);
        json.WritePropertyName("parameters"u8);
        schema.WriteTo(json);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}

/// <summary>How the model may use the tools.</summary>
/// <param name="None">Not at all: they are not shown to it.</param>
/// <param name="OneCall">Once in an answer: what it calls beyond that is not told.</param>
internal readonly record struct AnthropicToolChoice(bool None, bool OneCall)
{
    public static AnthropicToolChoice Read(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return default;
        var type = "";
        var one = false;
        foreach (var member in Field.Members("tool_choice", value))
        {
            switch (member.Name.ToLowerInvariant())
            {
                case "type":
                    Field.Read("tool_choice.type", member.Value, ref type);
                    break;
                case "disable_parallel_tool_use":
                    Field.Read("tool_choice.disable_parallel_tool_use", member.Value, ref one);
                    break;
            }
        }
        return type switch
        {
            "auto" => new(None: false, one),
            "none" => new(None: true, one),
            "any" or "tool" => throw new InvalidRequestException(
                $"tool_choice \"{type}\" is not supported here, since a model cannot be made to call a tool; use \"auto\" or \"none\""),
            _ => throw new InvalidRequestException($"tool_choice.type must be \"auto\" or \"none\", not \"{Field.Clip(type)}\""),
        };
    }
}
