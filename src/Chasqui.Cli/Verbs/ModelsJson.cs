using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>The models as JSON for scripts: sizes in bytes, durations in nanoseconds, times in RFC 3339.</summary>
internal static class ModelsJson
{
    private static readonly JsonWriterOptions _options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string List(IReadOnlyList<ModelSummary> models) => Array(models, Summary);

    public static string Resident(IReadOnlyList<ResidentModel> models) => Array(models, (json, model) =>
    {
        json.WriteString("name", model.Summary.Name);
        json.WriteNumber("size", model.SizeBytes);
        json.WriteNumber("size_vram", model.VideoMemoryBytes);
        json.WriteNumber("context_length", model.ContextLength);
        json.WriteString("expires_at", model.ExpiresAt);
    });

    public static string Show(ModelDescription model) => Write(json =>
    {
        Summary(json, model.Summary);
        if (model.Path.Length > 0)
            json.WriteString("path", model.Path);
        json.WriteString("system", model.System);
        json.WriteString("template", model.Template);
        json.WriteStartArray("licenses");
        foreach (var license in model.Licenses)
            json.WriteStringValue(license);
        json.WriteEndArray();
        json.WriteStartArray("parameters");
        foreach (var (name, value) in model.RawParameters)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WritePropertyName("value");
            value.WriteTo(json);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("metadata");
        foreach (var (name, value) in model.Metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            json.WritePropertyName(name);
            if (value is null)
                json.WriteNullValue();
            else
                value.WriteTo(json);
        }
        json.WriteEndObject();
    });

    public static string Loaded(string model, TimeSpan took) => Write(json =>
    {
        json.WriteString("model", model);
        json.WriteNumber("load_duration", took.Ticks * TimeSpan.NanosecondsPerTick);
    });

    public static string Unloaded(string model, bool was) => Write(json =>
    {
        json.WriteString("model", model);
        json.WriteBoolean("was_loaded", was);
    });

    public static string Copied(string source, string destination) => Write(json =>
    {
        json.WriteString("source", source);
        json.WriteString("destination", destination);
    });

    public static string Removed(string model) => Write(json =>
    {
        json.WriteString("model", model);
        json.WriteBoolean("removed", true);
    });

    private static void Summary(Utf8JsonWriter json, ModelSummary model)
    {
        json.WriteString("name", model.Name);
        json.WriteNumber("size", model.SizeBytes);
        json.WriteString("digest", model.Digest);
        json.WriteString("modified_at", model.ModifiedAt);
        json.WriteString("format", model.Details.Format);
        json.WriteString("family", model.Details.Family);
        json.WriteString("parameter_size", model.Details.ParameterSize);
        json.WriteString("quantization_level", model.Details.QuantizationLevel);
        json.WriteNumber("context_length", model.Details.ContextLength);
        json.WriteNumber("embedding_length", model.Details.EmbeddingLength);
        json.WriteStartArray("capabilities");
        foreach (var capability in model.Capabilities)
            json.WriteStringValue(capability);
        json.WriteEndArray();
    }

    private static string Array<T>(IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write) => Text(json =>
    {
        json.WriteStartArray();
        foreach (var item in items)
        {
            json.WriteStartObject();
            write(json, item);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static string Write(Action<Utf8JsonWriter> write) => Text(json =>
    {
        json.WriteStartObject();
        write(json);
        json.WriteEndObject();
    });

    private static string Text(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, _options))
            write(json);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }
}
