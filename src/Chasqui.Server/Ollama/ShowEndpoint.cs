using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Chasqui.Engines.Models;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /api/show</c>: everything known of one model.</summary>
internal static class ShowEndpoint
{
    /// <summary>Told elsewhere in the answer, or too long for it.</summary>
    private static readonly string[] _hiddenMetadata = ["general.name", "tokenizer.chat_template"];

    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new ShowFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        RequestState.Of(http).Model = fields.Model;
        if (fields.Model.Length == 0)
            throw new InvalidRequestException("model is required");

        var model = await api.EngineOf(http).ShowAsync(fields.Model, http.RequestAborted).ConfigureAwait(false);
        var basename = http.Request.Headers.UserAgent.ToString().StartsWith("GitHubCopilotChat/", StringComparison.Ordinal) ? fields.Model : null;
        var buffer = new ArrayBufferWriter<byte>(16 * 1024);
        Write(buffer, model, fields, basename);
        await JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory).ConfigureAwait(false);
    }

    private static void Write(IBufferWriter<byte> output, ModelDescription model, ShowFields fields, string? basename)
    {
        var json = new JsonText(output);
        json.BeginObject();
        Text(ref json, "license"u8, string.Join('\n', model.Licenses));
        Text(ref json, "modelfile"u8, ModelfileText.Render(model, fields.System, fields.Options));
        Text(ref json, "parameters"u8, ModelfileText.Parameters(model));
        Text(ref json, "template"u8, model.Template);
        Text(ref json, "system"u8, fields.System.Length > 0 ? fields.System : model.System);
        ModelJson.Details(ref json, model.Summary.Details, lengths: false);
        Messages(ref json, model.Messages);
        Metadata(ref json, model.Metadata, fields.Verbose, basename);
        Tensors(ref json, model.Tensors);
        ModelJson.Capabilities(ref json, model.Summary.Capabilities);
        json.Name("modified_at"u8);
        json.Value(model.Summary.ModifiedAt);
        json.EndObject();
    }

    private static void Text(ref JsonText json, ReadOnlySpan<byte> name, string text)
    {
        if (text.Length == 0)
            return;
        json.Name(name);
        json.Value(text);
    }

    private static void Messages(ref JsonText json, IReadOnlyList<ChatMessage> messages)
    {
        if (messages.Count == 0)
            return;
        json.Name("messages"u8);
        json.BeginArray();
        foreach (var message in messages)
        {
            json.BeginObject();
            json.Name("role"u8);
            json.Value(message.Role);
            json.Name("content"u8);
            json.Value(message.Content);
            json.EndObject();
        }
        json.EndArray();
    }

    private static void Metadata(ref JsonText json, IReadOnlyDictionary<string, JsonNode?> metadata, bool verbose, string? basename)
    {
        json.Name("model_info"u8);
        json.BeginObject();
        var sorted = metadata.Where(entry => !_hiddenMetadata.Contains(entry.Key)).ToDictionary(StringComparer.Ordinal);
        if (basename is not null)
            sorted["general.basename"] = JsonValue.Create(basename);
        foreach (var (key, value) in sorted.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            json.Name(key);
            if (value is JsonArray && !verbose)
                json.Null();
            else
                json.Value(value);
        }
        json.EndObject();
    }

    private static void Tensors(ref JsonText json, IReadOnlyList<TensorDescription> tensors)
    {
        if (tensors.Count == 0)
            return;
        json.Name("tensors"u8);
        json.BeginArray();
        foreach (var tensor in tensors)
        {
            json.BeginObject();
            json.Name("name"u8);
            json.Value(tensor.Name);
            json.Name("type"u8);
            json.Value(tensor.Type);
            json.Name("shape"u8);
            json.BeginArray();
            foreach (var dimension in tensor.Shape)
                json.Value(dimension);
            json.EndArray();
            json.EndObject();
        }
        json.EndArray();
    }
}

/// <summary>A request to <c>/api/show</c>, as read.</summary>
internal sealed class ShowFields
{
    private string _model = "";
    private string _name = "";
    private string _system = "";
    private bool _verbose;

    /// <summary>From <c>model</c>, else from the older <c>name</c>.</summary>
    public string Model => _model.Length > 0 ? _model : _name;

    /// <summary>Shown in place of the model's own.</summary>
    public string System => _system;

    public bool Verbose => _verbose;

    /// <summary>Shown in the Modelfile behind the model's own.</summary>
    public List<KeyValuePair<string, JsonNode?>> Options { get; } = [];

    public void Read(JsonElement root)
    {
        foreach (var member in Field.Root(root))
        {
            var name = member.Name.ToLowerInvariant();
            switch (name)
            {
                case "model":
                    Field.Read(name, member.Value, ref _model);
                    break;
                case "name":
                    Field.Read(name, member.Value, ref _name);
                    break;
                case "system":
                    Field.Read(name, member.Value, ref _system);
                    break;
                case "verbose":
                    Field.Read(name, member.Value, ref _verbose);
                    break;
                case "options":
                    foreach (var option in Field.Members(name, member.Value))
                        Options.Add(new(option.Name, JsonNode.Parse(option.Value.GetRawText())));
                    break;
            }
        }
    }
}
