using System.Text.Json;
using Chasqui.Engines.Grammars;

namespace Chasqui.Engines.Tools;

/// <summary>A tool that an answer must call, or one of several.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parameters">The schema of its arguments, one that a grammar can hold.</param>
internal sealed record ForcedTool(string Name, JsonElement Parameters)
{
    private static readonly JsonElement _nothing = Schema("""{"type":"object","properties":{},"additionalProperties":false}""");
    private static readonly JsonElement _anything = Schema("""{"type":"object"}""");

    /// <summary>Says nothing of what an object may hold.</summary>
    private static readonly HashSet<string> _silent = ["type", "title", "description", "$schema", "$id", "properties", "required"];

    /// <summary>The tools of a request whose answer must call one of them.</summary>
    /// <exception cref="InvalidRequestException">There is no such tool, or a strict one has a schema that cannot be held.</exception>
    public static IReadOnlyList<ForcedTool> Of(ChatRequest request) =>
        [.. Functions(request).Select(function => new ForcedTool(function.Name, ParametersOf(function.Name, function.Function)))];

    /// <summary>Checks that a request whose answer must call a tool has such a tool.</summary>
    /// <exception cref="InvalidRequestException">It has none, or the arguments of one are no object.</exception>
    public static void Check(ChatRequest request) => Functions(request);

    private static List<(string Name, JsonElement Function)> Functions(ChatRequest request)
    {
        var wanted = request.ToolChoice?.Name;
        var found = new List<(string, JsonElement)>();
        foreach (var tool in request.Tools is { ValueKind: JsonValueKind.Array } offered ? offered.EnumerateArray() : default)
        {
            if (tool.ValueKind == JsonValueKind.Object && tool.TryGetProperty("function", out var function) && function.ValueKind == JsonValueKind.Object
                && function.TryGetProperty("name", out var named) && named.ValueKind == JsonValueKind.String
                && named.GetString() is { Length: > 0 } name && (wanted is null || wanted == name))
            {
                if (function.TryGetProperty("parameters", out var parameters) && ToolSchema.WrongType(parameters) is { } type)
                    throw new InvalidRequestException($"the parameters of the tool \"{name}\" must be a schema of type \"object\", not \"{type}\"");
                found.Add((name, function));
            }
        }
        if (found.Count > 0)
            return found;
        throw new InvalidRequestException(wanted is not null
            ? $"tool_choice names the tool \"{wanted}\", which is not among the tools; offer it, or choose another"
            : "tool_choice asks for the call of a tool, but there are no tools; offer at least one");
    }

    private static JsonElement ParametersOf(string name, JsonElement function)
    {
        if (!function.TryGetProperty("parameters", out var schema) || schema.ValueKind != JsonValueKind.Object || IsEmpty(schema))
            return _nothing;
        try
        {
            // What is no object would be no call.
            schema = ToolSchema.ForObjects(schema);
            JsonSchemaGrammar.Compile(schema);
            return schema;
        }
        catch (InvalidFormatException e)
        {
            // A tool that is not strict is served with any object.
            return function.TryGetProperty("strict", out var strict) && strict.ValueKind == JsonValueKind.True
                ? throw new InvalidRequestException($"the arguments of the tool \"{name}\" cannot be held to its schema: {e.Message}", e)
                : _anything;
        }
    }

    /// <summary>Whether no argument is named: such a tool is called without any.</summary>
    private static bool IsEmpty(JsonElement schema) => schema.EnumerateObject().All(member => _silent.Contains(member.Name)
        && (member.Name != "properties" || (member.Value.ValueKind == JsonValueKind.Object && !member.Value.EnumerateObject().Any()))
        && (member.Name != "required" || (member.Value.ValueKind == JsonValueKind.Array && member.Value.GetArrayLength() == 0))
        && (member.Name != "type" || (member.Value.ValueKind == JsonValueKind.String && member.Value.ValueEquals("object"))));

    private static JsonElement Schema(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}
