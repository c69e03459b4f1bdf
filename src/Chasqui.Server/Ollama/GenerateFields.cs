using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A request to <c>/api/generate</c> or <c>/infer</c>.</summary>
internal sealed class GenerateFields : GenerationFields
{
    private string _prompt = "";
    private string _suffix = "";
    private string _system = "";
    private string _template = "";
    private bool _raw;
    private List<int>? _context;
    private List<ReadOnlyMemory<byte>> _images = [];

    /// <summary>Without a prompt a request only loads or unloads the model.</summary>
    public bool HasPrompt => _prompt.Length > 0;

    public GenerateRequest ToRequest()
    {
        if (_raw && (_template.Length > 0 || _system.Length > 0 || _context is { Count: > 0 }))
            throw new InvalidRequestException("raw mode does not support template, system, or context");
        return Common(new GenerateRequest
        {
            Model = Model,
            Prompt = _prompt,
            Suffix = NullIfEmpty(_suffix),
            System = NullIfEmpty(_system),
            Template = NullIfEmpty(_template),
            Raw = _raw,
            Context = _context,
            Images = _images,
        });
    }

    protected override void ReadOwnField(string name, JsonElement value)
    {
        switch (name)
        {
            case "prompt":
                Field.Read(name, value, ref _prompt);
                break;
            case "suffix":
                Field.Read(name, value, ref _suffix);
                break;
            case "system":
                Field.Read(name, value, ref _system);
                break;
            case "template":
                Field.Read(name, value, ref _template);
                break;
            case "raw":
                Field.Read(name, value, ref _raw);
                break;
            case "context":
                _context = value.ValueKind == JsonValueKind.Null ? null : ReadTokens(value);
                break;
            case "images":
                _images = ReadImages(value);
                break;
        }
    }

    private static List<int> ReadTokens(JsonElement value)
    {
        var tokens = new List<int>();
        foreach (var item in Field.Items("context", value))
        {
            var token = 0;
            Field.Read("context", item, ref token);
            tokens.Add(token);
        }
        return tokens;
    }

    // In Ollama's API an empty text means that nothing was said.
    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
