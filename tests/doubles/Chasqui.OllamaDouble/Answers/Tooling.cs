using System.Text;
using System.Text.Json;

namespace Chasqui.OllamaDouble;

/// <summary>Tool calls and structured answers.</summary>
internal static class Tooling
{
    private const int Deepest = 16;

    /// <summary>The first tool with a word of its name (four letters and more) in what the user said; null for none.</summary>
    public static ToolCall? Choose(JsonElement tools, string said)
    {
        foreach (var tool in tools.EnumerateArray())
        {
            // OpenAI's responses and Anthropic have the name and the schema at the top.
            var function = tool.Get("function") ?? tool;
            var name = function.Get("name")?.GetString() ?? "";
            if (name.Split('_', '-', '.').Any(word => word.Length >= 4 && said.Contains(word, StringComparison.OrdinalIgnoreCase)))
                return Call(name, function);
        }
        return null;
    }

    /// <summary>The first tool, whatever the user said.</summary>
    public static ToolCall First(JsonElement tools)
    {
        var function = tools[0].Get("function") ?? tools[0];
        return Call(function.Get("name")?.GetString() ?? "", function);
    }

    private static ToolCall Call(string name, JsonElement function) =>
        new("", name, (function.Get("parameters") ?? function.Get("input_schema")) is { } schema ? Instance(schema) : "{}");

    /// <summary>A small value that fits a schema; for the text "json" any object.</summary>
    public static string Instance(JsonElement format)
    {
        if (format.ValueKind == JsonValueKind.String)
            return "{\"answer\": \"karana\"}";
        var text = new StringBuilder();
        Append(text, format, 0);
        return text.ToString();
    }

    private static void Append(StringBuilder text, JsonElement schema, int depth)
    {
        if (schema.Get("const") is { } constant)
            text.Append(constant.GetRawText());
        else if (schema.Get("enum") is { ValueKind: JsonValueKind.Array } values && values.GetArrayLength() > 0)
            text.Append(values[0].GetRawText());
        else if (depth > Deepest)
            text.Append("null");
        else if (schema.Get("anyOf") is { ValueKind: JsonValueKind.Array } any && any.GetArrayLength() > 0)
            Append(text, any[0], depth + 1);
        else
            AppendType(text, schema, depth);
    }

    private static void AppendType(StringBuilder text, JsonElement schema, int depth)
    {
        var type = schema.Get("type") switch
        {
            { ValueKind: JsonValueKind.String } one => one.GetString(),
            { ValueKind: JsonValueKind.Array } several when several.GetArrayLength() > 0 => several[0].ToString(),
            _ => schema.Get("properties") is null ? "string" : "object",
        };
        switch (type)
        {
            case "object":
                text.Append('{');
                var first = true;
                if (schema.Get("properties") is { ValueKind: JsonValueKind.Object } properties)
                {
                    foreach (var property in properties.EnumerateObject())
                    {
                        text.Append(first ? "" : ", ").Append(JsonSerializer.Serialize(property.Name)).Append(": ");
                        Append(text, property.Value, depth + 1);
                        first = false;
                    }
                }
                text.Append('}');
                break;
            case "array":
                text.Append('[');
                if (schema.Get("items") is { } items)
                    Append(text, items, depth + 1);
                text.Append(']');
                break;
            case "integer" or "number":
                text.Append(schema.Get("minimum") is { ValueKind: JsonValueKind.Number } least ? least.GetRawText() : "7");
                break;
            case "boolean":
                text.Append("true");
                break;
            case "null":
                text.Append("null");
                break;
            default:
                text.Append("\"karana\"");
                break;
        }
    }
}
