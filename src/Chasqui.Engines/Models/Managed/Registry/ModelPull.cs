using System.Net;
using System.Net.Http.Headers;

namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>Fetches models, with the steps and in the words of Ollama's <c>PullModel</c>.</summary>
internal sealed class ModelPull(StoreParts store, RegistryClient registry, BlobDownload download, StoreSpace space, RegistryOptions options, TimeProvider time)
{
    private const int MaxLayers = 1000;

    public async Task RunAsync(RegistryReference reference, IProgressSink progress, CancellationToken cancellationToken)
    {
        await progress.SayAsync(new ModelProgress("pulling manifest")).ConfigureAwait(false);
        var (bytes, manifest) = await ManifestAsync(reference, cancellationToken).ConfigureAwait(false);
        var layers = manifest.Layers.Concat(manifest.ConfigLayer is { } config ? [config] : []).Select(StoredLayer.Of).DistinctBy(layer => layer.Digest).ToList();
        space.RequireSize(manifest.Size, $"model '{reference.Name.Short}'");
        if (layers.Count > MaxLayers)
            throw new InvalidRequestException($"model '{reference.Name.Short}' has {layers.Count} layers, but at most {MaxLayers} are allowed");
        space.RequireRoom(layers.Where(layer => !store.Blobs.Has(layer.Digest)).Sum(layer => layer.Size - Kept(layer)));
        var pins = layers.ConvertAll(layer => store.Pins.Pin(layer.Digest));
        try
        {
            await StoreParts.UntilWholeAsync(async first =>
            {
                var said = first ? progress : Silence.Instance;
                foreach (var layer in layers)
                    await download.FetchAsync(reference, layer, progress, cancellationToken).ConfigureAwait(false);
                // Each was verified as it came.
                await said.SayAsync(new ModelProgress("verifying sha256 digest")).ConfigureAwait(false);
                await said.SayAsync(new ModelProgress("writing manifest")).ConfigureAwait(false);
                await store.CommitAsync(reference.Name, bytes, layers.Select(layer => layer.Digest), cancellationToken).ConfigureAwait(false);
            }).ConfigureAwait(false);
            await progress.SayAsync(new ModelProgress("success")).ConfigureAwait(false);
        }
        catch (RegistryException e)
        {
            throw new EngineFailedException(e.Message, e);
        }
        finally
        {
            pins.ForEach(pin => pin.Dispose());
        }
    }

    /// <summary>Bytes on the disk of what an earlier pull has left, none more than the whole.</summary>
    private long Kept(StoredLayer layer)
    {
        var file = new FileInfo(store.Blobs.PathOf(layer.Digest) + PartialBlob.Suffix);
        return file.Exists ? Math.Min(file.Length, layer.Size) : 0;
    }

    private async Task<(byte[] Bytes, OllamaManifest Manifest)> ManifestAsync(RegistryReference reference, CancellationToken cancellationToken)
    {
        try
        {
            var bytes = await Retry.RunAsync(() => ReadAsync(reference, cancellationToken), () => 0, options, time, cancellationToken).ConfigureAwait(false);
            var manifest = OllamaManifest.Parse(bytes);
            if (manifest.Layers.Any(layer => layer.MediaType.EndsWith(".tensor", StringComparison.Ordinal)))
                throw new InvalidDataException("its weights are in the format safetensors, and only gguf can be used");
            if (!manifest.Of("model").Any())
                throw new InvalidDataException("its manifest names no weights (it may be a model of Ollama's cloud)");
            return (bytes, manifest);
        }
        catch (RegistryException e) when (e.Status == HttpStatusCode.NotFound)
        {
            throw new RegistryModelNotFoundException(reference.Name.Short, $"pull model manifest: {e.Message}", e);
        }
        catch (Exception e) when (e is RegistryException or InvalidDataException or InvalidRequestException)
        {
            throw new EngineFailedException($"pull model manifest: {e.Message}", e);
        }
    }

    private async Task<byte[]> ReadAsync(RegistryReference reference, CancellationToken cancellationToken)
    {
        using var response = await registry.SendAsync(reference, () => new HttpRequestMessage(HttpMethod.Get, reference.Manifest)
        {
            Headers = { Accept = { new MediaTypeWithQualityHeaderValue(StoredLayer.ManifestType) } },
        }, cancellationToken).ConfigureAwait(false);
        using var silence = registry.Watch();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        try
        {
            await response.Content.LoadIntoBufferAsync(OllamaManifest.MaxText, stop.Token).ConfigureAwait(false);
            return await response.Content.ReadAsByteArrayAsync(stop.Token).ConfigureAwait(false);
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            throw new RegistryException($"the manifest is larger than {OllamaManifest.MaxText} bytes", mayRetry: false, e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new RegistryException($"{reference.Name.Host} broke off the manifest: {e.Message}", mayRetry: true, e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RegistryException($"{reference.Name.Host} sent nothing for {options.Stall.TotalSeconds:0.#} s", mayRetry: true, e);
        }
    }
}
