namespace Chasqui.Engines.OpenAi;

/// <summary>Whose OpenAI API it is; they differ in what they have beside it.</summary>
internal enum OpenAiServerKind
{
    /// <summary>Nothing but the API is known.</summary>
    Other,

    /// <summary>llama.cpp's <c>llama-server</c>.</summary>
    LlamaCpp,

    /// <summary>vLLM, or SGLang, which took over its extensions.</summary>
    Vllm,

    /// <summary>LM Studio.</summary>
    LmStudio,

    /// <summary>An Ollama or a Chasqui, asked in its second language.</summary>
    Ollama,
}

/// <summary>A model as <c>/v1/models</c> tells of it.</summary>
/// <param name="Summary">The part that a list shows.</param>
/// <param name="ContextLength">Tokens of context that a request may use; 0 where the server does not say.</param>
/// <param name="IsLoaded">Whether it is in memory, as far as the server says; servers that do not say serve what they list.</param>
internal sealed record OpenAiModel(ModelSummary Summary, int ContextLength, bool IsLoaded)
{
    /// <summary>Tokens of context that it was trained for; 0 where the server does not say.</summary>
    public int TrainedContext { get; init; }

    /// <summary>How many parameters it has; 0 where the server does not say.</summary>
    public long Parameters { get; init; }

    /// <summary>Tokens of its vocabulary; 0 where the server does not say.</summary>
    public long Vocabulary { get; init; }
}

/// <summary>What is known of a server.</summary>
/// <param name="Kind">Whose it is.</param>
/// <param name="Models">What it serves, in its order.</param>
internal sealed record OpenAiServer(OpenAiServerKind Kind, IReadOnlyList<OpenAiModel> Models)
{
    /// <summary>The kind's name, for people.</summary>
    public string Product => Kind switch
    {
        OpenAiServerKind.LlamaCpp => "llama.cpp",
        OpenAiServerKind.Vllm => "vLLM",
        OpenAiServerKind.LmStudio => "LM Studio",
        OpenAiServerKind.Ollama => "Ollama",
        _ => "OpenAI-compatible server",
    };

    /// <summary>The model that a name means; the tag <c>latest</c> may be left out, or added. Null where there is none.</summary>
    public OpenAiModel? Find(string name) =>
        Models.FirstOrDefault(m => string.Equals(m.Summary.Name, name, StringComparison.Ordinal))
        ?? Models.FirstOrDefault(m => string.Equals(Bare(m.Summary.Name), Bare(name), StringComparison.OrdinalIgnoreCase));

    private static string Bare(string name) => name.EndsWith(":latest", StringComparison.OrdinalIgnoreCase) ? name[..^":latest".Length] : name;
}
