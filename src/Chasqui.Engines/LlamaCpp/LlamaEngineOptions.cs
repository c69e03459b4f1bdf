using System.ComponentModel.DataAnnotations;

namespace Chasqui.Engines.LlamaCpp;

/// <summary>Settings of the embedded engine. Read once, when the engine is made.</summary>
public sealed record LlamaEngineOptions
{
    /// <summary>Requests that one model decodes at once, 1 to 64. Default 16; fewer where their caches do not fit in memory.</summary>
    [Range(1, 64)]
    public int Slots { get; init; } = 16;

    /// <summary>Tokens of context for each request where the request does not say, 4 to 1,048,576. Default 4096, at most what the model was trained for.</summary>
    [Range(4, 1 << 20)]
    public int ContextLength { get; init; } = 4096;

    /// <summary>Tokens computed in one step, 32 to 8192. Default 512.</summary>
    [Range(32, 8192)]
    public int BatchTokens { get; init; } = 512;

    /// <summary>Threads for the arithmetic, 1 to 512; 0 for all cores but one, so that a core is left to the gateway; on up
    /// to eight cores, steps of many tokens borrow that one too for as long as it is measured to pay. Default 0.
    /// More threads than free cores make everything slower: they wait for each other spinning.</summary>
    [Range(0, 512)]
    public int Threads { get; init; }

    /// <summary>Requests of one model that may wait for a slot, 0 to 100,000. Default 512, as Ollama's.</summary>
    [Range(0, 100_000)]
    public int QueueLimit { get; init; } = 512;

    /// <summary>Seconds after which what was computed of a conversation is forgotten that nobody has gone on with, 0 to 86,400; 0 to keep it until its slot is needed. Default 600.
    /// As long as it is there, each step of the others computes past it.</summary>
    [Range(0, 86_400)]
    public int PrefixIdleSeconds { get; init; } = 600;

    /// <summary>Models in memory at once, 1 to 64. Default 3.</summary>
    [Range(1, 64)]
    public int MaxLoadedModels { get; init; } = 3;

    /// <summary>How long a model stays in memory after its last request. Default 5 minutes, as Ollama's.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Bytes of memory that models may take together; 0 for what the machine (or its control group) has free. Default 0.</summary>
    [Range(0, long.MaxValue)]
    public long MemoryLimitBytes { get; init; }

    /// <summary>Bytes of memory that are left free when a model is loaded. Default 256 MiB.</summary>
    [Range(0, long.MaxValue)]
    public long MemoryReserveBytes { get; init; } = 256L << 20;

    /// <summary>Above this the borrowed core gains less than the trials cost.</summary>
    private const int MostCoresToBorrow = 8;

    /// <summary>Threads that steps of many tokens may use; as many as always where their number was said.</summary>
    internal int MostThreads => Threads > 0 || Environment.ProcessorCount > MostCoresToBorrow ? EffectiveThreads : Environment.ProcessorCount;

    /// <summary><see cref="Threads"/> with its default filled in.</summary>
    internal int EffectiveThreads => Threads > 0 ? Threads : Math.Max(1, Environment.ProcessorCount - 1);
}
