using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Chasqui.OllamaDouble;

/// <summary>A model in the store.</summary>
internal sealed record StoredModel(string Name, DoubleModel Script, string Digest, string Blob, DateTimeOffset ModifiedAt);

/// <summary>The node's models and blobs: what <c>/api/tags</c> lists, and what pull, create, copy and delete change.</summary>
internal sealed class ModelStore(TimeProvider time)
{
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, StoredModel> _models = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, DoubleBlob> _blobs = new(StringComparer.OrdinalIgnoreCase);

    public void Seed(DoubleScript script)
    {
        _models.Clear();
        _blobs.Clear();
        foreach (var model in script.Models)
            Put(model.Name, model);
        foreach (var blob in script.Blobs)
            _blobs[blob.Digest] = blob;
    }

    /// <summary>The model of that name; null for none.</summary>
    public StoredModel? Find(string canonical) => _models.GetValueOrDefault(canonical);

    public StoredModel Put(string name, DoubleModel model)
    {
        if (_models.Count >= Most)
            throw new ApiException(500, $"the double holds at most {Most} models");
        if (!ModelName.TryParse(name, out var canonical))
            throw new ApiException(400, "invalid model name");
        var stored = new StoredModel(canonical, model, model.Digest ?? Hash("manifest " + canonical), model.Blob ?? Hash("weights " + canonical), time.GetUtcNow());
        // The case of a name that is there stays.
        return _models[canonical] = _models.TryGetValue(canonical, out var old) ? stored with { Name = old.Name } : stored;
    }

    public bool Remove(string canonical) => _models.TryRemove(canonical, out _);

    /// <summary>The newest first, by whole seconds (recorded).</summary>
    public IReadOnlyList<StoredModel> All() =>
        [.. _models.Values.OrderByDescending(model => model.ModifiedAt.ToUnixTimeSeconds()).ThenBy(model => model.Name, StringComparer.OrdinalIgnoreCase)];

    public DoubleBlob? FindBlob(string digest) => _blobs.GetValueOrDefault(digest);

    public void PutBlob(DoubleBlob blob)
    {
        if (_blobs.Count >= Most)
            throw new ApiException(500, $"the double holds at most {Most} blobs");
        _blobs[blob.Digest] = blob;
    }

    public static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
