using System.Text.Json;

namespace Chasqui.Server;

/// <summary>Reads how a model is to think, and the shape its answer is to have.</summary>
internal static class ThinkingConfig
{
    /// <summary><c>thinking</c>: what to set <see cref="GenerationRequest.Think"/> to; null leaves it to the model.</summary>
    public static string? ReadThinking(JsonElement value, PassedOver passedOver)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return null;
        var type = "";
        foreach (var member in Field.Members("thinking", value))
        {
            switch (member.Name.ToLowerInvariant())
            {
                case "type":
                    Field.Read("thinking.type", member.Value, ref type);
                    break;
                case "budget_tokens":
                    // How many of the answer's tokens may be thoughts is the model's own affair; max_tokens bounds them all.
                    var budget = 0;
                    Field.Read("thinking.budget_tokens", member.Value, ref budget);
                    passedOver.Add("thinking.budget_tokens");
                    break;
                default:
                    if (member.Value.ValueKind != JsonValueKind.Null)
                        passedOver.Add("thinking." + member.Name);
                    break;
            }
        }
        return type switch
        {
            "enabled" => "true",
            // No thoughts but short reports between calls of tools, which are the answer's own text here.
            "disabled" or "between_tools" => "false",
            "adaptive" => null,
            _ => throw new InvalidRequestException($"thinking.type must be \"enabled\", \"disabled\", \"adaptive\" or \"between_tools\", not \"{Field.Clip(type)}\""),
        };
    }

    /// <summary><c>output_config</c>: how hard to think, and the shape of the answer.</summary>
    public static (string? Effort, OutputFormat? Format) ReadOutput(JsonElement value, OutputFormat? format, PassedOver passedOver)
    {
        string? effort = null;
        foreach (var member in Field.Members("output_config", value))
        {
            switch (member.Name.ToLowerInvariant())
            {
                case "effort":
                    effort = ReadEffort(member.Value);
                    break;
                case "format":
                    format = ReadFormat("output_config.format", member.Value) ?? format;
                    break;
                default:
                    passedOver.Add("output_config." + member.Name);
                    break;
            }
        }
        return (effort, format);
    }

    /// <summary><c>{"type": "json_schema", "schema": {…}}</c></summary>
    public static OutputFormat? ReadFormat(string name, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return null;
        var type = "";
        JsonElement? schema = null;
        foreach (var member in Field.Members(name, value))
        {
            switch (member.Name.ToLowerInvariant())
            {
                case "type":
                    Field.Read(name + ".type", member.Value, ref type);
                    break;
                case "schema":
                    schema = member.Value;
                    break;
            }
        }
        if (type != "json_schema")
            throw new InvalidRequestException($"{name}.type must be \"json_schema\", not \"{Field.Clip(type)}\"");
        return schema is { ValueKind: JsonValueKind.Object } given
            ? OutputFormat.FromSchema(given)
            : throw new InvalidRequestException($"{name} needs a \"schema\", a JSON schema as an object");
    }

    private static string? ReadEffort(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return null;
        var effort = "";
        Field.Read("output_config.effort", value, ref effort);
        return effort switch
        {
            "low" or "medium" or "high" or "max" => effort,
            // Between two levels that models know, Ollama takes the lower.
            "xhigh" => "high",
            _ => throw new InvalidRequestException(
                $"output_config.effort must be \"low\", \"medium\", \"high\", \"xhigh\" or \"max\", not \"{Field.Clip(effort)}\""),
        };
    }
}
