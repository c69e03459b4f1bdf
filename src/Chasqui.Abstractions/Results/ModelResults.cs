using System.Text.Json.Nodes;

namespace Chasqui;

/// <summary>Vectors and what they took.</summary>
public sealed record EmbedResult
{
    /// <summary>One vector for each input, in their order.</summary>
    public required IReadOnlyList<float[]> Vectors { get; init; }

    /// <summary>Tokens of all inputs.</summary>
    public int PromptTokens { get; init; }

    /// <summary>From the request's arrival at the engine to its end.</summary>
    public TimeSpan TotalDuration { get; init; }

    /// <summary>Time until the model was ready for this request.</summary>
    public TimeSpan LoadDuration { get; init; }
}

/// <summary>A model that can be asked for.</summary>
public sealed record ModelSummary
{
    /// <summary>The name by which it is asked for, with its tag, e.g. <c>mini:latest</c>.</summary>
    public required string Name { get; init; }

    /// <summary>When its file or manifest last changed.</summary>
    public DateTimeOffset ModifiedAt { get; init; }

    /// <summary>Bytes on disk.</summary>
    public long SizeBytes { get; init; }

    /// <summary>SHA-256 in lower-case hex, without a prefix, of the manifest (Ollama's store) or of the file.</summary>
    public required string Digest { get; init; }

    /// <summary>What kind of model it is.</summary>
    public required ModelDetails Details { get; init; }

    /// <summary>What it can do: <c>completion</c>, <c>embedding</c>, <c>tools</c>, <c>insert</c>, <c>thinking</c>, <c>vision</c>.</summary>
    public IReadOnlyList<string> Capabilities { get; init; } = [];
}

/// <summary>What kind of model one is.</summary>
public sealed record ModelDetails
{
    /// <summary>The model it was made from; empty where unknown.</summary>
    public string ParentModel { get; init; } = "";

    /// <summary>File format, <c>gguf</c>.</summary>
    public string Format { get; init; } = "gguf";

    /// <summary>Architecture, e.g. <c>llama</c>.</summary>
    public string Family { get; init; } = "";

    /// <summary>Parameters for people, e.g. <c>7.2B</c> or <c>935K</c>.</summary>
    public string ParameterSize { get; init; } = "";

    /// <summary>Quantisation, e.g. <c>Q4_K_M</c>.</summary>
    public string QuantizationLevel { get; init; } = "";

    /// <summary>Tokens of context: those that its server gives where it says so, else those that it was trained for; 0 where unknown.</summary>
    public int ContextLength { get; init; }

    /// <summary>Components of its vectors; 0 where unknown.</summary>
    public int EmbeddingLength { get; init; }
}

/// <summary>Everything known of one model.</summary>
public sealed record ModelDescription
{
    /// <summary>The part that a list shows.</summary>
    public required ModelSummary Summary { get; init; }

    /// <summary>Where the weights are.</summary>
    public required string Path { get; init; }

    /// <summary>The chat template, as the store or the model's metadata has it; empty for none.</summary>
    public string Template { get; init; } = "";

    /// <summary>Whether <see cref="Template"/> is in Ollama's (Go's) form; otherwise it is Jinja.</summary>
    public bool TemplateIsGo { get; init; }

    /// <summary>The model's own system text; empty for none.</summary>
    public string System { get; init; } = "";

    /// <summary>Licence texts.</summary>
    public IReadOnlyList<string> Licenses { get; init; } = [];

    /// <summary>Turns that come before every conversation.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; init; } = [];

    /// <summary>The model's own options.</summary>
    public GenerationOptions Parameters { get; init; } = GenerationOptions.Default;

    /// <summary>The model's own options with the spelling of its store, in the store's order: name and value(s).</summary>
    public IReadOnlyList<KeyValuePair<string, JsonNode>> RawParameters { get; init; } = [];

    /// <summary>The file's metadata: scalars, and arrays as they are.</summary>
    public IReadOnlyDictionary<string, JsonNode?> Metadata { get; init; } = new Dictionary<string, JsonNode?>();

    /// <summary>The file's tensors.</summary>
    public IReadOnlyList<TensorDescription> Tensors { get; init; } = [];
}

/// <summary>A tensor of a model file.</summary>
/// <param name="Name">Its name, e.g. <c>blk.0.attn_q.weight</c>.</param>
/// <param name="Type">Its number format, e.g. <c>Q8_0</c>.</param>
/// <param name="Shape">Its dimensions, the fastest-running first.</param>
public sealed record TensorDescription(string Name, string Type, IReadOnlyList<long> Shape);

/// <summary>A model in memory.</summary>
public sealed record ResidentModel
{
    /// <summary>The part that a list shows.</summary>
    public required ModelSummary Summary { get; init; }

    /// <summary>Bytes of memory it takes, weights and caches, as estimated.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Bytes of that in a GPU's memory.</summary>
    public long VideoMemoryBytes { get; init; }

    /// <summary>Context length in tokens that one request may use.</summary>
    public int ContextLength { get; init; }

    /// <summary>Requests it can run at once.</summary>
    public int Slots { get; init; }

    /// <summary>Requests that run now.</summary>
    public int Running { get; init; }

    /// <summary>Requests that wait for a slot.</summary>
    public int Waiting { get; init; }

    /// <summary>What it has computed since it was loaded.</summary>
    public ComputeCounters Counters { get; init; }

    /// <summary>When it leaves memory unless it is used; <see cref="DateTimeOffset.MaxValue"/> for never.</summary>
    public DateTimeOffset ExpiresAt { get; init; }

    /// <summary>How long it took to become ready in this call; zero when it already was.</summary>
    public TimeSpan LoadDuration { get; init; }
}

/// <summary>What a resident model has computed since it was loaded. Grows only.</summary>
/// <param name="Steps">Calls into the engine's arithmetic.</param>
/// <param name="PromptTokens">Prompt tokens computed, those taken from cached prefixes not counted.</param>
/// <param name="CompletionTokens">Answer tokens computed.</param>
/// <param name="ComputeTime">Time spent inside the engine's arithmetic.</param>
public readonly record struct ComputeCounters(long Steps, long PromptTokens, long CompletionTokens, TimeSpan ComputeTime);
