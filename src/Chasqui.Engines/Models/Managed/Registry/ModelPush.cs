using System.Net.Http.Headers;

namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>Sends models, with the steps and in the words of Ollama's <c>PushModel</c>.</summary>
internal sealed class ModelPush(ModelStore models, RegistryClient registry, BlobUpload upload, RegistryOptions options, TimeProvider time)
{
    public async Task RunAsync(string asked, RegistryReference reference, IProgressSink progress, CancellationToken cancellationToken)
    {
        await progress.SayAsync(new ModelProgress("retrieving manifest")).ConfigureAwait(false);
        if (models.Locate(reference.Name) is not { } source)
        {
            await progress.SayAsync(new ModelProgress("couldn't retrieve manifest")).ConfigureAwait(false);
            throw models.NotFound(asked, reference.Name, cancellationToken);
        }
        if (source is not OllamaSource stored)
            throw new InvalidRequestException($"model '{source.Name.Short}' is a GGUF file in a folder; create a model from it first, and push that");

        try
        {
            var bytes = BoundedFile.Read(stored.ManifestPath, OllamaManifest.MaxText, "its manifest");
            var manifest = OllamaManifest.Parse(bytes);
            foreach (var layer in manifest.Layers.Concat(manifest.ConfigLayer is { } config ? [config] : []).Select(StoredLayer.Of).DistinctBy(layer => layer.Digest))
            {
                var path = stored.PathOf(layer.Digest.FileName);
                await upload.SendAsync(reference, layer with { Size = new FileInfo(path).Length }, path, progress, cancellationToken).ConfigureAwait(false);
            }
            await progress.SayAsync(new ModelProgress("pushing manifest")).ConfigureAwait(false);
            using var done = await Retry.RunAsync(() => registry.SendAsync(reference, () => Put(reference, bytes), cancellationToken), () => 0, options, time, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (RegistryException e)
        {
            throw new EngineFailedException(e.Message, e);
        }
        catch (InvalidDataException e)
        {
            throw new ModelLoadException(source.Name.Short, e.Message, e);
        }
        await progress.SayAsync(new ModelProgress("success")).ConfigureAwait(false);
    }

    private static HttpRequestMessage Put(RegistryReference reference, byte[] manifest) => new(HttpMethod.Put, reference.Manifest)
    {
        Content = new ByteArrayContent(manifest) { Headers = { ContentType = new MediaTypeHeaderValue(StoredLayer.ManifestType) } },
    };
}
