using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A request to <c>/v1/embeddings</c>.</summary>
internal sealed class EmbeddingFields : OpenAiFields
{
    private readonly List<string> _inputs = [];
    private readonly List<IReadOnlyList<int>> _tokens = [];
    private string _format = "";
    private int _dimensions;

    /// <summary>Whether vectors are told as the base64 of their numbers, little-endian and of 32 bits.</summary>
    public bool IsBase64 => _format.Equals("base64", StringComparison.OrdinalIgnoreCase);

    public EmbedRequest ToRequest() => new()
    {
        Model = Model,
        Inputs = _inputs.Count + _tokens.Count > 0 ? _inputs : throw new InvalidParameterException(null, "invalid input"),
        TokenInputs = _tokens,
        Dimensions = _dimensions > 0 ? _dimensions : null,
    };

    protected override bool ReadField(string name, JsonElement value)
    {
        switch (name)
        {
            case "input":
                ReadInputs(value);
                return true;
            case "dimensions":
                Field.Read(name, value, ref _dimensions);
                return true;
            case "encoding_format":
                Field.Read(name, value, ref _format);
                if (_format.Length > 0 && !IsBase64 && !_format.Equals("float", StringComparison.OrdinalIgnoreCase))
                    throw new InvalidParameterException(null, $"Invalid value for 'encoding_format' = {Field.Clip(_format)}. Supported values: ['float', 'base64'].");
                return true;
            default:
                return false;
        }
    }

    /// <summary>A text, several, the token ids of one, or those of several.</summary>
    private void ReadInputs(JsonElement value)
    {
        _inputs.Clear();
        _tokens.Clear();
        if (value.ValueKind == JsonValueKind.String)
            _inputs.Add(value.GetString()!);
        else if (value.ValueKind != JsonValueKind.Array)
            throw Wrong(value);
        else if (value.GetArrayLength() > 0 && value[0].ValueKind == JsonValueKind.Number)
            _tokens.Add(ReadTokens(value));
        else if (value.GetArrayLength() > 0 && value[0].ValueKind == JsonValueKind.Array)
            _tokens.AddRange(value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Array ? ReadTokens(item) : throw Wrong(item)));
        else
            _inputs.AddRange(value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong(item)));
    }

    private static int[] ReadTokens(JsonElement tokens) =>
    [
        .. tokens.EnumerateArray().Select(token => token.ValueKind == JsonValueKind.Number && token.TryGetInt32(out var id) && id >= 0
            ? id
            : throw new InvalidParameterException("input", $"a token id of \"input\" must be a whole number of at least 0, not {Field.Clip(token.GetRawText())}")),
    ];

    private static InvalidRequestException Wrong(JsonElement value) => Field.WrongType("input", "a string, an array of strings, an array of token ids or an array of such arrays", value);
}
