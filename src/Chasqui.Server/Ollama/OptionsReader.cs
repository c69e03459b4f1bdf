using System.Text.Json;

namespace Chasqui.Server;

/// <summary>
/// The <c>options</c> object. As in Ollama: names are matched exactly, unknown ones are passed over (and named), <c>null</c> says
/// nothing, a fraction is cut off where a whole number is wanted. <c>alone</c> is ours.
/// </summary>
internal static class OptionsReader
{
    public static GenerationOptions Read(JsonElement value, GenerationOptions onto, ref bool alone)
    {
        foreach (var option in Field.Members("options", value))
        {
            if (option.Value.ValueKind != JsonValueKind.Null)
                onto = Apply(option.Name, option.Value, onto, ref alone);
        }
        return onto;
    }

    private static GenerationOptions Apply(string name, JsonElement value, GenerationOptions to, ref bool alone)
    {
        switch (name)
        {
            case "num_ctx": return to with { NumCtx = Whole(name, value) };
            case "num_batch": return to with { NumBatch = Whole(name, value) };
            case "num_thread": return to with { NumThread = Whole(name, value) };
            case "num_keep": return to with { NumKeep = Whole(name, value) };
            case "num_predict": return to with { NumPredict = Whole(name, value) };
            case "temperature": return to with { Temperature = Number(name, value) };
            case "top_k": return to with { TopK = Whole(name, value) };
            case "top_p": return to with { TopP = Number(name, value) };
            case "min_p": return to with { MinP = Number(name, value) };
            case "typical_p": return to with { TypicalP = Number(name, value) };
            case "repeat_last_n": return to with { RepeatLastN = Whole(name, value) };
            case "repeat_penalty": return to with { RepeatPenalty = Number(name, value) };
            case "presence_penalty": return to with { PresencePenalty = Number(name, value) };
            case "frequency_penalty": return to with { FrequencyPenalty = Number(name, value) };
            case "seed": return to with { Seed = unchecked((int)Whole64(name, value)) };
            case "stop": return to with { Stop = Texts(name, value) };
            case "alone":
                alone = Switch(name, value);
                return to;
            // Known to Ollama and without meaning here; only their types are held.
            case "num_gpu" or "main_gpu" or "draft_num_predict":
                Whole(name, value);
                PassOver(name);
                return to;
            case "use_mmap":
                Switch(name, value);
                PassOver(name);
                return to;
            default:
                PassOver(name);
                return ChangesText(name, value) && to.Unapplied?.Contains(name) != true ? to with { Unapplied = [.. to.Unapplied ?? [], name] } : to;
        }
    }

    private static void PassOver(string name) => RequestContext.Current?.PassOver(name);

    /// <summary>Options of older versions of Ollama that changed how tokens are chosen, unless their value turned them off.</summary>
    private static bool ChangesText(string name, JsonElement value) => name switch
    {
        "mirostat" => !IsNumber(value, 0),
        "tfs_z" => !IsNumber(value, 1),
        "penalize_newline" => value.ValueKind == JsonValueKind.False,
        _ => false,
    };

    private static bool IsNumber(JsonElement value, double number) => value.ValueKind == JsonValueKind.Number && value.GetDouble() == number;

    private static int Whole(string name, JsonElement value) => (int)Math.Clamp(Whole64(name, value), int.MinValue, int.MaxValue);

    private static long Whole64(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Number)
            throw WrongType(name, "integer");
        return value.TryGetInt64(out var whole) ? whole : (long)value.GetDouble();
    }

    private static float Number(string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number ? (float)value.GetDouble() : throw WrongType(name, "float32");

    private static bool Switch(string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw WrongType(name, "boolean"),
    };

    private static string[] Texts(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array)
            throw WrongType(name, "array");
        return [.. value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String
            ? item.GetString()!
            : throw new InvalidRequestException($"option \"{name}\" must be of an array of strings"))];
    }

    private static InvalidRequestException WrongType(string name, string type) => new($"option \"{name}\" must be of type {type}");
}
