using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Chasqui.Gateway;
using Chasqui.Server;

namespace Chasqui.Cli;

/// <summary>Keys as JSON for scripts: as they are kept, without hashes.</summary>
internal static class KeysJson
{
    private static readonly JsonWriterOptions _options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string List(IReadOnlyList<AccessKey> keys) => Write(json =>
    {
        json.WriteStartArray();
        foreach (var key in keys)
        {
            json.WriteStartObject();
            KeyFileWriter.Write(json, key);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    /// <summary>A key that was made, with its text as <c>key</c>.</summary>
    public static string Added(AccessKey key, string text) => Write(json =>
    {
        json.WriteStartObject();
        json.WriteString("key", text);
        KeyFileWriter.Write(json, key);
        json.WriteEndObject();
    });

    public static string Removed(AccessKey key) => Write(json =>
    {
        json.WriteStartObject();
        json.WriteString("removed", key.Id);
        json.WriteString("name", key.Caller.Name);
        json.WriteEndObject();
    });

    private static string Write(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, _options))
            write(json);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }
}
