namespace Chasqui.OllamaDouble;

/// <summary>
/// What the double plays. Immutable: a change is a new script. As JSON the names are in camelCase; times are in milliseconds, fractions allowed.
/// </summary>
public sealed record DoubleScript
{
    /// <summary>The version that <c>/api/version</c> tells.</summary>
    public string Version { get; init; } = "0.33.0-rc2";

    /// <summary>
    /// Whether it is llama.cpp's server (<c>llama-server --jinja</c>, seen in build 11669) and no Ollama. It has OpenAI's and Anthropic's paths and <c>/props</c>, and none of Ollama's. It takes tools
    /// for a model whose template has no place for them, shows the model none, and passes over a demand to call one. Its answers begin with no prompt of their own: <c>input</c> of a response
    /// is required. Default false.
    /// </summary>
    public bool IsLlamaCpp { get; init; }

    /// <summary>The models of the node at the start.</summary>
    public IReadOnlyList<DoubleModel> Models { get; init; } = [new DoubleModel { Name = "mini" }];

    /// <summary>GGUF files that are in the store without a model, for <c>/api/create</c>.</summary>
    public IReadOnlyList<DoubleBlob> Blobs { get; init; } = [];

    /// <summary>Requests that one loaded model computes at a time (OLLAMA_NUM_PARALLEL); 1 to 1,024, default 1. Applies to models loaded from then on.</summary>
    public int NumParallel { get; init; } = 1;

    /// <summary>Requests that may wait for a load (OLLAMA_MAX_QUEUE); 0 to 100,000, default 512.</summary>
    public int MaxQueue { get; init; } = 512;

    /// <summary>Models in memory at a time (OLLAMA_MAX_LOADED_MODELS); 1 to 1,000, default 3.</summary>
    public int MaxLoadedModels { get; init; } = 3;

    /// <summary>The context of a request without <c>num_ctx</c> (OLLAMA_CONTEXT_LENGTH); 4 to 10,000,000, default 4,096.</summary>
    public int ContextLength { get; init; } = 4096;

    /// <summary>How long a model stays after its last request, in the form of Ollama ("5m", "-1" for ever); default "5m".</summary>
    public string KeepAlive { get; init; } = "5m";

    /// <summary>How long a load takes; 0 to 3,600,000, default 0.</summary>
    public double LoadMilliseconds { get; init; }

    /// <summary>Time for a prompt token that is not in the prefix cache; 0 to 60,000, default 0.</summary>
    public double PromptTokenMilliseconds { get; init; }

    /// <summary>Time for a token of the answer; 0 to 60,000, default 0.</summary>
    public double TokenMilliseconds { get; init; }

    /// <summary>The prefix cache of each loaded model.</summary>
    public PrefixCacheScript PrefixCache { get; init; } = new();

    /// <summary>How a pull goes.</summary>
    public PullScript Pull { get; init; } = new();

    /// <summary>When it closes connections.</summary>
    public ConnectionScript Connections { get; init; } = new();

    /// <summary>What goes wrong. The first that fits a request is applied.</summary>
    public IReadOnlyList<Fault> Faults { get; init; } = [];

    /// <summary>The latest requests that are kept with headers and bodies; 0 to 100,000, default 256. 0 saves time in benchmarks.</summary>
    public int RecordedRequests { get; init; } = 256;

    /// <summary>Says what is wrong with a script.</summary>
    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    public void Validate()
    {
        Check.Range(NumParallel, 1, 1024, "numParallel");
        Check.Range(MaxQueue, 0, 100_000, "maxQueue");
        Check.Range(MaxLoadedModels, 1, 1000, "maxLoadedModels");
        Check.Range(ContextLength, 4, 10_000_000, "contextLength");
        Check.Range(LoadMilliseconds, 0, 3_600_000, "loadMilliseconds");
        Check.Range(PromptTokenMilliseconds, 0, 60_000, "promptTokenMilliseconds");
        Check.Range(TokenMilliseconds, 0, 60_000, "tokenMilliseconds");
        Check.Range(RecordedRequests, 0, 100_000, "recordedRequests");
        Check.Range(Connections.CloseAfterRequests, 0, 1_000_000, "connections.closeAfterRequests");
        Check.Range(Connections.CloseAfterIdleMilliseconds, 0, 3_600_000, "connections.closeAfterIdleMilliseconds");
        Check.Range(PrefixCache.Blocks, 0, 10_000_000, "prefixCache.blocks");
        Check.Range(PrefixCache.BlockTokens, 1, 100_000, "prefixCache.blockTokens");
        Check.Range(Pull.Steps, 1, 10_000, "pull.steps");
        Check.Range(Pull.StepMilliseconds, 0, 60_000, "pull.stepMilliseconds");
        Check.Range(Pull.Bytes, 1, long.MaxValue, "pull.bytes");
        if (GoDuration.Parse(KeepAlive) is null)
            throw new ArgumentException($"keepAlive is \"{KeepAlive}\"; it must be a duration such as \"5m\", \"90s\" or \"-1\"");
        foreach (var model in Models)
            model.Validate();
        foreach (var fault in Faults)
            fault.Validate();
    }
}

/// <summary>The prefix cache of a loaded model: the least recently used blocks leave.</summary>
public sealed record PrefixCacheScript
{
    /// <summary>Blocks that are kept; 0 to 10,000,000, default 10,000. 0 turns the cache off.</summary>
    public int Blocks { get; init; } = 10_000;

    /// <summary>Tokens in a block; 1 to 100,000, default 512. A token of text is 4 characters.</summary>
    public int BlockTokens { get; init; } = 512;
}

/// <summary>When it closes connections. By itself it promises to keep them, as llama.cpp's server does, which closes each after one answer.</summary>
public sealed record ConnectionScript
{
    /// <summary>Closes a connection right after this many answers; 0, the default, never; up to 1,000,000.</summary>
    public int CloseAfterRequests { get; init; }

    /// <summary>Says <c>Connection: close</c> with the last of them. Default false.</summary>
    public bool SaysClose { get; init; }

    /// <summary>Closes a connection that is idle for so long; 0, the default, never; up to 3,600,000.</summary>
    public double CloseAfterIdleMilliseconds { get; init; }

    /// <summary>Sends a 408 before it closes an idle connection. Default false.</summary>
    public bool SaysTimeout { get; init; }
}

/// <summary>How <c>/api/pull</c> goes.</summary>
public sealed record PullScript
{
    /// <summary>Progress lines for the model's layer; 1 to 10,000, default 4.</summary>
    public int Steps { get; init; } = 4;

    /// <summary>Time between them; 0 to 60,000, default 0.</summary>
    public double StepMilliseconds { get; init; }

    /// <summary>Size of the layer in bytes; default 1,000,000.</summary>
    public long Bytes { get; init; } = 1_000_000;

    /// <summary>Models that the registry does not have.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];
}

/// <summary>A GGUF file in the store.</summary>
/// <param name="Digest"><c>sha256:</c> and 64 hexadecimal digits.</param>
/// <param name="Capabilities">What a model made of it can do; null for completion.</param>
/// <param name="Quantization">Its quantization, such as <c>Q8_0</c>.</param>
/// <param name="Size">Bytes.</param>
public sealed record DoubleBlob(string Digest, IReadOnlyList<string>? Capabilities = null, string Quantization = "Q8_0", long Size = 1_000_000);
