using System.Collections.Concurrent;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.Ollama;

/// <summary>What models can do, for versions of Ollama whose list does not say: asked of each model once, a few with each report. Thread-safe.</summary>
internal sealed class OllamaCapabilities(NodeHttp http)
{
    private const int PerReport = 8;

    // By the digest: what a model can do changes only with its manifest.
    private readonly ConcurrentDictionary<string, IReadOnlyList<string>> _known = new(StringComparer.Ordinal);

    /// <summary>The list with what is known; a model whose turn has not come yet stays as it is.</summary>
    public async Task<IReadOnlyList<ModelSummary>> FillAsync(IReadOnlyList<ModelSummary> models, CancellationToken cancellationToken)
    {
        if (models.All(m => m.Capabilities.Count > 0))
            return models;
        var there = models.Select(m => m.Digest).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _known.Keys.Where(digest => !there.Contains(digest)))
            _known.TryRemove(gone, out _);
        var asking = models.Where(m => m.Capabilities.Count == 0 && m.Digest.Length > 0 && !_known.ContainsKey(m.Digest))
            .DistinctBy(m => m.Digest).Take(PerReport).Select(m => AskAsync(m, cancellationToken));
        await Task.WhenAll(asking).ConfigureAwait(false);
        return [.. models.Select(m => m.Capabilities.Count == 0 && _known.TryGetValue(m.Digest, out var found) ? m with { Capabilities = found } : m)];
    }

    private async Task AskAsync(ModelSummary model, CancellationToken cancellationToken)
    {
        var call = new HttpCall { Method = HttpMethod.Post, Path = "/api/show", Body = OllamaRequests.Named(model.Name), Model = model.Name, Limits = http.Asking };
        try
        {
            _known[model.Digest] = await http.AskAsync(call, json => json.Texts("capabilities"), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ModelNotFoundException or InvalidRequestException or UnsupportedCapabilityException)
        {
            // Removed since it was listed, or of a form that this version cannot show.
            _known[model.Digest] = [];
        }
    }
}
