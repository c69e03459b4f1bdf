using System.Text.Json;
using Chasqui.Engines.Models;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /api/create</c>: a model from another one, or from an uploaded file.</summary>
internal static class CreateEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new CreateFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        RequestState.Of(http).Model = fields.Model;
        if (fields.Files.Keys.Any(file => !UploadedFile.IsRelative(file)))
            throw new InvalidRequestException(UploadedFile.NotRelative);
        // Only an empty one is refused here: of another that is none an Ollama tells in the stream, as is recorded.
        if (fields.Files.Values.Concat(fields.Adapters.Values).Any(digest => digest.Length == 0))
            throw new InvalidRequestException("invalid digest format");
        if (!ModelName.TryParse(fields.Model, out _))
            throw new InvalidModelNameException(fields.Model);

        var manager = ManagerOf.Request(api, http);
        var progress = fields.HasEmptyFiles ? UnknownType() : manager.CreateAsync(fields.ToRequest(), http.RequestAborted);
        await ProgressAnswer.SendAsync(http, progress, fields.Stream).ConfigureAwait(false);
    }

    /// <summary>Ollama's words for files of which there are none.</summary>
    private static async IAsyncEnumerable<ModelProgress> UnknownType()
    {
        await Task.CompletedTask.ConfigureAwait(false);
        yield return Throw();

        static ModelProgress Throw() => throw new InvalidRequestException("unknown type");
    }
}

/// <summary>A request to <c>/api/create</c>, as read.</summary>
internal sealed class CreateFields
{
    private string _model = "";
    private string _name = "";
    private string _from = "";
    private string _template = "";
    private string _system = "";
    private string _quantize = "";
    private string _quantization = "";
    private bool _stream = true;
    private bool _hasFiles;
    private Dictionary<string, string> _files = [];
    private Dictionary<string, string> _adapters = [];
    private List<string>? _licenses;
    private JsonElement? _parameters;
    private List<ChatMessage>? _messages;

    /// <summary>From <c>model</c>, else from the older <c>name</c>.</summary>
    public string Model => _model.Length > 0 ? _model : _name;

    public bool Stream => _stream;

    public IReadOnlyDictionary<string, string> Files => _files;

    public IReadOnlyDictionary<string, string> Adapters => _adapters;

    /// <summary>Whether it says that it is made of files, and names none.</summary>
    public bool HasEmptyFiles => _hasFiles && _files.Count == 0 && _from.Length == 0;

    public CreateRequest ToRequest() => new()
    {
        Model = Model,
        From = _from.Length > 0 ? _from : null,
        Files = _files,
        Adapters = _adapters,
        Template = _template.Length > 0 ? _template : null,
        System = _system.Length > 0 ? _system : null,
        Licenses = _licenses,
        Parameters = _parameters,
        Messages = _messages,
        Quantize = _quantize.Length > 0 ? _quantize : _quantization.Length > 0 ? _quantization : null,
    };

    public void Read(JsonElement root)
    {
        foreach (var member in Field.Root(root))
            ReadField(member.Name.ToLowerInvariant(), member.Value);
    }

    private void ReadField(string name, JsonElement value)
    {
        switch (name)
        {
            case "model": Field.Read(name, value, ref _model); break;
            case "name": Field.Read(name, value, ref _name); break;
            case "from": Field.Read(name, value, ref _from); break;
            case "template": Field.Read(name, value, ref _template); break;
            case "system": Field.Read(name, value, ref _system); break;
            case "quantize": Field.Read(name, value, ref _quantize); break;
            case "quantization": Field.Read(name, value, ref _quantization); break;
            case "stream": Field.Read(name, value, ref _stream); break;
            case "files":
                _files = Digests(name, value);
                _hasFiles = value.ValueKind == JsonValueKind.Object;
                break;
            case "adapters": _adapters = Digests(name, value); break;
            case "license": _licenses = Licenses(name, value); break;
            case "parameters":
                Field.Members(name, value);
                _parameters = value.ValueKind == JsonValueKind.Object ? value.Clone() : null;
                break;
            case "messages": _messages = [.. Field.Items(name, value).Select(ChatFields.ReadMessage)]; break;
            // What would change the model, and cannot be done here.
            case "renderer" or "parser" or "draft_files" or "remote_host" or "draft":
                if (value.ValueKind is not JsonValueKind.Null && value.GetRawText() is not ("\"\"" or "{}"))
                    throw new InvalidRequestException($"\"{name}\" is not supported; leave it out");
                break;
        }
    }

    private static Dictionary<string, string> Digests(string name, JsonElement value)
    {
        var digests = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Field.Members(name, value))
        {
            var digest = "";
            Field.Read(name, file.Value, ref digest);
            digests[file.Name] = digest;
        }
        return digests;
    }

    /// <summary>One text or several; an empty one says nothing.</summary>
    private static List<string>? Licenses(string name, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
            return value.GetString() is { Length: > 0 } one ? [one] : null;
        if (value.ValueKind is not (JsonValueKind.Array or JsonValueKind.Null))
            throw Field.WrongType(name, "a string or an array of strings", value);
        var all = new List<string>();
        foreach (var item in Field.Items(name, value))
        {
            var text = "";
            Field.Read(name, item, ref text);
            all.Add(text);
        }
        return all.Count > 0 ? all : null;
    }
}
