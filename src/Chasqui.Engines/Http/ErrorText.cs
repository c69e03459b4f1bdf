using System.Text;
using System.Text.Json;

namespace Chasqui.Engines.Http;

/// <summary>What a server says in the body of an error: Ollama's <c>{"error": "…"}</c>, OpenAI's <c>{"error": {"message", "type", …}}</c>, vLLM's <c>{"message"}</c>, FastAPI's <c>{"detail"}</c>, or plain text.</summary>
/// <param name="Message">For people, at most 1,000 characters; empty for none.</param>
/// <param name="Type">The type or code, e.g. <c>exceed_context_size_error</c>; empty for none.</param>
internal readonly record struct ErrorText(string Message, string Type)
{
    private const int MaxMessage = 1_000;
    private const int MaxDepth = 3;

    /// <summary>Nothing said.</summary>
    public static ErrorText None { get; } = new("", "");

    /// <summary>Prompt tokens, where llama.cpp says by how much the prompt was too long.</summary>
    public int PromptTokens { get; private init; }

    /// <summary>The context's tokens beside <see cref="PromptTokens"/>.</summary>
    public int ContextLength { get; private init; }

    /// <summary>Reads a body.</summary>
    public static ErrorText Read(ReadOnlySpan<byte> body)
    {
        if (body.StartsWith(Encoding.UTF8.Preamble))
            body = body[Encoding.UTF8.Preamble.Length..];
        var reader = new Utf8JsonReader(body);
        try
        {
            if (JsonDocument.TryParseValue(ref reader, out var document))
            {
                using (document)
                {
                    // "404 page not found" begins with a number, which is JSON too.
                    if (document.RootElement.ValueKind is JsonValueKind.Object or JsonValueKind.String)
                        return Read(document.RootElement, 0);
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Then it is text.
        }
        var text = Encoding.UTF8.GetString(body).Trim();
        // A page of HTML says nothing to who reads an error.
        return new(text.StartsWith('<') ? "" : Clip(text.Split('\n')[0].TrimEnd()), "");
    }

    /// <summary>Reads what a server says of an error inside a stream.</summary>
    public static ErrorText Read(JsonElement json) => Read(json, 0);

    private static ErrorText Read(JsonElement json, int depth)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.String:
                var text = json.GetString()!;
                // Ollama wraps its engine's JSON in a text.
                return depth < MaxDepth && text.StartsWith('{') && Inner(text) is { Message.Length: > 0 } inner ? inner : new(Clip(text), "");
            case JsonValueKind.Object when depth < MaxDepth && json.Get("error") is { } error && error.ValueKind is JsonValueKind.Object or JsonValueKind.String:
                return Read(error, depth + 1);
            case JsonValueKind.Object:
                var type = json.Get("type") is { ValueKind: JsonValueKind.String } t ? t.GetString()! : "";
                var message = json.Get("message") ?? json.Get("detail");
                return new(message is { } m ? Clip(m.ValueKind == JsonValueKind.String ? m.GetString()! : m.GetRawText()) : "", type)
                {
                    PromptTokens = Number(json, "n_prompt_tokens"),
                    ContextLength = Number(json, "n_ctx"),
                };
            default:
                return None;
        }
    }

    private static ErrorText Inner(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return Read(document.RootElement, 1);
        }
        catch (JsonException)
        {
            return None;
        }
    }

    private static int Number(JsonElement json, string name) => json.Get(name) is { ValueKind: JsonValueKind.Number } n && n.TryGetInt32(out var number) ? number : 0;

    private static string Clip(string text) => text.Length <= MaxMessage ? text : text[..MaxMessage] + "…";
}
