using System.Text.Json;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.OpenAi;

/// <summary>Turns in OpenAI's form.</summary>
internal static class OpenAiMessages
{
    /// <summary>Writes the turns, with results of tools <see cref="ToolCallTies">tied to calls</see>.</summary>
    public static void Write(Utf8JsonWriter json, IReadOnlyList<ChatMessage> messages, OpenAiServerKind kind)
    {
        var ties = new ToolCallTies(messages);
        json.WriteStartArray();
        for (var i = 0; i < messages.Count; i++)
        {
            var message = messages[i];
            if (ties.CallsBefore(i) is { Count: > 0 } before)
            {
                json.WriteStartObject();
                json.WriteString("role", "assistant");
                json.WriteString("content", "");
                Calls(json, before);
                json.WriteEndObject();
            }
            json.WriteStartObject();
            json.WriteString("role", message.Role);
            Content(json, message);
            if (message.Thinking is { Length: > 0 } thinking)
                json.WriteString(kind == OpenAiServerKind.Ollama ? "reasoning" : "reasoning_content", thinking);
            if (ties.CallsOf(i) is { Count: > 0 } calls)
                Calls(json, calls);
            if (message.Role == "tool")
            {
                json.WriteString("tool_call_id", ties.AnsweredBy(i).Id);
                json.WriteString("name", ties.AnsweredBy(i).Name);
            }
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

    private static void Calls(Utf8JsonWriter json, IReadOnlyList<ToolCallForms.ToolCall> calls)
    {
        json.WritePropertyName("tool_calls");
        ToolCallForms.WriteOpenAi(json, calls);
    }
}
