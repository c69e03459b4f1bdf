using System.Text.Json;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.OpenAi;

/// <summary>Turns in OpenAI's form.</summary>
internal static class OpenAiMessages
{
    /// <summary>Writes the turns. Calls of tools without an id get one, and a tool's result is tied to the earliest call of that tool that has none yet.</summary>
    /// <exception cref="InvalidRequestException">A tool's result answers no call.</exception>
    public static void Write(Utf8JsonWriter json, IReadOnlyList<ChatMessage> messages, OpenAiServerKind kind)
    {
        var open = new List<ToolCallForms.ToolCall>();
        var made = 0;
        json.WriteStartArray();
        foreach (var message in messages)
        {
            json.WriteStartObject();
            json.WriteString("role", message.Role);
            Content(json, message);
            if (message.Thinking is { Length: > 0 } thinking)
                json.WriteString(kind == OpenAiServerKind.Ollama ? "reasoning" : "reasoning_content", thinking);
            if (message.ToolCalls is { } given)
            {
                var calls = ToolCallForms.Read(given).Select(call => call.Id.Length > 0 ? call : call with { Id = $"call_{++made}" }).ToList();
                json.WritePropertyName("tool_calls");
                ToolCallForms.WriteOpenAi(json, calls);
                open.AddRange(calls);
            }
            if (message.Role == "tool")
                Answer(json, message, open);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>The type of an image by its first bytes.</summary>
    /// <exception cref="InvalidRequestException">It is no image of a known kind.</exception>
    internal static string ImageType(ReadOnlySpan<byte> image) =>
        image.StartsWith<byte>([0x89, 0x50, 0x4E, 0x47]) ? "image/png"
        : image.StartsWith<byte>([0xFF, 0xD8, 0xFF]) ? "image/jpeg"
        : image.StartsWith("GIF8"u8) ? "image/gif"
        : image.StartsWith("RIFF"u8) && image.Length > 12 && image[8..].StartsWith("WEBP"u8) ? "image/webp"
        : image.StartsWith("BM"u8) ? "image/bmp"
        : throw new InvalidRequestException("an image must be a PNG, JPEG, GIF, WebP or BMP file");

    private static void Content(Utf8JsonWriter json, ChatMessage message)
    {
        if (message.Images.Count == 0)
        {
            json.WriteString("content", message.Content);
            return;
        }
        json.WriteStartArray("content");
        if (message.Content.Length > 0)
        {
            json.WriteStartObject();
            json.WriteString("type", "text");
            json.WriteString("text", message.Content);
            json.WriteEndObject();
        }
        foreach (var image in message.Images)
        {
            json.WriteStartObject();
            json.WriteString("type", "image_url");
            json.WriteStartObject("image_url");
            json.WriteString("url", $"data:{ImageType(image.Span)};base64,{Convert.ToBase64String(image.Span)}");
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Answer(Utf8JsonWriter json, ChatMessage message, List<ToolCallForms.ToolCall> open)
    {
        var at = string.IsNullOrEmpty(message.ToolName) ? (open.Count > 0 ? 0 : -1) : open.FindIndex(call => call.Name == message.ToolName);
        if (at < 0)
        {
            throw new InvalidRequestException(string.IsNullOrEmpty(message.ToolName)
                ? "a message of role tool answers no call of the turns before it"
                : $"a message of role tool answers '{message.ToolName}', which no turn before it calls");
        }
        json.WriteString("tool_call_id", open[at].Id);
        json.WriteString("name", open[at].Name);
        open.RemoveAt(at);
    }
}
