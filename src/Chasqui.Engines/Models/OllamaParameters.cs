using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Engines.Models;

/// <summary>Reads the parameters that a model brings along. What is unknown or out of range is kept as it stands, and not used.</summary>
internal static class OllamaParameters
{
    private static readonly JsonElement _aWhole = JsonElement.Parse("1"u8);
    private static readonly JsonElement _aText = JsonElement.Parse("\"a\""u8);

    /// <summary>Reads a JSON object of parameters.</summary>
    /// <returns>The options; every parameter as it stands; and a sentence for each that is not used.</returns>
    public static (GenerationOptions Options, List<KeyValuePair<string, JsonNode>> Raw, List<string> Notes) Read(JsonElement json)
    {
        var options = GenerationOptions.Default;
        var raw = new List<KeyValuePair<string, JsonNode>>();
        var notes = new List<string>();
        if (json.ValueKind != JsonValueKind.Object)
            return (options, raw, notes);

        foreach (var property in json.EnumerateObject())
        {
            // Materialised as a whole now: nodes over an element fill themselves in when first read, which is not thread-safe.
            if (ToNode(property.Value) is not { } node)
                continue;
            raw.Add(KeyValuePair.Create(property.Name, node));
            var one = One(property.Name, property.Value);
            try
            {
                one?.Validate();
            }
            catch (InvalidOptionException e)
            {
                notes.Add($"its parameter is not used: {e.Message}");
                continue;
            }
            if (one is null)
                notes.Add($"its parameter \"{GgufMetadataParser.Show(property.Name)}\" is not known or has another type, and is not used");
            else
                options = one.Over(options);
        }
        return (options, raw, notes);
    }

    /// <summary>Refuses a parameter that is known and could not be used; one that is not known is kept as it stands.</summary>
    /// <exception cref="InvalidRequestException">There is one; the message names it.</exception>
    public static void Check(JsonElement json)
    {
        foreach (var property in json.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Null)
                continue;
            var one = One(property.Name, property.Value);
            if (one is null && One(property.Name, _aWhole) is not null)
                throw new InvalidRequestException($"the parameter \"{property.Name}\" must be a number");
            if (one is null && One(property.Name, _aText) is not null)
                throw new InvalidRequestException($"the parameter \"{property.Name}\" must be a text or a list of texts");
            one?.Validate();
        }
    }

    private static GenerationOptions? One(string name, JsonElement value) => name switch
    {
        "num_ctx" => Whole(value) is { } v ? new() { NumCtx = v } : null,
        "num_batch" => Whole(value) is { } v ? new() { NumBatch = v } : null,
        "num_thread" => Whole(value) is { } v ? new() { NumThread = v } : null,
        "num_keep" => Whole(value) is { } v ? new() { NumKeep = v } : null,
        "num_predict" => Whole(value) is { } v ? new() { NumPredict = v } : null,
        "temperature" => Number(value) is { } v ? new() { Temperature = v } : null,
        "top_k" => Whole(value) is { } v ? new() { TopK = v } : null,
        "top_p" => Number(value) is { } v ? new() { TopP = v } : null,
        "min_p" => Number(value) is { } v ? new() { MinP = v } : null,
        "typical_p" => Number(value) is { } v ? new() { TypicalP = v } : null,
        "repeat_last_n" => Whole(value) is { } v ? new() { RepeatLastN = v } : null,
        "repeat_penalty" => Number(value) is { } v ? new() { RepeatPenalty = v } : null,
        "presence_penalty" => Number(value) is { } v ? new() { PresencePenalty = v } : null,
        "frequency_penalty" => Number(value) is { } v ? new() { FrequencyPenalty = v } : null,
        "seed" => Whole(value) is { } v ? new() { Seed = v } : null,
        "stop" => Texts(value) is { } v ? new() { Stop = v } : null,
        _ => null,
    };

    // 2.9 is read as 2, as Ollama does.
    private static int? Whole(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && Math.Truncate(number) is >= int.MinValue and <= int.MaxValue
            ? (int)number : null;

    private static float? Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) && float.IsFinite(number) ? number : null;

    private static string[]? Texts(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.Array when value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String)
            => [.. value.EnumerateArray().Select(v => v.GetString()!)],
        _ => null,
    };

    private static JsonNode? ToNode(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        JsonValueKind.Array => new JsonArray([.. value.EnumerateArray().Select(ToNode)]),
        JsonValueKind.Object => new JsonObject(value.EnumerateObject()
            .DistinctBy(p => p.Name, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Name, ToNode(p.Value)))),
        JsonValueKind.String => JsonValue.Create(value.GetString()),
        JsonValueKind.True => JsonValue.Create(true),
        JsonValueKind.False => JsonValue.Create(false),
        _ => value.TryGetInt64(out var whole) ? JsonValue.Create(whole)
            : value.TryGetDouble(out var number) && double.IsFinite(number) ? JsonValue.Create(number) : null,
    };
}
