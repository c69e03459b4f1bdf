using System.Text.Json;
using Chasqui.Engines.Tools;

namespace Chasqui.Server;

/// <summary>The tools of a chat, and whether it may use them.</summary>
internal static class ToolFields
{
    /// <summary>The tools, which OpenAI and the engine write alike; null for none.</summary>
    public static JsonElement? Read(JsonElement tools)
    {
        var any = false;
        foreach (var tool in Field.Items("tools", tools))
        {
            any = true;
            CheckKind(tool);
            if (!tool.TryGetProperty("function"u8, out var function) || function.ValueKind != JsonValueKind.Object
                || !function.TryGetProperty("name"u8, out var name) || name.ValueKind != JsonValueKind.String)
                throw new InvalidParameterException("tools", "a tool needs a \"function\" with a \"name\"");
            CheckSchema(function);
        }
        return any ? tools.Clone() : null;
    }

    /// <summary>Refuses arguments that are no object, as OpenAI does.</summary>
    /// <param name="function">What has a name, and perhaps parameters.</param>
    public static void CheckSchema(JsonElement function)
    {
        if (function.TryGetProperty("parameters"u8, out var parameters) && ToolSchema.WrongType(parameters) is { } type)
            throw new InvalidParameterException("tools", $"\"parameters\" of the function \"{Field.Clip(function.GetProperty("name"u8).GetString()!)}\" must be a schema of type \"object\", not \"{Field.Clip(type)}\"");
    }

    /// <summary>Refuses tools that are not functions: those run at OpenAI.</summary>
    public static void CheckKind(JsonElement tool)
    {
        var kind = "function";
        foreach (var member in Field.Members("tools", tool))
        {
            if (member.NameEquals("type"u8))
                Field.Read("type", member.Value, ref kind);
        }
        if (kind != "function")
            throw new InvalidParameterException("tools", $"tools of type \"{Field.Clip(kind)}\" are not supported: those of type \"function\" are");
    }
}
