using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Chasqui.OllamaDouble;

/// <summary><c>/api/embed</c>, <c>/api/embeddings</c> and <c>/v1/embeddings</c>.</summary>
internal sealed class Embeddings(ModelStore store, Engine engine)
{
    public async Task<JsonObject> EmbedAsync(HttpContext context, JsonElement json, Fault? fault)
    {
        var (name, model) = Find(json);
        var inputs = Inputs(json.Get("input"));
        if (inputs.Count == 0)
            return new JsonObject { ["model"] = name, ["embeddings"] = new JsonArray() };
        Able(model, 501);
        var tokens = Tokens(model, inputs, json.Get("truncate") is not { ValueKind: JsonValueKind.False });
        var load = await engine.EmbedAsync(model, GenerationReader.Runner(json, json.Get("options") ?? default), GenerationReader.KeepAlive(json), tokens, fault, context).ConfigureAwait(false);
        return new JsonObject
        {
            ["model"] = name,
            ["embeddings"] = new JsonArray([.. Answered(inputs, fault).Select(input => Numbers(Vector(input, model, json)))]),
            ["total_duration"] = Cost.Nanoseconds(load) + 1000,
            ["load_duration"] = Cost.Nanoseconds(load),
            ["prompt_eval_count"] = tokens,
        };
    }

    public async Task<JsonObject> EmbeddingsAsync(HttpContext context, JsonElement json, Fault? fault)
    {
        var (_, model) = Find(json);
        var prompt = json.Text("prompt", "EmbeddingRequest") ?? "";
        if (prompt.Length == 0)
            return new JsonObject { ["embedding"] = new JsonArray() };
        Able(model, 500);
        await engine.EmbedAsync(model, GenerationReader.Runner(json, json.Get("options") ?? default), GenerationReader.KeepAlive(json), Words.CountTokens(prompt), fault, context).ConfigureAwait(false);
        return new JsonObject { ["embedding"] = Numbers(Vector(prompt, model, json)) };
    }

    public async Task<JsonObject> OpenAiAsync(HttpContext context, JsonElement json, Fault? fault)
    {
        var format = json.Text("encoding_format", "EmbedRequest") ?? "float";
        if (format is not ("float" or "base64"))
            throw new ApiException(400, $"Invalid value for 'encoding_format' = {format}. Supported values: ['float', 'base64'].");
        var inputs = Inputs(json.Get("input"));
        if (inputs.Count == 0)
            throw new ApiException(400, "invalid input");
        var (name, model) = Find(json);
        if (inputs.Any(input => input.Length == 0))
            throw new ApiException(400, "input exceeds maximum context length and cannot be truncated further");
        Able(model, 501);
        var tokens = Tokens(model, inputs, true);
        await engine.EmbedAsync(model, RunnerOptions.Default, null, tokens, fault, context).ConfigureAwait(false);
        return new JsonObject
        {
            ["object"] = "list",
            ["data"] = new JsonArray([.. Answered(inputs, fault).Select((input, index) => new JsonObject
            {
                ["object"] = "embedding",
                ["embedding"] = format == "base64"
                    ? Convert.ToBase64String(MemoryMarshal.AsBytes(Vector(input, model, json).AsSpan()))
                    : Numbers(Vector(input, model, json)),
                ["index"] = index,
            })]),
            ["model"] = name,
            ["usage"] = new JsonObject { ["prompt_tokens"] = tokens, ["total_tokens"] = tokens },
        };
    }

    private (string Name, StoredModel Model) Find(JsonElement json)
    {
        var name = json.Text("model", "EmbedRequest") ?? "";
        if (name.Length == 0)
            throw new ApiException(404, "model '' not found");
        return ModelName.TryParse(name, out var canonical) && store.Find(canonical) is { } model
            ? (name, model) : throw new ApiException(404, $"model \"{name}\" not found, try pulling it first");
    }

    // llama-server's own text (recorded).
    private static void Able(StoredModel model, int status)
    {
        if (!model.Script.Can("embedding"))
            throw new ApiException(status, "This server does not support embeddings. Start it with `--embeddings`");
    }

    private static List<string> Inputs(JsonElement? input) => input switch
    {
        null => [],
        { ValueKind: JsonValueKind.String } one => [one.GetString()!],
        { ValueKind: JsonValueKind.Array } several => [.. several.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String ? item.GetString()! : throw new ApiException(400, "invalid input type"))],
        _ => throw new ApiException(400, "invalid input type"),
    };

    private static IEnumerable<string> Answered(List<string> inputs, Fault? fault) => fault?.Kind == FaultKind.FewVectors ? inputs.SkipLast(1) : inputs;

    private static int Tokens(StoredModel model, List<string> inputs, bool truncate)
    {
        var longest = model.Script.ContextLength;
        if (!truncate && inputs.Any(input => Words.CountTokens(input) > longest))
            throw new ApiException(400, "the input length exceeds the context length");
        return inputs.Sum(input => Math.Clamp(Words.CountTokens(input), 1, longest));
    }

    // The same for the same text, of length 1.
    private static float[] Vector(string text, StoredModel model, JsonElement json)
    {
        var length = model.Script.EmbeddingLength;
        if (json.Get("dimensions") is { ValueKind: JsonValueKind.Number } wanted && wanted.TryGetInt32(out var fewer) && fewer > 0)
            length = Math.Min(length, fewer);
        var hash = Words.Hash(text, 0);
        var vector = new float[length];
        var sum = 0.0;
        for (var i = 0; i < length; i++)
        {
            hash = unchecked(hash * 6364136223846793005UL + 1442695040888963407UL);
            vector[i] = (hash >> 40) / (float)(1 << 24) - 0.5f;
            sum += vector[i] * vector[i];
        }
        var scale = (float)(1 / Math.Sqrt(Math.Max(sum, 1e-12)));
        for (var i = 0; i < length; i++)
            vector[i] *= scale;
        return vector;
    }

    private static JsonArray Numbers(float[] vector) => new([.. vector.Select(number => (JsonNode)number)]);
}
