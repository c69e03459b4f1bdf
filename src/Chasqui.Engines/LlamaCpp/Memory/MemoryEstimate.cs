using System.Text.Json.Nodes;

namespace Chasqui.Engines.LlamaCpp.Memory;

/// <summary>What a model takes in memory, estimated from its file's metadata before anything is allocated.</summary>
internal sealed class MemoryEstimate
{
    private const int CacheBytesPerValue = 2; // F16

    private readonly long _embedding;
    private readonly long _feedForward;
    private readonly long _vocabulary;
    private readonly long _heads;

    /// <param name="model">What is known of the model.</param>
    internal MemoryEstimate(ModelDescription model)
    {
        var metadata = model.Metadata;
        var architecture = Text(metadata, "general.architecture");
        string Key(string name) => $"{architecture}.{name}";

        WeightBytes = model.Summary.SizeBytes;
        TrainedContext = (int)Number(metadata, Key("context_length"), 2048);
        _embedding = Number(metadata, Key("embedding_length"), 4096);
        _feedForward = Number(metadata, Key("feed_forward_length"), 4 * _embedding);
        _vocabulary = Number(metadata, Key("vocab_size"), 0) is > 0 and var size ? size : VocabularyOf(model);
        _heads = Math.Max(1, Number(metadata, Key("attention.head_count"), 1));
        var layers = Number(metadata, Key("block_count"), 32);
        var headSize = _embedding / _heads;
        var keys = Number(metadata, Key("attention.key_length"), headSize);
        var values = Number(metadata, Key("attention.value_length"), headSize);
        // An array gives the heads layer by layer; its largest is a safe side.
        var cacheHeads = Number(metadata, Key("attention.head_count_kv"), _heads);
        CacheBytesPerToken = layers * cacheHeads * (keys + values) * CacheBytesPerValue;
    }

    internal long WeightBytes { get; }

    internal int TrainedContext { get; }

    /// <summary>Bytes of cache for one token of one sequence.</summary>
    internal long CacheBytesPerToken { get; }

    /// <summary>Bytes of the caches and of the buffers for computing, without the weights.</summary>
    /// <param name="slots">Sequences at once.</param>
    /// <param name="context">Tokens of each.</param>
    /// <param name="batch">Tokens of a step.</param>
    internal long ContextBytes(int slots, int context, int batch)
    {
        var cache = CacheBytesPerToken * slots * context;
        // The widest live tensors of a step: the residual stream, the feed-forward pair, the mask, and the logits.
        var compute = 4L * batch * ((4 * _embedding) + (2 * _feedForward) + context) + (4L * slots * _vocabulary * 2);
        return cache + compute + (8L << 20);
    }

    internal long TotalBytes(int slots, int context, int batch) => WeightBytes + ContextBytes(slots, context, batch);

    private static long VocabularyOf(ModelDescription model) =>
        model.Tensors.FirstOrDefault(t => t.Name == "token_embd.weight") is { Shape.Count: 2 } table ? table.Shape[1] : 32_000;

    private static string Text(IReadOnlyDictionary<string, JsonNode?> metadata, string key) =>
        metadata.TryGetValue(key, out var node) && node is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";

    private static long Number(IReadOnlyDictionary<string, JsonNode?> metadata, string key, long fallback) =>
        metadata.TryGetValue(key, out var node) ? Number(node, fallback) : fallback;

    private static long Number(JsonNode? node, long fallback) => node switch
    {
        JsonArray { Count: > 0 } array => array.Max(n => Number(n, fallback)),
        JsonValue value when value.TryGetValue<long>(out var n) => n,
        JsonValue value when value.TryGetValue<ulong>(out var n) => (long)Math.Min(n, long.MaxValue),
        JsonValue value when value.TryGetValue<int>(out var n) => n,
        JsonValue value when value.TryGetValue<uint>(out var n) => n,
        _ => fallback,
    };
}
