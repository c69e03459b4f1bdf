using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Server;

/// <summary>A call of a tool: its name, and its arguments as a JSON object's text.</summary>
internal readonly record struct AnthropicCall(string Id, string Name, string Input)
{
    /// <summary>Reads a call in Ollama's form. One without an id gets one.</summary>
    public static AnthropicCall From(JsonElement call)
    {
        var function = call.TryGetProperty("function", out var given) ? given : default;
        var input = function.ValueKind == JsonValueKind.Object && function.TryGetProperty("arguments", out var arguments)
            && arguments.ValueKind == JsonValueKind.Object ? arguments.GetRawText() : "{}";
        return new AnthropicCall(Text(call, "id") is { Length: > 0 } id ? id : AnthropicId.New("toolu_"), Text(function, "name"), input);
    }

    /// <summary>Reads a call in Ollama's form.</summary>
    public static AnthropicCall From(JsonNode call) => From(JsonSerializer.SerializeToElement(call, FunctionCall.PlainOptions));

    private static string Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()! : "";
}
