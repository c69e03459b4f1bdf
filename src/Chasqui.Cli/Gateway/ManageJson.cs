using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>Requests that change models, as Ollama's HTTP API takes them.</summary>
internal static class ManageJson
{
    public static byte[] Transfer(TransferRequest request) => ChatJson.Object(json =>
    {
        json.WriteString("model", request.Model);
        json.WriteBoolean("insecure", request.Insecure);
    });

    public static byte[] Copy(string source, string destination) => ChatJson.Object(json =>
    {
        json.WriteString("source", source);
        json.WriteString("destination", destination);
    });

    public static byte[] Create(CreateRequest request) => ChatJson.Object(json =>
    {
        json.WriteString("model", request.Model);
        Text(json, "from", request.From);
        Text(json, "template", request.Template);
        Text(json, "system", request.System);
        Text(json, "quantize", request.Quantize);
        if (request.Files.Count > 0)
        {
            json.WriteStartObject("files");
            foreach (var (name, digest) in request.Files)
                json.WriteString(name, digest);
            json.WriteEndObject();
        }
        if (request.Parameters is { } parameters)
        {
            json.WritePropertyName("parameters");
            parameters.WriteTo(json);
        }
    });

    private static void Text(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }
}
