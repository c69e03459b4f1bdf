using System.Text.Json;
using Chasqui.Engines.Templates;

namespace Chasqui.Engines.Models.Managed;

/// <summary>What a new model begins with: the layers of another one, or of a file.</summary>
/// <param name="Layers">The layers.</param>
/// <param name="Config">The configuration to go on with; null for a new one.</param>
internal sealed record BaseModel(List<StoredLayer> Layers, JsonElement? Config)
{
    /// <summary>Of a GGUF file that is a blob already: the weights, and a template with its parameters where its family is recognised.</summary>
    public static async Task<BaseModel> OfFileAsync(StoreParts store, GgufFile file, StoredLayer weights, CancellationToken cancellationToken)
    {
        List<StoredLayer> layers = [weights];
        if (Detect(file) is { } template)
        {
            var text = await store.AddTextAsync("template", template.Template, cancellationToken).ConfigureAwait(false);
            layers.Add(text with { Status = $"using autodetected template {template.Family}" });
            var stop = GoJson.Marshal(JsonSerializer.SerializeToElement(new Dictionary<string, IReadOnlyList<string>> { ["stop"] = template.Stop }));
            layers.Add(await store.AddTextAsync("params", stop + "\n", cancellationToken).ConfigureAwait(false));
        }
        return new BaseModel(layers, null);
    }

    /// <summary>The file's family, where its template in our words can all that the file's own can; else the file's own stays in use.</summary>
    private static KnownTemplate? Detect(GgufFile file)
    {
        if (file.ChatTemplate.Length == 0 || KnownTemplates.Recognize(file.ChatTemplate) is not { } known)
            return null;
        var own = ModelCapabilities.Of(file, file.ChatTemplate, isGo: false, [], hasProjector: false);
        return own.SequenceEqual(ModelCapabilities.Of(file, known.Template, isGo: true, [], hasProjector: false)) ? known : null;
    }
}
