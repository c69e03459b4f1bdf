using System.Text.Json;

namespace Chasqui.Engines.Templates;

/// <summary>
/// Turns messages and tools into the values that templates see. The fields are those of Ollama's
/// <c>template/template.go</c> and <c>api/types.go</c>: a tool keeps only what these name, and maps are in the order of their keys.
/// </summary>
internal static class TemplateData
{
    private const int MaxDepth = 100;

    /// <summary>The values of a template of messages.</summary>
    /// <exception cref="InvalidRequestException">Tools or tool calls hold what no text can, or nest too deep.</exception>
    public static (GoList Messages, GoList Tools) Of(IReadOnlyList<ChatMessage> messages, JsonElement? tools)
    {
        try
        {
            return (Messages(messages), Tools(tools));
        }
        catch (InvalidOperationException error)
        {
            // An escape may name half a surrogate pair.
            throw new InvalidRequestException("tools and tool calls must hold valid Unicode only", error);
        }
    }

    private static GoList Messages(IReadOnlyList<ChatMessage> messages) => new("[]*template.templateMessage",
        messages.Select(object? (message) => new GoRecord("*template.templateMessage",
        [
            new("Role", "Role", message.Role),
            new("Content", "Content", message.Content),
            new("Thinking", "Thinking", message.Thinking ?? ""),
            new("Images", "Images", new GoList("[]api.ImageData", new object?[message.Images.Count])),
            new("ToolCalls", "ToolCalls", ToolCalls(message.ToolCalls)),
            new("ToolName", "ToolName", message.ToolName ?? ""),
            new("ToolCallID", "ToolCallID", message.ToolCallId ?? ""),
        ])).ToArray());

    private static GoList Tools(JsonElement? tools) => Array(tools) is { } array
        ? new GoList("template.templateTools", array.Select(object? (tool) => Tool(tool)).ToArray()) { PrintsAsJson = true }
        : new GoList("template.templateTools", default) { PrintsAsJson = true, IsNil = true };

    private static GoList ToolCalls(JsonElement? calls) => new("[]template.templateToolCall",
        (Array(calls) ?? default).Select(object? (call) => new GoRecord("template.templateToolCall",
        [
            new("ID", "ID", Text(call, "id")),
            new("Function", "Function", new GoRecord("template.templateToolCallFunction",
            [
                new("Index", "Index", Get(Get(call, "function"), "index") is { ValueKind: JsonValueKind.Number } index
                    && index.TryGetInt64(out long n) ? n : 0L),
                new("Name", "Name", Text(Get(call, "function"), "name")),
                new("Arguments", "Arguments", Arguments(Get(Get(call, "function"), "arguments"))),
            ])),
        ])).ToArray());

    private static GoMap Arguments(JsonElement? arguments)
    {
        // OpenAI's API has the arguments as JSON in a text.
        if (arguments is { ValueKind: JsonValueKind.String } text)
        {
            try
            {
                using var parsed = JsonDocument.Parse(text.GetString()!);
                arguments = parsed.RootElement.Clone();
            }
            catch (JsonException)
            {
                arguments = null;
            }
        }

        return arguments is { ValueKind: JsonValueKind.Object } given
            ? (GoMap)Any(given, 0)! with { TypeName = "template.templateArgs", PrintsAsJson = true }
            : new GoMap("template.templateArgs", []) { PrintsAsJson = true, IsNil = true };
    }

    /// <summary>A tool. Its function and parameters print as JSON, which many templates of the library count on.</summary>
    private static GoRecord Tool(JsonElement tool)
    {
        var function = Get(tool, "function");
        var parameters = Get(function, "parameters");
        return new GoRecord("template.templateTool",
        [
            new("Type", "type", Text(tool, "type")),
            new("Items", "items", AnyOf(tool, "items"), OmitEmpty: true),
            new("Function", "function", new GoRecord("template.templateToolFunction",
            [
                new("Name", "name", Text(function, "name")),
                new("Description", "description", Text(function, "description")),
                new("Parameters", "parameters", new GoRecord("template.templateToolFunctionParameters",
                [
                    new("Type", "type", Text(parameters, "type")),
                    new("Defs", "$defs", AnyOf(parameters, "$defs"), OmitEmpty: true),
                    new("Items", "items", AnyOf(parameters, "items"), OmitEmpty: true),
                    new("Required", "required", Texts(parameters, "required"), OmitEmpty: true),
                    new("Properties", "properties", Properties(Get(parameters, "properties"), sorted: true, 0)),
                ]) { PrintsAsJson = true }),
            ]) { PrintsAsJson = true }),
        ])
        { PrintsAsJson = true };
    }

    private static GoMap Properties(JsonElement? properties, bool sorted, int depth)
    {
        if (properties is not { ValueKind: JsonValueKind.Object } given)
            return new GoMap("template.templateProperties", []) { PrintsAsJson = true, IsNil = true };
        var entries = given.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, (object?)Property(p.Value, depth + 1)));
        return new GoMap("template.templateProperties", Unique(entries, sorted)) { PrintsAsJson = true };
    }

    private static GoRecord Property(JsonElement property, int depth)
    {
        Guard(depth);
        var alternatives = (Array(Get(property, "anyOf")) ?? default).Select(p => Property(p, depth + 1)).ToArray();
        var nested = Get(property, "properties");
        string[] types = Get(property, "type") is { ValueKind: JsonValueKind.String } one
            ? [one.GetString()!]
            : [.. (Array(Get(property, "type")) ?? default).Where(t => t.ValueKind == JsonValueKind.String).Select(t => t.GetString()!)];
        return new GoRecord("api.ToolProperty",
        [
            new("AnyOf", "anyOf", new GoList("[]api.ToolProperty", alternatives.ToArray<object?>()), OmitEmpty: true),
            new("Type", "type", types.Length == 1 ? types[0] : Types(types), OmitEmpty: true),
            new("Items", "items", AnyOf(property, "items"), OmitEmpty: true),
            new("Description", "description", Text(property, "description"), OmitEmpty: true),
            new("Enum", "enum", Any(Get(property, "enum"), 0), OmitEmpty: true),
            new("Properties", "properties", nested is null ? null : Properties(nested, sorted: false, depth), OmitEmpty: true),
            new("Required", "required", Texts(property, "required"), OmitEmpty: true),
        ])
        { TypeScript = TypeScript(alternatives, types) };
    }

    // A type that is one word prints as that word; none prints as nothing, several as a list.
    private static object Types(string[] types) => types.Length == 0
        ? ""
        : new GoList("api.PropertyType", types.ToArray<object?>());

    private static string TypeScript(GoRecord[] alternatives, string[] types)
    {
        if (alternatives.Length > 0)
            return string.Join(" | ", alternatives.Select(a => a.TypeScript));
        return types.Length == 0 ? "any" : string.Join(" | ", types.Select(type => type switch
        {
            "string" or "boolean" or "null" => type,
            "number" or "integer" => "number",
            "array" => "any[]",
            "object" => "Record<string, any>",
            _ => "any",
        }));
    }

    /// <summary>A value of JSON as Go decodes it into <c>any</c>.</summary>
    public static object? Value(JsonElement element) => Any(element, 0);

    private static object? AnyOf(JsonElement? element, string name) => Any(Get(element, name), 0);

    private static object? Any(JsonElement? element, int depth)
    {
        Guard(depth);
        return element switch
        {
            { ValueKind: JsonValueKind.True } => true,
            { ValueKind: JsonValueKind.False } => false,
            { ValueKind: JsonValueKind.Number } number => number.GetDouble(),
            { ValueKind: JsonValueKind.String } text => text.GetString(),
            { ValueKind: JsonValueKind.Array } array => new GoList("[]interface {}",
                array.EnumerateArray().Select(item => Any(item, depth + 1)).ToArray()),
            { ValueKind: JsonValueKind.Object } map => new GoMap("map[string]interface {}",
                Unique(map.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, Any(p.Value, depth + 1))), sorted: true)),
            _ => null,
        };
    }

    /// <summary>Of several entries with one key the last counts.</summary>
    private static List<KeyValuePair<string, object?>> Unique(IEnumerable<KeyValuePair<string, object?>> entries, bool sorted)
    {
        var kept = new OrderedDictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (key, value) in entries)
            kept[key] = value;
        return sorted ? [.. kept.OrderBy(entry => entry.Key, StringComparer.Ordinal)] : [.. kept];
    }

    private static GoList Texts(JsonElement? element, string name) => new("[]string",
        (Array(Get(element, name)) ?? default).Where(item => item.ValueKind == JsonValueKind.String)
            .Select(object? (item) => item.GetString()).ToArray());

    private static string Text(JsonElement? element, string name) =>
        Get(element, name) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "";

    private static JsonElement? Get(JsonElement? element, string name) =>
        element is { ValueKind: JsonValueKind.Object } map && map.TryGetProperty(name, out var value) ? value : null;

    private static JsonElement.ArrayEnumerator? Array(JsonElement? element) =>
        element is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray() : null;

    private static void Guard(int depth)
    {
        if (depth > MaxDepth)
            throw new InvalidRequestException($"tools and tool calls may nest at most {MaxDepth} levels deep");
    }
}
