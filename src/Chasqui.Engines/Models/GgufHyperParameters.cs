using System.Text.Json.Nodes;

namespace Chasqui.Engines.Models;

/// <summary>
/// Refuses hyper-parameters for which llama.cpp would end the process instead of reporting an error, or which no model can have
/// (<c>llama_model_base::load_hparams</c>). What it reports itself is left to it.
/// </summary>
internal static class GgufHyperParameters
{
    // LLAMA_MAX_LAYERS and LLAMA_MAX_EXPERTS
    private const long MaxLayers = 512;
    private const long MaxExperts = 1024;

    private static readonly string[] _ropeScalings = ["none", "linear", "yarn", "longrope"];

    // Architectures in which every layer has attention heads that divide the width. Others (recurrent ones, hybrids, those with
    // a table for each layer) are not held to that.
    private static readonly HashSet<string> _uniform = new(StringComparer.Ordinal)
    {
        "llama", "llama4", "mistral3", "qwen", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "gemma", "gemma2", "gemma3", "phi2", "phi3",
        "gpt2", "gptneox", "gptj", "bloom", "falcon", "mpt", "starcoder", "starcoder2", "stablelm", "olmo", "olmo2", "granite",
        "command-r", "internlm2", "minicpm", "smollm3", "bert", "nomic-bert", "gpt-oss",
    };

    public static void Check(GgufFile file)
    {
        if (file.SplitCount == 1 && file.Tensors.Count == 0)
            throw new GgufFormatException("it has no tensors, so it is a vocabulary or a description and not a model");
        // The other parts of a split model have no hyper-parameters.
        if (file.GetInteger("split.no") is > 0)
            return;

        Within(file, "block_count", 1, MaxLayers);
        Within(file, "context_length", 1, uint.MaxValue);
        Within(file, "embedding_length", 1, uint.MaxValue);
        if (Get(file, "nextn_predict_layers") is { } extra && (extra < 0 || extra > file.BlockCount))
            throw Wrong(file, "nextn_predict_layers", extra, $"from 0 to {file.BlockCount}, its block_count");
        CheckHeads(file);
        CheckExperts(file);
        CheckEpsilons(file);
        if (file.GetText($"{file.Architecture}.rope.scaling.type") is { } scaling && !_ropeScalings.Contains(scaling, StringComparer.Ordinal))
        {
            throw new GgufFormatException($"its {file.Architecture}.rope.scaling.type is \"{GgufMetadataParser.Show(scaling)}\", "
                + $"but must be one of {string.Join(", ", _ropeScalings)}");
        }
    }

    private static void CheckHeads(GgufFile file)
    {
        var key = $"{file.Architecture}.attention.head_count";
        foreach (var perLayer in (string[])[key, key + "_kv", $"{file.Architecture}.feed_forward_length"])
        {
            if (file.HasArray(perLayer, out var count) && count != file.BlockCount)
                throw new GgufFormatException($"its {perLayer} has {count} elements, but must have {file.BlockCount}, one for each block");
        }
        if (!_uniform.Contains(file.Architecture) || file.Metadata.GetValueOrDefault(key) is JsonArray)
            return;

        Within(file, "attention.head_count", 1, uint.MaxValue);
        var heads = Get(file, "attention.head_count") ?? 1;
        if (Get(file, "attention.key_length") is null && file.EmbeddingLength % heads != 0)
            throw Wrong(file, "attention.head_count", heads, $"a divisor of its embedding_length, {file.EmbeddingLength}");
        if (Get(file, "attention.head_count_kv") is { } shared && (shared <= 0 || heads % shared != 0))
            throw Wrong(file, "attention.head_count_kv", shared, $"a divisor of its attention.head_count, {heads}");
    }

    private static void CheckEpsilons(GgufFile file)
    {
        foreach (var name in (string[])["layer_norm_rms_epsilon", "layer_norm_epsilon", "group_norm_epsilon"])
        {
            var key = $"{file.Architecture}.attention.{name}";
            // A number that is not finite is null in the metadata.
            if (file.Metadata.TryGetValue(key, out var node)
                && !(node is JsonValue value && value.TryGetValue<float>(out var epsilon) && epsilon >= 0))
            {
                throw new GgufFormatException($"its {key} must be a finite number of the type float32, 0 or more");
            }
        }
    }

    private static void CheckExperts(GgufFile file)
    {
        var experts = Get(file, "expert_count") ?? 0;
        if (experts is < 0 or > MaxExperts)
            throw Wrong(file, "expert_count", experts, $"from 0 to {MaxExperts}");
        // Hunyuan's dense models say 1 expert, which llama.cpp takes for none.
        if (file.HasArray($"{file.Architecture}.expert_used_count", out _) || file.Architecture.StartsWith("hunyuan", StringComparison.Ordinal))
            return;
        var used = Get(file, "expert_used_count") ?? 0;
        if (used < 0 || used > experts || (experts > 0 && used == 0))
            throw Wrong(file, "expert_used_count", used, experts == 0 ? "0, as it has no experts" : $"from 1 to {experts}, its expert_count");
        var groups = Get(file, "expert_group_count") ?? 0;
        if (groups < 0 || (experts == 0 && groups > 0) || (experts > 0 && groups >= experts))
            throw Wrong(file, "expert_group_count", groups, $"below its expert_count, {experts}");
        if (groups <= 1)
            return;
        if (experts % groups != 0)
            throw Wrong(file, "expert_group_count", groups, $"a divisor of its expert_count, {experts}");
        var usedGroups = Get(file, "expert_group_used_count") ?? 0;
        if (usedGroups <= 0 || usedGroups >= groups)
            throw Wrong(file, "expert_group_used_count", usedGroups, $"from 1 to {groups - 1}");
    }

    private static long? Get(GgufFile file, string key) => file.GetInteger($"{file.Architecture}.{key}");

    private static void Within(GgufFile file, string key, long low, long high)
    {
        var value = Get(file, key)
            ?? throw new GgufFormatException($"its metadata has no whole number {file.Architecture}.{key}");
        if (value < low || value > high)
            throw Wrong(file, key, value, $"from {low} to {high}");
    }

    private static GgufFormatException Wrong(GgufFile file, string key, long value, string right) =>
        new($"its {file.Architecture}.{key} is {value}, but must be {right}");
}
