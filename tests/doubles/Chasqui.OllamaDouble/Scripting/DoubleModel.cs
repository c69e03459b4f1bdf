namespace Chasqui.OllamaDouble;

/// <summary>One model of the node.</summary>
public sealed record DoubleModel
{
    /// <summary>Its name; without a tag it is <c>:latest</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Digest of the manifest, 64 hexadecimal digits; null derives one from the name.</summary>
    public string? Digest { get; init; }

    /// <summary>Digest of the weights; models with the same share one runner, as recorded in <c>same_blob_models_share_runner</c>. Null derives one from the name.</summary>
    public string? Blob { get; init; }

    /// <summary>Size in bytes.</summary>
    public long Size { get; init; } = 1_026_006;

    /// <summary>Of <c>completion</c>, <c>tools</c>, <c>insert</c>, <c>vision</c>, <c>thinking</c>, <c>embedding</c>.</summary>
    public IReadOnlyList<string> Capabilities { get; init; } = ["completion"];

    /// <summary>The context it was trained with; <c>num_ctx</c> is clamped to it. 4 to 10,000,000, default 131,072.</summary>
    public int ContextLength { get; init; } = 131_072;

    /// <summary>Numbers in a vector; 1 to 65,536, default 128.</summary>
    public int EmbeddingLength { get; init; } = 128;

    public string Family { get; init; } = "llama";

    public string ParameterSize { get; init; } = "935K";

    public string Quantization { get; init; } = "Q8_0";

    /// <summary>The name of the model that it was made from; empty for none.</summary>
    public string ParentModel { get; init; } = "";

    public string? System { get; init; }

    public string Template { get; init; } = "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n";

    /// <summary>Lines of <c>PARAMETER</c>: name and value. Those of the default come with the autodetected ChatML template.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Parameters { get; init; } = [new("stop", "\"<|im_start|>\""), new("stop", "\"<|im_end|>\"")];

    public IReadOnlyList<string> License { get; init; } = [];

    /// <summary>Its answer to everything; null derives words from the prompt.</summary>
    public string? Answer { get; init; }

    /// <summary>Tokens of an answer that no limit ends; 0 to 1,000,000, default 16.</summary>
    public int AnswerTokens { get; init; } = 16;

    /// <summary>Whether its answers in OpenAI's form say how many tokens they have, as those of many servers do not; default true.</summary>
    public bool CountsTokens { get; init; } = true;

    /// <summary>Tokens that a thinking model thinks before it answers; 0 to 1,000,000, default 8.</summary>
    public int ThinkingTokens { get; init; } = 8;

    /// <summary>How long its load takes; null for the script's.</summary>
    public double? LoadMilliseconds { get; init; }

    /// <summary>Time for a prompt token; null for the script's.</summary>
    public double? PromptTokenMilliseconds { get; init; }

    /// <summary>Time for a token of the answer; null for the script's.</summary>
    public double? TokenMilliseconds { get; init; }

    internal bool Can(string capability) => Capabilities.Contains(capability);

    internal void Validate()
    {
        if (!ModelName.TryParse(Name, out _))
            throw new ArgumentException($"models: \"{Name}\" is no name of a model; it must be like \"llama3\" or \"me/llama3:8b\"");
        Check.Range(ContextLength, 4, 10_000_000, $"models: {Name}: contextLength");
        Check.Range(EmbeddingLength, 1, 65_536, $"models: {Name}: embeddingLength");
        Check.Range(AnswerTokens, 0, 1_000_000, $"models: {Name}: answerTokens");
        Check.Range(ThinkingTokens, 0, 1_000_000, $"models: {Name}: thinkingTokens");
        Check.Range(LoadMilliseconds ?? 0, 0, 3_600_000, $"models: {Name}: loadMilliseconds");
        Check.Range(PromptTokenMilliseconds ?? 0, 0, 60_000, $"models: {Name}: promptTokenMilliseconds");
        Check.Range(TokenMilliseconds ?? 0, 0, 60_000, $"models: {Name}: tokenMilliseconds");
    }
}
