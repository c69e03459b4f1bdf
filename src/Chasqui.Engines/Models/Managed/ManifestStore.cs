namespace Chasqui.Engines.Models.Managed;

/// <summary>The manifests of the store, each under its model's name. Changes are made under the <see cref="StoreLock"/>.</summary>
internal sealed class ManifestStore(string folder, StoreFiles files, TimeProvider time)
{
    private readonly string _root = Path.Combine(folder, "manifests");
    private readonly BoundedCache<FileStamp, OllamaManifest> _read = new(8192);

    /// <summary>The manifest of a name, whatever the case of its letters; null where there is none.</summary>
    public string? Find(ModelName name)
    {
        var exact = Path.Combine(_root, name.RelativePath);
        return File.Exists(exact) ? exact : All().FirstOrDefault(m => m.Name.Equals(name)).Path;
    }

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    /// <exception cref="IOException">It is gone or cannot be read.</exception>
    public OllamaManifest Read(string path) => _read.GetOrAdd(FileStamp.Of(path), stamp => OllamaManifest.Read(stamp.Path));

    /// <summary>Gives a name to a manifest, in place of what had it.</summary>
    public async Task WriteAsync(ModelName name, byte[] manifest, CancellationToken cancellationToken)
    {
        var path = Find(name) ?? Path.Combine(_root, name.RelativePath);
        // Written elsewhere first, so that no list of models ever meets it half done.
        var temporary = files.CreateTemporary(folder);
        try
        {
            await temporary.WriteAsync(manifest, cancellationToken).ConfigureAwait(false);
            files.CreateFolder(Path.GetDirectoryName(path)!);
            // A clock's step may be longer than the time between two changes, and other processes know a file by its time.
            var now = time.GetUtcNow().UtcDateTime;
            var before = FileStamp.OfOrMissing(path).ModifiedUtc;
            await temporary.FlushAsync(cancellationToken).ConfigureAwait(false);
            files.Stamp(temporary.Name, now > before ? now : before.AddTicks(1));
            await files.CommitAsync(temporary, path).ConfigureAwait(false);
        }
        catch
        {
            await temporary.DisposeAsync().ConfigureAwait(false);
            files.TryDelete(temporary.Name);
            throw;
        }
    }

    /// <summary>Removes a manifest and the folders it leaves empty.</summary>
    public void Delete(string path)
    {
        files.Delete(path);
        NativeFiles.SyncFolder(Path.GetDirectoryName(path)!);
        for (var parent = Path.GetDirectoryName(path); parent is not null && parent.Length > _root.Length; parent = Path.GetDirectoryName(parent))
        {
            if (!files.TryDeleteFolder(parent))
                break;
        }
    }

    /// <summary>The file names of all blobs that a manifest names; null when one cannot be read, so that nobody knows.</summary>
    public HashSet<string>? NamedBlobs()
    {
        var named = new HashSet<string>(StringComparer.Ordinal);
        var unknown = false;
        foreach (var (_, path) in OllamaFolder.Manifests(folder, (at, _) => unknown |= Directory.Exists(at)))
        {
            try
            {
                named.UnionWith(BlobsOf(Read(path)));
            }
            catch (FileNotFoundException)
            {
                // Removed meanwhile.
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }
        return unknown ? null : named;
    }

    public static IEnumerable<string> BlobsOf(OllamaManifest manifest) =>
        manifest.Layers.Select(layer => layer.Blob).Concat(manifest.Config is { } config ? [config] : []).Select(Lower);

    private static string Lower(string blob) => blob.ToLowerInvariant();

    private IEnumerable<(ModelName Name, string Path)> All() =>
        Directory.Exists(_root) ? OllamaFolder.Manifests(folder, (_, _) => { }) : [];
}
