namespace Chasqui.Engines.Models.Managed;

/// <summary>Removes what no model needs. Called under the <see cref="StoreLock"/>.</summary>
internal sealed class StoreSweep(string folder, BlobStore blobs, ManifestStore manifests, StoreFiles files, BlobPins pins, TimeProvider time)
{
    private static readonly TimeSpan _rest = TimeSpan.FromHours(1);

    private long? _last;

    /// <summary>Removes those of some blobs that no manifest names any more, at once.</summary>
    public void Remove(IEnumerable<string> candidates)
    {
        if (manifests.NamedBlobs() is not { } named)
            return;
        foreach (var blob in candidates.Distinct(StringComparer.Ordinal).Where(blob => !named.Contains(blob) && !pins.IsKept(blob)))
            files.TryDelete(Path.Combine(blobs.Folder, blob));
    }

    /// <summary>Removes blobs that nobody names, parts of blobs and unfinished files, each once it is a day old. Does nothing within an hour of the last time.</summary>
    public void Run()
    {
        if (_last is { } last && time.GetElapsedTime(last) < _rest)
            return;
        _last = time.GetTimestamp();
        if (manifests.NamedBlobs() is not { } named)
            return;
        var old = (time.GetUtcNow() - BlobPins.Waiting).UtcDateTime;
        foreach (var path in Entries(folder).Where(path => Path.GetFileName(path).StartsWith(StoreFiles.TemporaryPrefix, StringComparison.Ordinal)).Concat(Entries(blobs.Folder)))
        {
            var name = Path.GetFileName(path);
            if (IsOurs(name) && !named.Contains(name) && !pins.IsKept(WithoutPart(name)) && FileStamp.OfOrMissing(path) is { Length: >= 0 } stamp && stamp.ModifiedUtc < old)
                files.TryDelete(path);
        }
    }

    private static bool IsOurs(string name) =>
        name.StartsWith(StoreFiles.TemporaryPrefix, StringComparison.Ordinal) || BlobDigest.TryParse(WithoutPart(name), out _);

    private static string WithoutPart(string name) =>
        name.IndexOf(PartialBlob.Suffix, StringComparison.Ordinal) is > 0 and var at ? name[..at] : name;

    private static IReadOnlyList<string> Entries(string folder) =>
        Directory.Exists(folder) ? FolderListing.Files(folder, (_, _) => { }) : [];
}
