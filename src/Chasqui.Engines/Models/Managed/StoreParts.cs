using System.Text;

namespace Chasqui.Engines.Models.Managed;

/// <summary>The parts of the store that work on it shares.</summary>
internal sealed record StoreParts(BlobStore Blobs, ManifestStore Manifests, StoreSweep Sweep, StoreLock Lock, BlobPins Pins)
{
    private const int MaxAttempts = 10;

    /// <summary>Keeps a text as a layer. It says whether the store had it.</summary>
    public async Task<StoredLayer> AddTextAsync(string kind, string text, CancellationToken cancellationToken)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length > OllamaManifest.MaxText)
            throw new InvalidRequestException($"the {kind} has {bytes.Length} bytes, but at most {OllamaManifest.MaxText} are allowed");
        var digest = BlobDigest.OfHash(System.Security.Cryptography.SHA256.HashData(bytes));
        var had = Blobs.Has(digest);
        await Blobs.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        return new StoredLayer(kind, digest, bytes.Length, Status: StatusOf(digest, had));
    }

    public static string StatusOf(BlobDigest digest, bool had) => $"{(had ? "using existing layer" : "creating new layer")} {digest}";

    /// <summary>Makes a model, anew where another process has removed a part of it meanwhile: the last model that named the part is gone.</summary>
    /// <param name="make">Makes it; told whether it is the first time.</param>
    /// <exception cref="EngineFailedException">It happened again and again.</exception>
    public static async Task UntilWholeAsync(Func<bool, Task> make)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await make(attempt == 1).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (e is BlobGoneException or FileNotFoundException)
            {
                if (attempt == MaxAttempts)
                    throw new EngineFailedException("parts of the model are removed by another process as fast as they are made; try again later", e);
            }
        }
    }

    /// <summary>Gives a name to a manifest, once all its blobs are there, and removes what only the old one of that name needed.</summary>
    /// <exception cref="BlobGoneException">A blob has been removed meanwhile.</exception>
    public async Task CommitAsync(ModelName name, byte[] manifest, IEnumerable<BlobDigest> needed, CancellationToken cancellationToken)
    {
        using var held = await Lock.AcquireAsync(cancellationToken).ConfigureAwait(false);
        foreach (var digest in needed)
        {
            if (!Blobs.Has(digest))
                throw new BlobGoneException();
        }
        var old = OldBlobs(name);
        await Manifests.WriteAsync(name, manifest, cancellationToken).ConfigureAwait(false);
        Sweep.Remove(old);
        Sweep.Run();
    }

    /// <summary>The blobs of the model that has this name now; none where there is none, or nobody can tell.</summary>
    public IReadOnlyList<string> OldBlobs(ModelName name)
    {
        try
        {
            return Manifests.Find(name) is { } path ? [.. ManifestStore.BlobsOf(Manifests.Read(path))] : [];
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return [];
        }
    }
}

/// <summary>A blob that was there is gone.</summary>
internal sealed class BlobGoneException : Exception;
