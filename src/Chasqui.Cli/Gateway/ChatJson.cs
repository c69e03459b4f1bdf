using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>Requests as Ollama's HTTP API takes them. Source: <c>docs/api.md</c> of ollama/ollama.</summary>
internal static class ChatJson
{
    public static byte[] Chat(ChatRequest request) => Object(json =>
    {
        json.WriteString("model", request.Model);
        json.WriteStartArray("messages");
        foreach (var message in request.Messages)
        {
            json.WriteStartObject();
            json.WriteString("role", message.Role);
            json.WriteString("content", message.Content);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (request.Format is { } format)
        {
            json.WritePropertyName("format");
            if (format.Schema is { } schema)
                schema.WriteTo(json);
            else
                json.WriteStringValue("json");
        }
        if (request.Think is { } think)
        {
            if (bool.TryParse(think, out var flag))
                json.WriteBoolean("think", flag);
            else
                json.WriteString("think", think);
        }
        Common(json, request.Options, request.KeepAlive);
        json.WriteBoolean("stream", true);
    });

    /// <summary>An empty prompt: it loads the model, or unloads it where <paramref name="keepAlive"/> is zero.</summary>
    public static byte[] Load(string model, GenerationOptions options, TimeSpan? keepAlive) => Object(json =>
    {
        json.WriteString("model", model);
        Common(json, options, keepAlive);
        json.WriteBoolean("stream", false);
    });

    public static byte[] Show(string model) => Object(json => json.WriteString("model", model));

    private static void Common(Utf8JsonWriter json, GenerationOptions options, TimeSpan? keepAlive)
    {
        if (keepAlive is { } span)
        {
            // A number is seconds to Ollama, and a negative one means for ever.
            json.WriteNumber("keep_alive", span < TimeSpan.Zero ? -1 : (long)Math.Ceiling(span.TotalSeconds));
        }
        if (options == GenerationOptions.Default)
            return;
        json.WriteStartObject("options");
        Option(json, "num_ctx", options.NumCtx);
        Option(json, "num_predict", options.NumPredict);
        Option(json, "seed", options.Seed);
        if (options.Temperature is { } temperature)
            json.WriteNumber("temperature", temperature);
        json.WriteEndObject();
    }

    private static void Option(Utf8JsonWriter json, string name, int? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
    }

    internal static byte[] Object(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return stream.ToArray();
    }
}
