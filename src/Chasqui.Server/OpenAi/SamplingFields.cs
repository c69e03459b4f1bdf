using System.Text.Json;

namespace Chasqui.Server;

/// <summary>The sampling fields that completions, chats and responses share, and how they become options.</summary>
internal sealed class SamplingFields
{
    private GenerationOptions _options = GenerationOptions.Default;
    private int? _limit;

    /// <summary>As asked for, else OpenAI's default, as Ollama has it on these paths: 1.</summary>
    public float Temperature => _options.Temperature ?? 1;

    /// <summary>As asked for.</summary>
    public float? TopP => _options.TopP;

    /// <summary>Most tokens to generate; null where nothing was said.</summary>
    public int? Limit => _limit ?? _options.NumPredict;

    /// <summary>Reads a field, where it is one of these.</summary>
    public bool Read(string name, JsonElement value)
    {
        switch (name)
        {
            case "temperature":
                _options = _options with { Temperature = Number(name, value) };
                return true;
            case "top_p":
                _options = _options with { TopP = Number(name, value) };
                return true;
            case "frequency_penalty":
                _options = _options with { FrequencyPenalty = Number(name, value) };
                return true;
            case "presence_penalty":
                _options = _options with { PresencePenalty = Number(name, value) };
                return true;
            case "seed":
                _options = _options with { Seed = unchecked((int)Whole64(name, value)) };
                return true;
            case "max_tokens":
                _options = _options with { NumPredict = Whole(name, value) };
                return true;
            case "max_completion_tokens" or "max_output_tokens":
                _limit = Whole(name, value);
                return true;
            case "stop":
                _options = _options with { Stop = Stops(name, value) };
                return true;
            default:
                return false;
        }
    }

    /// <summary>The options of the engine. What was not said is OpenAI's default and not the model's, as in Ollama.</summary>
    /// <param name="topP">The default of <c>top_p</c>; null for the model's.</param>
    public GenerationOptions ToOptions(float? topP) =>
        _options with { NumPredict = Limit, Temperature = Temperature, TopP = _options.TopP ?? topP };

    private static string[]? Stops(string name, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
            return [value.GetString()!];
        if (value.ValueKind != JsonValueKind.Array)
            throw Field.WrongType(name, "a string or an array of strings", value);
        // An empty list says nothing; it does not take the model's own stop texts away.
        return value.GetArrayLength() == 0 ? null : [.. value.EnumerateArray().Select(item =>
            item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Field.WrongType(name, "a string or an array of strings", item))];
    }

    private static int Whole(string name, JsonElement value)
    {
        var whole = 0;
        Field.Read(name, value, ref whole);
        return whole;
    }

    private static long Whole64(string name, JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var whole)
        ? whole
        : throw (value.ValueKind == JsonValueKind.Number
            ? new InvalidParameterException(name, $"\"{name}\" must be a whole number, not {Field.Clip(value.GetRawText())}")
            : Field.WrongType(name, "a whole number", value));

    private static float Number(string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number ? (float)value.GetDouble() : throw Field.WrongType(name, "a number", value);
}
