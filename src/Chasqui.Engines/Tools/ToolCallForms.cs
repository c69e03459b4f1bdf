using System.Buffers;
using System.Text.Json;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Tools;

/// <summary>Calls of tools in Ollama's form, whose arguments are an object, and in OpenAI's, whose arguments are a text of JSON.</summary>
internal static class ToolCallForms
{
    /// <summary>One call.</summary>
    /// <param name="Id">Its id; empty for none.</param>
    /// <param name="Name">The tool's name.</param>
    /// <param name="Arguments">JSON of the arguments, an object.</param>
    internal readonly record struct ToolCall(string Id, string Name, string Arguments);

    /// <summary>Reads calls in either form.</summary>
    /// <exception cref="InvalidRequestException">They have neither form.</exception>
    public static IReadOnlyList<ToolCall> Read(JsonElement calls)
    {
        try
        {
            return [.. calls.EnumerateArray().Select(Read1)];
        }
        catch (Exception e) when (e is InvalidOperationException or JsonException)
        {
            throw new InvalidRequestException("tool_calls must be an array of objects with a function, which has a name and an object of arguments", e);
        }
    }

    /// <summary>An array in Ollama's form.</summary>
    public static JsonElement ToOllama(IReadOnlyList<ToolCall> calls)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = JsonWriting.PlainWriter(buffer))
            WriteOllama(json, calls);
        return JsonElement.Parse(buffer.WrittenSpan);
    }

    /// <summary>Writes an array in Ollama's form.</summary>
    public static void WriteOllama(Utf8JsonWriter json, IReadOnlyList<ToolCall> calls)
    {
        json.WriteStartArray();
        for (var i = 0; i < calls.Count; i++)
        {
            json.WriteStartObject();
            if (calls[i].Id.Length > 0)
                json.WriteString("id", calls[i].Id);
            json.WriteStartObject("function");
            json.WriteNumber("index", i);
            json.WriteString("name", calls[i].Name);
            json.WritePropertyName("arguments");
            json.WriteRawValue(calls[i].Arguments);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>Writes an array in OpenAI's form; each call must have an id.</summary>
    public static void WriteOpenAi(Utf8JsonWriter json, IReadOnlyList<ToolCall> calls)
    {
        json.WriteStartArray();
        foreach (var call in calls)
        {
            json.WriteStartObject();
            json.WriteString("id", call.Id);
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", call.Name);
            json.WriteString("arguments", call.Arguments);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>The arguments of a call as an object's JSON; an empty text is a call without arguments.</summary>
    /// <exception cref="JsonException">They are no object.</exception>
    public static string Arguments(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return "{}";
        text = LoneSurrogates.Replace(text);
        using var document = JsonDocument.Parse(text);
        return document.RootElement.ValueKind == JsonValueKind.Object ? text : throw new JsonException("the arguments are no object");
    }

    private static ToolCall Read1(JsonElement call)
    {
        var function = call.GetProperty("function");
        var arguments = function.Get("arguments") switch
        {
            null => "{}",
            { ValueKind: JsonValueKind.String } text => Arguments(text.GetString()!),
            { } json => Arguments(json.GetRawText()),
        };
        return new(call.Text("id"), function.Text("name"), arguments);
    }
}
