using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Chasqui.Engines.Http;

namespace Chasqui.Server;

/// <summary>A call of a tool in OpenAI's form, where the arguments are the text of a JSON object.</summary>
internal readonly record struct FunctionCall(string Id, int Index, string Name, string Arguments)
{
    /// <summary>Characters stay as they are: the texts go to models and to clients, not into pages of the web.</summary>
    private static readonly PlainEncoder _plain = PlainEncoder.Shared;

    /// <summary>For a serializer that leaves characters as they are.</summary>
    public static JsonSerializerOptions PlainOptions { get; } = new() { Encoder = _plain };

    /// <summary>A writer that leaves characters as they are.</summary>
    public static Utf8JsonWriter PlainWriter(IBufferWriter<byte> output) => new(output, new JsonWriterOptions { Encoder = _plain });

    /// <summary>The calls of a whole answer, which come in Ollama's form; none for null.</summary>
    public static List<FunctionCall> FromOllama(JsonArray? calls) =>
        calls is null ? [] : FromOllama(JsonSerializer.SerializeToElement(calls, PlainOptions));

    /// <summary>The calls of an answer, which come in Ollama's form.</summary>
    public static List<FunctionCall> FromOllama(JsonElement calls)
    {
        var read = new List<FunctionCall>();
        foreach (var call in calls.EnumerateArray())
        {
            var function = call.GetProperty("function");
            read.Add(new FunctionCall(
                call.TryGetProperty("id", out var id) && id.GetString() is { Length: > 0 } given ? given : OpenAiJson.NewId("call_"),
                function.TryGetProperty("index", out var index) && index.TryGetInt32(out var at) ? at : read.Count,
                function.GetProperty("name").GetString() ?? "",
                function.TryGetProperty("arguments", out var arguments) ? Compact(arguments.GetRawText()) : "{}"));
        }
        return read;
    }

    /// <summary>The calls of a turn in Ollama's form, where the arguments are an object; null for none.</summary>
    /// <exception cref="InvalidParameterException">The arguments of a call are no JSON object.</exception>
    public static JsonElement? ToOllama(string parameter, IReadOnlyList<FunctionCall> calls)
    {
        if (calls.Count == 0)
            return null;
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = PlainWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var call in calls)
            {
                json.WriteStartObject();
                json.WriteString("id", call.Id);
                json.WriteStartObject("function");
                json.WriteNumber("index", call.Index);
                json.WriteString("name", call.Name);
                json.WritePropertyName("arguments");
                WriteArguments(json, parameter, call.Arguments);
                json.WriteEndObject();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    /// <summary>A call in OpenAI's form.</summary>
    public void Write(ref JsonText json)
    {
        json.BeginObject();
        json.Name("id"u8);
        json.Value(Id);
        json.Name("index"u8);
        json.Value((long)Index);
        json.Name("type"u8);
        json.Value("function");
        json.Name("function"u8);
        json.BeginObject();
        json.Name("name"u8);
        json.Value(Name);
        json.Name("arguments"u8);
        json.Value(Arguments);
        json.EndObject();
        json.EndObject();
    }

    /// <summary>JSON without the spaces that a node may put between its tokens, so that a call reads the same streamed and whole.</summary>
    private static string Compact(string json)
    {
        var compact = new StringBuilder(json.Length);
        var quoted = false;
        for (var i = 0; i < json.Length; i++)
        {
            if (json[i] == '"')
                quoted = !quoted;
            else if (json[i] == '\\' && quoted)
                compact.Append(json[i++]);
            else if (!quoted && json[i] is (' ' or '\t' or '\r' or '\n'))
                continue;
            compact.Append(json[i]);
        }
        return compact.ToString();
    }

    private static void WriteArguments(Utf8JsonWriter json, string parameter, string arguments)
    {
        if (arguments.Length == 0)
        {
            json.WriteStartObject();
            json.WriteEndObject();
            return;
        }
        try
        {
            // Read as a request is, so that what follows meets no text that cannot be decoded.
            using var document = RequestJson.Parse(Encoding.UTF8.GetBytes(arguments));
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                document.RootElement.WriteTo(json);
                return;
            }
        }
        catch (InvalidRequestException)
        {
            // Told below, in Ollama's words.
        }
        throw new InvalidParameterException(parameter, "invalid tool call arguments: the text of a JSON object is expected");
    }
}
