using System.Text.Json;

namespace Chasqui.Server;

/// <summary>How the model may use the tools.</summary>
/// <param name="None">Not at all: they are not shown to it.</param>
/// <param name="Choice">What else was said of it; null for nothing.</param>
internal readonly record struct AnthropicToolChoice(bool None, ToolChoice? Choice)
{
    /// <exception cref="InvalidRequestException">It is none that there is.</exception>
    public static AnthropicToolChoice Read(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return default;
        var type = "";
        var name = "";
        var one = false;
        foreach (var member in Field.Members("tool_choice", value))
        {
            switch (member.Name.ToLowerInvariant())
            {
                case "type":
                    Field.Read("tool_choice.type", member.Value, ref type);
                    break;
                case "name":
                    Field.Read("tool_choice.name", member.Value, ref name);
                    break;
                case "disable_parallel_tool_use":
                    Field.Read("tool_choice.disable_parallel_tool_use", member.Value, ref one);
                    break;
            }
        }
        return type switch
        {
            "auto" => new(None: false, one ? new ToolChoice { Single = true } : null),
            "none" => new(None: true, null),
            "any" => new(None: false, new ToolChoice { Required = true, Single = one }),
            "tool" when name.Length > 0 => new(None: false, new ToolChoice { Required = true, Name = name, Single = one }),
            "tool" => throw new InvalidRequestException("tool_choice of type \"tool\" needs the \"name\" of a tool"),
            _ => throw new InvalidRequestException($"tool_choice.type must be \"auto\", \"any\", \"tool\" or \"none\", not \"{Field.Clip(type)}\""),
        };
    }
}
