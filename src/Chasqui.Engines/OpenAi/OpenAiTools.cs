using System.Text.Json;
using Chasqui.Engines.Http;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.OpenAi;

/// <summary>The tools of a request, and how they may be used, in the words of each server.</summary>
internal static class OpenAiTools
{
    /// <exception cref="InvalidRequestException">A tool must be called that is not there.</exception>
    public static void Write(Utf8JsonWriter json, ChatRequest request, OpenAiServerKind kind)
    {
        if (request.ToolChoice is not { } choice)
        {
            json.Member("tools", request.Tools);
            return;
        }
        // These know that a call must be made, not of which tool: they see no other.
        var onlyThis = choice.Name is not null && kind is OpenAiServerKind.LlamaCpp or OpenAiServerKind.LmStudio;
        if (choice.IsForced)
            ForcedTool.Check(request);
        if (onlyThis && request.Tools is { } tools)
            WriteOne(json, tools, choice.Name!);
        else
            json.Member("tools", request.Tools);
        if (request.Tools is null)
            return;
        if (choice.Name is { } name && !onlyThis)
        {
            json.WriteStartObject("tool_choice");
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", name);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        else if (choice.IsForced)
        {
            json.WriteString("tool_choice", "required");
        }
        if (choice.Single)
            json.WriteBoolean("parallel_tool_calls", false);
    }

    private static void WriteOne(Utf8JsonWriter json, JsonElement tools, string name)
    {
        json.WriteStartArray("tools");
        foreach (var tool in tools.EnumerateArray())
        {
            if (tool.Get("function")?.Text("name") == name)
                tool.WriteTo(json);
        }
        json.WriteEndArray();
    }
}
