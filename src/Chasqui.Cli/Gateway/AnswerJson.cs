using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Cli;

/// <summary>Answers of Ollama's HTTP API.</summary>
internal static class AnswerJson
{
    public static GenerationUpdate Update(JsonElement json)
    {
        var message = json.Find("message") ?? default;
        return new GenerationUpdate
        {
            Text = message.Text("content"),
            Thinking = message.Text("thinking"),
            Result = json.Flag("done") ? Result(json) : null,
        };
    }

    public static ModelSummary Summary(JsonElement json) => new()
    {
        Name = json.Text("name"),
        ModifiedAt = json.Time("modified_at"),
        SizeBytes = json.Number("size"),
        Digest = json.Text("digest"),
        Details = Details(json.Find("details") ?? default),
        Capabilities = json.Texts("capabilities"),
    };

    public static ResidentModel Resident(JsonElement json) => new()
    {
        Summary = Summary(json),
        SizeBytes = json.Number("size"),
        VideoMemoryBytes = json.Number("size_vram"),
        ContextLength = json.Count("context_length"),
        ExpiresAt = json.Time("expires_at"),
    };

    /// <param name="json">The answer of <c>/api/show</c>, which tells neither name nor size.</param>
    /// <param name="listed">The model in the answer of <c>/api/tags</c>.</param>
    public static ModelDescription Description(JsonElement json, ModelSummary listed)
    {
        var metadata = new Dictionary<string, JsonNode?>(StringComparer.Ordinal);
        if (json.Find("model_info") is { ValueKind: JsonValueKind.Object } info)
        {
            foreach (var entry in info.EnumerateObject())
                metadata[entry.Name] = JsonNode.Parse(entry.Value.GetRawText());
        }
        var details = Details(json.Find("details") ?? default);
        var architecture = metadata.GetValueOrDefault("general.architecture") is JsonValue name && name.TryGetValue(out string? text) ? text : details.Family;
        return new ModelDescription
        {
            Summary = listed with
            {
                ModifiedAt = json.Find("modified_at") is null ? listed.ModifiedAt : json.Time("modified_at"),
                Capabilities = json.Texts("capabilities"),
                Details = details with
                {
                    ContextLength = Length(metadata, architecture, "context_length"),
                    EmbeddingLength = Length(metadata, architecture, "embedding_length"),
                },
            },
            // A gateway does not tell where on its disk a model is.
            Path = "",
            Template = json.Text("template"),
            System = json.Text("system"),
            Licenses = json.Text("license") is { Length: > 0 } license ? [license] : [],
            RawParameters = [.. Parameters(json.Text("parameters"))],
            Metadata = metadata,
        };
    }

    private static GenerationResult Result(JsonElement json) => new()
    {
        Reason = json.Text("done_reason") == "length" ? FinishReason.Length : FinishReason.Stop,
        PromptTokens = json.Count("prompt_eval_count"),
        CompletionTokens = json.Count("eval_count"),
        TotalDuration = json.Nanoseconds("total_duration"),
        LoadDuration = json.Nanoseconds("load_duration"),
        PromptDuration = json.Nanoseconds("prompt_eval_duration"),
        CompletionDuration = json.Nanoseconds("eval_duration"),
    };

    private static ModelDetails Details(JsonElement json) => new()
    {
        ParentModel = json.Text("parent_model"),
        Format = json.Text("format"),
        Family = json.Text("family"),
        ParameterSize = json.Text("parameter_size"),
        QuantizationLevel = json.Text("quantization_level"),
        ContextLength = json.Count("context_length"),
        EmbeddingLength = json.Count("embedding_length"),
    };

    private static int Length(Dictionary<string, JsonNode?> metadata, string architecture, string name) =>
        metadata.GetValueOrDefault($"{architecture}.{name}") is JsonValue value && value.TryGetValue(out long length)
            ? (int)Math.Clamp(length, 0, int.MaxValue)
            : 0;

    /// <summary>Lines of a name, spaces, and a value that is quoted where it is a text.</summary>
    private static IEnumerable<KeyValuePair<string, JsonNode>> Parameters(string text)
    {
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var parts = line.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (parts.Length == 2)
                yield return new(parts[0], JsonValue.Create(parts[1].Trim('"')));
        }
    }
}
