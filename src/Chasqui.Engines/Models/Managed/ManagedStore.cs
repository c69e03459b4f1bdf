using Chasqui.Engines.Models.Managed.Registry;

namespace Chasqui.Engines.Models.Managed;

/// <summary>
/// A store of our own, in Ollama's layout: models are pulled, made, copied and removed here, and never anywhere else. Thread-safe; several
/// processes may use one folder.
/// </summary>
/// <remarks>
/// <para>Every file appears under its name only when its bytes are on the disk and, for a blob, are what its digest says; a manifest comes after its
/// blobs and goes before them. So whatever ends a process leaves each model whole, old or new.</para>
/// <para>A blob that no model names goes with the last model that did, or a day after it came. A model of another place is taken in by a hard link, or by a
/// copy where there can be none; that place is not changed.</para>
/// </remarks>
public sealed class ManagedStore : IModelManager, IAsyncDisposable
{
    private readonly ModelStore _models;
    private readonly StoreParts _parts;
    private readonly ModelCreator _creator;
    private readonly ModelPush _push;
    private readonly SharedPulls _pulls;
    private readonly RegistryClient _registry;

    /// <summary>Makes the store; nothing is read or written yet.</summary>
    /// <param name="options">Where it is.</param>
    /// <param name="models">All models that others may be made from, this store's among them.</param>
    /// <param name="time">The clock.</param>
    public ManagedStore(ManagedStoreOptions options, ModelStore models, TimeProvider time)
        : this(options, models, time, new RegistryOptions(), new StoreFiles())
    {
    }

    internal ManagedStore(ManagedStoreOptions options, ModelStore models, TimeProvider time, RegistryOptions registry, StoreFiles files)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(models);
        _models = models;
        var space = new StoreSpace(options.Folder, options.MaxModelBytes);
        var blobs = new BlobStore(options.Folder, files, space);
        var manifests = new ManifestStore(options.Folder, files, time);
        var pins = new BlobPins(time);
        var sweep = new StoreSweep(options.Folder, blobs, manifests, files, pins, time);
        _parts = new StoreParts(blobs, manifests, sweep, new StoreLock(options.Folder, time), pins);
        _registry = new RegistryClient(registry with { Private = options.PrivateRegistries }, time);
        var pull = new ModelPull(_parts, _registry, new BlobDownload(_registry, blobs, files, space, registry, time), space, registry, time);
        _pulls = new SharedPulls(pull.RunAsync);
        _push = new ModelPush(models, _registry, new BlobUpload(_registry, registry, time), registry, time);
        _creator = new ModelCreator(_parts, models, (name, ct) => _pulls.RunAsync(RegistryReference.Parse(name, insecure: false), ct));
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _pulls.RunAsync(RegistryReference.Parse(request.Model, request.Insecure), cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var reference = RegistryReference.Parse(request.Model, request.Insecure);
        return ProgressStream.RunAsync((progress, ct) => _push.RunAsync(request.Model, reference, progress, ct), cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return ProgressStream.RunAsync((progress, ct) => _creator.CreateAsync(request, progress, ct), cancellationToken);
    }

    /// <inheritdoc/>
    public async Task CopyAsync(string source, string destination, CancellationToken cancellationToken = default)
    {
        var (from, to) = (ModelName.Parse(source), ModelName.Parse(destination));
        var model = _models.Locate(from) ?? throw _models.NotFound(source, from, cancellationToken);
        if (from.Equals(to))
            return;
        if (model is GgufSource)
        {
            // It gets a manifest, as any model that is made from it.
            await foreach (var _ in CreateAsync(new CreateRequest { Model = destination, From = source }, cancellationToken).ConfigureAwait(false))
            {
            }
            return;
        }

        await GuardAsync(() => CopyAsync((OllamaSource)model, to, cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task DeleteAsync(string model, CancellationToken cancellationToken = default)
    {
        var name = ModelName.Parse(model);
        await GuardAsync(async () =>
        {
            using var held = await _parts.Lock.AcquireAsync(cancellationToken).ConfigureAwait(false);
            if (_parts.Manifests.Find(name) is not { } path)
                throw Missing(model, name, cancellationToken);
            var blobs = _parts.OldBlobs(name);
            _parts.Manifests.Delete(path);
            _parts.Sweep.Remove(blobs);
            _parts.Sweep.Run();
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken = default)
    {
        var wanted = BlobDigest.Parse(digest);
        var has = _parts.Blobs.Has(wanted);
        if (has)
            _parts.Pins.Promise(wanted);
        return Task.FromResult(has);
    }

    /// <inheritdoc/>
    public async Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        var wanted = BlobDigest.Parse(digest);
        await GuardAsync(() => _parts.Blobs.WriteAsync(wanted, content, cancellationToken)).ConfigureAwait(false);
        _parts.Pins.Promise(wanted);
    }

    /// <summary>Ends transfers; what they have fetched stays for the next time.</summary>
    public async ValueTask DisposeAsync()
    {
        await _pulls.DisposeAsync().ConfigureAwait(false);
        _registry.Dispose();
        _parts.Lock.Dispose();
    }

    private async Task CopyAsync(OllamaSource model, ModelName to, CancellationToken cancellationToken)
    {
        var bytes = BoundedFile.Read(model.ManifestPath, OllamaManifest.MaxText, "its manifest");
        var layers = ManifestStore.BlobsOf(OllamaManifest.Parse(bytes)).Select(BlobDigest.Parse).Distinct().ToList();
        var pins = layers.ConvertAll(_parts.Pins.Pin);
        try
        {
            await StoreParts.UntilWholeAsync(async _ =>
            {
                foreach (var layer in layers)
                    await _parts.Blobs.ImportAsync(model.PathOf(layer.FileName), layer, cancellationToken).ConfigureAwait(false);
                await _parts.CommitAsync(to, bytes, layers, cancellationToken).ConfigureAwait(false);
            }).ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            throw new ModelLoadException(model.Name.Short, e.Message, e);
        }
        finally
        {
            pins.ForEach(pin => pin.Dispose());
        }
    }

    /// <summary>Why a model that the store has not got cannot be removed.</summary>
    private EngineException Missing(string asked, ModelName name, CancellationToken cancellationToken) => _models.Locate(name) switch
    {
        GgufSource file => new InvalidRequestException(
            $"model '{file.Name.Short}' is the file {file.Files[0]}, in a folder that is only read; remove the file to remove the model"),
        OllamaSource stored => new InvalidRequestException(
            $"model '{stored.Name.Short}' is in Ollama's own store, {stored.ManifestPath}, which is only read; remove it with 'ollama rm {stored.Name.Short}'"),
        _ => _models.NotFound(asked, name, cancellationToken),
    };

    private static async Task GuardAsync(Func<Task> change)
    {
        try
        {
            await change().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw StoreFiles.Failure(e);
        }
    }
}
