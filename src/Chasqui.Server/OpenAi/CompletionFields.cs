using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A request to <c>/v1/completions</c>.</summary>
internal sealed class CompletionFields : OpenAiFields
{
    private readonly SamplingFields _sampling = new();
    private string _prompt = "";
    private string _suffix = "";
    private int _logprobs;
    private bool _renderOnly;

    /// <summary>Without a prompt a request only loads the model.</summary>
    public bool HasPrompt => _prompt.Length > 0;

    public LoadRequest ToLoad() => new() { Model = Model };

    public GenerateRequest ToRequest() => new()
    {
        Model = Model,
        Prompt = _prompt,
        Suffix = _suffix.Length == 0 ? null : _suffix,
        Options = _sampling.ToOptions(topP: 1),
        Logprobs = _logprobs > 0,
        TopLogprobs = _logprobs,
        RenderOnly = _renderOnly,
    };

    protected override bool ReadField(string name, JsonElement value)
    {
        switch (name)
        {
            case "prompt":
                _prompt = ReadPrompt(value);
                return true;
            case "suffix":
                Field.Read(name, value, ref _suffix);
                return true;
            case "logprobs":
                Field.Read(name, value, ref _logprobs);
                if (_logprobs is < 0 or > 20)
                    throw new InvalidParameterException(name, "logprobs must be between 0 and 20");
                return true;
            case "_debug_render_only":
                Field.Read(name, value, ref _renderOnly);
                return true;
            default:
                return _sampling.Read(name, value);
        }
    }

    private static string ReadPrompt(JsonElement value) => value switch
    {
        { ValueKind: JsonValueKind.String } => value.GetString()!,
        { ValueKind: JsonValueKind.Array } when value.GetArrayLength() == 1 && value[0].ValueKind == JsonValueKind.String => value[0].GetString()!,
        { ValueKind: JsonValueKind.Array } when value.GetArrayLength() > 0 && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) =>
            throw new InvalidParameterException("prompt", "\"prompt\" must be one text: send a request for each"),
        { ValueKind: JsonValueKind.Array } => throw new InvalidParameterException("prompt", "\"prompt\" must be one text: token ids are not supported"),
        _ => throw Field.WrongType("prompt", "a string", value),
    };
}
