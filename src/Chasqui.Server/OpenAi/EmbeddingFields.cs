using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A request to <c>/v1/embeddings</c>.</summary>
internal sealed class EmbeddingFields : OpenAiFields
{
    private List<string>? _inputs;
    private string _format = "";
    private int _dimensions;

    /// <summary>Whether vectors are told as the base64 of their numbers, little-endian and of 32 bits.</summary>
    public bool IsBase64 => _format.Equals("base64", StringComparison.OrdinalIgnoreCase);

    public EmbedRequest ToRequest() => new()
    {
        Model = Model,
        Inputs = _inputs is { Count: > 0 } inputs ? inputs : throw new InvalidParameterException(null, "invalid input"),
        Dimensions = _dimensions > 0 ? _dimensions : null,
    };

    protected override bool ReadField(string name, JsonElement value)
    {
        switch (name)
        {
            case "input":
                _inputs = ReadInputs(value);
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

    private static List<string> ReadInputs(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
            return [value.GetString()!];
        if (value.ValueKind != JsonValueKind.Array)
            throw Field.WrongType("input", "a string or an array of strings", value);
        var inputs = new List<string>();
        foreach (var item in value.EnumerateArray())
        {
            inputs.Add(item.ValueKind switch
            {
                JsonValueKind.String => item.GetString()!,
                JsonValueKind.Number or JsonValueKind.Array =>
                    throw new InvalidParameterException("input", "\"input\" must be a string or an array of strings: token ids are not supported"),
                _ => throw Field.WrongType("input", "a string or an array of strings", item),
            });
        }
        return inputs;
    }
}
