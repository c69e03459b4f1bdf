using System.Text.Json;
using System.Text.Json.Nodes;
using Chasqui.Engines.Http;
using Chasqui.Engines.Models;

namespace Chasqui.Engines.OpenAi;

/// <summary>Models as <c>/v1/models</c> tells of them, and what llama.cpp's server tells beside it.</summary>
internal static class OpenAiModels
{
    /// <summary>Reads <c>/v1/models</c>. Servers write who they are into <c>owned_by</c>.</summary>
    public static OpenAiServer Server(JsonElement json, Action nameless)
    {
        var models = new List<OpenAiModel>();
        var kind = OpenAiServerKind.Other;
        foreach (var model in json.GetProperty("data").EnumerateArray())
        {
            if (model.Text("id").Length == 0)
            {
                nameless();
                continue;
            }
            if (kind == OpenAiServerKind.Other)
                kind = Kind(model.Get("owned_by") is { ValueKind: JsonValueKind.String } owner ? owner.GetString()! : "");
            models.Add(Model(model, kind));
        }
        return new OpenAiServer(kind, models);
    }

    /// <summary>llama.cpp's <c>/props</c>.</summary>
    public static LlamaCppProperties Properties(JsonElement json) => new(
        json.Get("total_slots") is { } slots ? slots.GetInt32() : null,
        json.Get("default_generation_settings")?.Count("n_ctx") ?? 0,
        json.Text("chat_template"),
        json.Text("build_info"),
        json.Get("modalities")?.Flag("vision") ?? false,
        json.Get("chat_template_caps")?.Flag("supports_tools"));

    /// <summary>Everything that a server tells of one model.</summary>
    /// <param name="model">Its place in the list.</param>
    /// <param name="properties">llama.cpp's own words; null where it is another server.</param>
    public static ModelDescription Description(OpenAiModel model, LlamaCppProperties? properties)
    {
        var metadata = new Dictionary<string, JsonNode?>(StringComparer.Ordinal);
        Tell("general.parameter_count", model.Parameters);
        Tell("general.context_length", model.TrainedContext > 0 ? model.TrainedContext : model.ContextLength);
        Tell("general.embedding_length", model.Summary.Details.EmbeddingLength);
        Tell("general.vocabulary_size", model.Vocabulary);
        var context = properties is { ContextLength: > 0 } served ? served.ContextLength : model.ContextLength;
        return new ModelDescription
        {
            Summary = properties is null ? model.Summary : model.Summary with { Capabilities = Capabilities(properties) },
            Path = "",
            Template = properties?.Template ?? "",
            Parameters = context > 0 ? new GenerationOptions { NumCtx = context } : GenerationOptions.Default,
            RawParameters = context > 0 ? [new("num_ctx", JsonValue.Create(context))] : [],
            Metadata = metadata,
        };

        void Tell(string name, long value)
        {
            if (value > 0)
                metadata[name] = JsonValue.Create(value);
        }
    }

    /// <summary>In Ollama's words and order. Builds that do not say what the template does let it be seen from its text.</summary>
    private static List<string> Capabilities(LlamaCppProperties properties)
    {
        var (_, thinking) = ModelCapabilities.OfJinja(properties.Template);
        List<string> found = ["completion"];
        if (properties.Vision)
            found.Add("vision");
        if (properties is { Template.Length: > 0 } or { Tools: true } && properties.KnowsTools)
            found.Add("tools");
        if (thinking)
            found.Add("thinking");
        return found;
    }

    /// <summary>How many of llama.cpp's <c>/slots</c> are busy.</summary>
    public static int BusySlots(JsonElement json) => json.EnumerateArray().Count(slot => slot.Flag("is_processing"));

    private static OpenAiServerKind Kind(string owner) => owner switch
    {
        "llamacpp" => OpenAiServerKind.LlamaCpp,
        "vllm" or "sglang" => OpenAiServerKind.Vllm,
        "organization_owner" => OpenAiServerKind.LmStudio,
        "library" => OpenAiServerKind.Ollama,
        _ => OpenAiServerKind.Other,
    };

    private static OpenAiModel Model(JsonElement json, OpenAiServerKind kind)
    {
        var meta = json.Get("meta") is { ValueKind: JsonValueKind.Object } m ? m : default(JsonElement?);
        var context = meta?.Count("n_ctx") is > 0 and var served ? served : json.Count("max_model_len");
        var summary = new ModelSummary
        {
            Name = json.Text("id"),
            Digest = "",
            ModifiedAt = json.Get("created") is { ValueKind: JsonValueKind.Number } created ? DateTimeOffset.FromUnixTimeSeconds((long)Math.Clamp(created.GetDouble(), 0, 253402300799)) : default,
            SizeBytes = meta?.Whole("size") ?? 0,
            Details = new ModelDetails
            {
                Format = kind == OpenAiServerKind.LlamaCpp ? "gguf" : "",
                ParameterSize = meta?.Whole("n_params") is > 0 and var n ? HumanNumber.Format(n) : "",
                QuantizationLevel = meta?.Get("ftype") is { ValueKind: JsonValueKind.String } type ? type.GetString()! : "",
                ContextLength = context > 0 ? context : meta?.Count("n_ctx_train") ?? 0,
                EmbeddingLength = meta?.Count("n_embd") ?? 0,
            },
        };
        // llama.cpp's router lists what it could load, too.
        var loaded = json.Get("status")?.Get("value") is not { ValueKind: JsonValueKind.String } status || status.ValueEquals("loaded");
        return new OpenAiModel(summary, context, loaded)
        {
            TrainedContext = meta?.Count("n_ctx_train") ?? 0,
            Parameters = meta?.Whole("n_params") ?? 0,
            Vocabulary = meta?.Whole("n_vocab") ?? 0,
        };
    }
}

/// <summary>What llama.cpp's server says of itself.</summary>
/// <param name="Slots">Requests it runs at once; null where it does not say.</param>
/// <param name="ContextLength">Tokens of context of each slot; 0 where it does not say.</param>
/// <param name="Template">The chat template, Jinja.</param>
/// <param name="Build">Its build, e.g. <c>b6000-abcdef</c>.</param>
/// <param name="Vision">Whether it takes images.</param>
/// <param name="Tools">Whether the template knows tools; null where it does not say.</param>
internal sealed record LlamaCppProperties(int? Slots, int ContextLength, string Template, string Build, bool Vision, bool? Tools)
{
    /// <summary>
    /// Whether the model's template has a place for tools, as it says, or else shows. Where it has none, the server takes tools all the same, shows the model none of them, and passes over a
    /// demand to call one (seen in build 11669).
    /// </summary>
    public bool KnowsTools => Tools ?? (Template.Length == 0 || ModelCapabilities.OfJinja(Template).Tools);
}
