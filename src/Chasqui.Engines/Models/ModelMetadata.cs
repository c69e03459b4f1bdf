using System.Text.Json.Nodes;

namespace Chasqui.Engines.Models;

/// <summary>A model's metadata as <c>/api/show</c> shows it.</summary>
public static class ModelMetadata
{
    private const string ParameterCount = "general.parameter_count";

    // Arrays beyond this stay null even where everything is asked for; the largest vocabularies have some 300,000 tokens.
    private const long MaxShown = 1 << 20;

    /// <summary>
    /// The <c>model_info</c> of <c>/api/show</c>: the metadata with <c>general.parameter_count</c>, without the name and the
    /// template, which are shown elsewhere, ordered by key. Arrays are null unless <paramref name="verbose"/>, when they are
    /// read from the file (which can take a second and some 100 MB for a large vocabulary).
    /// </summary>
    /// <exception cref="ModelLoadException">Verbose, and the file is gone or has changed.</exception>
    public static JsonObject ForShow(ModelDescription model, bool verbose = false, CancellationToken cancellationToken = default)
    {
        try
        {
            var file = verbose ? GgufFile.Read(model.Path, cancellationToken) : null;
            var shown = new JsonObject();
            foreach (var (key, value) in model.Metadata.OrderBy(p => p.Key, StringComparer.Ordinal))
            {
                if (key is "general.name" or "tokenizer.chat_template")
                    continue;
                shown[key] = file is not null && file.HasArray(key, out var count)
                    ? (count <= MaxShown ? file.ReadArray(key, cancellationToken) : null)
                    : value is JsonArray ? null : value?.DeepClone();
            }
            return shown;
        }
        catch (Exception e) when (e is GgufFormatException or IOException or UnauthorizedAccessException)
        {
            throw new ModelLoadException(model.Summary.Name, e.Message, e);
        }
    }

    internal static Dictionary<string, JsonNode?> WithParameterCount(IReadOnlyDictionary<string, JsonNode?> metadata, long parameters)
    {
        var all = new Dictionary<string, JsonNode?>(metadata, StringComparer.Ordinal);
        all[ParameterCount] = JsonValue.Create(parameters);
        return all;
    }
}
