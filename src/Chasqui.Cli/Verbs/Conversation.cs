using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>What has been said, and how it is to be answered.</summary>
internal sealed class Conversation
{
    private static readonly JsonWriterOptions _json = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<ChatMessage> _turns = [];

    public required string Model { get; set; }

    public string? System { get; set; }

    public GenerationOptions Options { get; init; } = GenerationOptions.Default;

    public OutputFormat? Format { get; init; }

    /// <summary>Where it is recorded, so that only the last turn is sent; null for nowhere.</summary>
    public ChatSession? Session { get; init; }

    /// <summary>The turns so far, without the system text.</summary>
    public IReadOnlyList<ChatMessage> Turns => _turns;

    public void Add(string role, string content) => _turns.Add(new ChatMessage { Role = role, Content = content });

    /// <summary>Takes back the last turn, which got no answer.</summary>
    public void RemoveLast() => _turns.RemoveAt(_turns.Count - 1);

    public void Clear() => _turns.Clear();

    /// <summary>What is sent to have the last turn answered.</summary>
    public ChatRequest ToRequest() => ToRequest(Session is null ? _turns : _turns.TakeLast(1));

    private ChatRequest ToRequest(IEnumerable<ChatMessage> turns) => new()
    {
        Model = Model,
        Messages = System is { Length: > 0 } system ? [new ChatMessage { Role = "system", Content = system }, .. turns] : [.. turns],
        Options = Options,
        Format = Format,
    };

    /// <summary>Writes the conversation: the API's messages where the file's name ends in <c>.json</c>, else Markdown.</summary>
    public Task SaveAsync(string path, CancellationToken cancellationToken) =>
        File.WriteAllBytesAsync(path, path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? ToJson() : ToMarkdown(), cancellationToken);

    private byte[] ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, _json))
        {
            json.WriteStartObject();
            json.WriteString("model", Model);
            json.WriteStartArray("messages");
            foreach (var message in ToRequest(_turns).Messages)
            {
                json.WriteStartObject();
                json.WriteString("role", message.Role);
                json.WriteString("content", message.Content);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private byte[] ToMarkdown()
    {
        var text = new StringBuilder().Append("# Conversation with ").Append(Model).Append('\n');
        foreach (var message in ToRequest(_turns).Messages)
            text.Append("\n**").Append(message.Role).Append("**\n\n").Append(message.Content.TrimEnd()).Append('\n');
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
