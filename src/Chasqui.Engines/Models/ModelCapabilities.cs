using System.Text.RegularExpressions;

namespace Chasqui.Engines.Models;

/// <summary>Tells what a model can do from its file and its template, by the rules of Ollama's <c>server/images.go</c>.</summary>
internal static partial class ModelCapabilities
{
    /// <summary>Architectures that read a text and do not go on with it.</summary>
    private static readonly HashSet<string> _encoders = new(StringComparer.Ordinal)
    {
        "bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "eurobert",
        "gemma-embedding", "llama-embed", "t5encoder",
    };

    private static readonly string[] _fillInTheMiddle = ["pre", "suf", "mid"];

    private static readonly string[] _order = ["completion", "embedding", "vision", "tools", "insert", "thinking"];

    /// <summary>
    /// <c>embedding</c> for an encoder and for a model that says how it pools, else <c>completion</c>; then what the template and
    /// the projector add, in the order of <see cref="_order"/>.
    /// </summary>
    /// <param name="file">The header of the weights.</param>
    /// <param name="template">The template in use; empty for none.</param>
    /// <param name="isGo">Whether that is in Go's form, not Jinja.</param>
    /// <param name="declared">What the store says itself.</param>
    /// <param name="hasProjector">Whether an image projector belongs to the model.</param>
    public static IReadOnlyList<string> Of(
        GgufFile file, string template, bool isGo, IReadOnlyCollection<string> declared, bool hasProjector)
    {
        var found = new HashSet<string>(declared, StringComparer.Ordinal)
        {
            IsEmbedding(file) ? "embedding" : "completion",
        };
        if (hasProjector || file.GetInteger($"{file.Architecture}.vision.block_count") is > 0)
            found.Add("vision");
        if (isGo)
            AddGo(template, found);
        else
            AddJinja(file, template, found);
        if (file.Architecture is "gptoss" or "gpt-oss")
            found.Add("thinking");
        return [.. _order.Where(found.Contains)];
    }

    private static bool IsEmbedding(GgufFile file) => file.PoolingType is > 0 || _encoders.Contains(file.Architecture);

    private static void AddGo(string template, HashSet<string> found)
    {
        foreach (var action in GoActions().EnumerateMatches(template))
        {
            foreach (var variable in GoVariables().EnumerateMatches(template.AsSpan(action.Index, action.Length)))
            {
                found.Add(template[action.Index + variable.Index + 1] switch
                {
                    'S' => "insert",
                    _ when template.AsSpan(action.Index + variable.Index).StartsWith(".Tools") => "tools",
                    _ => "thinking",
                });
            }
        }
    }

    /// <summary>Whether a template in Jinja's form knows tools, and whether it knows thinking.</summary>
    internal static (bool Tools, bool Thinking) OfJinja(string template)
    {
        bool Has(string text) => template.Contains(text, StringComparison.Ordinal);
        var strips = (Has("content.split('</think>')") || Has("content.split(\"</think>\")")) && !Has("reasoning_content");
        return (Has("tools") || Has("tool_call"), (Has("<think>") && Has("</think>")) || strips);
    }

    private static void AddJinja(GgufFile file, string template, HashSet<string> found)
    {
        var (tools, thinking) = OfJinja(template);
        if (tools)
            found.Add("tools");
        if (thinking)
            found.Add("thinking");
        if (_fillInTheMiddle.All(part => file.GetInteger($"tokenizer.ggml.fim_{part}_token_id") is >= 0))
            found.Add("insert");
    }

    [GeneratedRegex(@"\{\{.*?\}\}", RegexOptions.Singleline | RegexOptions.NonBacktracking)]
    private static partial Regex GoActions();

    [GeneratedRegex(@"\.(Tools|Suffix|Thinking)\b", RegexOptions.NonBacktracking)]
    private static partial Regex GoVariables();
}
