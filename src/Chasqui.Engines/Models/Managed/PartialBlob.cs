using System.Text.Json;

namespace Chasqui.Engines.Models.Managed;

/// <summary>A range of a blob that is being fetched.</summary>
internal sealed class BlobPart(long offset, long size, long completed)
{
    private long _completed = completed;

    public long Offset { get; } = offset;

    public long Size { get; } = size;

    /// <summary>Bytes from its beginning that are there.</summary>
    public long Completed
    {
        get => Volatile.Read(ref _completed);
        set => Volatile.Write(ref _completed, value);
    }
}

/// <summary>
/// A blob that is not all there: its file, and beside it which ranges are there. What is said to be there may be missing after a loss of
/// power; the digest of the whole finds that out.
/// </summary>
internal sealed class PartialBlob : IDisposable
{
    /// <summary>What follows a blob's name.</summary>
    public const string Suffix = "-partial";

    private readonly StoreFiles _files;
    private readonly string _statePath;
    private readonly Lock _gate = new();
    private readonly FileStream _file;

    private PartialBlob(StoreFiles files, FileStream file, string statePath)
    {
        (_files, _file, _statePath) = (files, file, statePath);
        Parts = [];
    }

    public string Path => _file.Name;

    public IReadOnlyList<BlobPart> Parts { get; private set; }

    /// <summary>Whether some of it was there before.</summary>
    public bool IsResumed { get; private set; }

    public long Completed => Parts.Sum(part => part.Completed);

    /// <summary>Opens what is there of a blob, or begins.</summary>
    /// <exception cref="EngineFailedException">Another process fetches it.</exception>
    public static PartialBlob Open(StoreFiles files, string blobPath, long size, long partBytes)
    {
        files.CreateFolder(System.IO.Path.GetDirectoryName(blobPath)!);
        FileStream file;
        try
        {
            file = new FileStream(blobPath + Suffix, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.Asynchronous);
        }
        catch (IOException e) when (e.GetType() == typeof(IOException))
        {
            throw new EngineFailedException("another process is fetching this model; try again when it is done", e);
        }
        var blob = new PartialBlob(files, file, blobPath + Suffix + ".json");
        blob.Parts = blob.Load(size) ?? Split(size, partBytes);
        blob.IsResumed = blob.Completed > 0;
        return blob;
    }

    /// <summary>Begins anew, with one range over all.</summary>
    public void Restart(long size)
    {
        Parts = Split(size, Math.Max(size, 1));
        IsResumed = false;
    }

    public async ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await RandomAccess.WriteAsync(_file.SafeFileHandle, bytes, offset, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw StoreFiles.Failure(e);
        }
    }

    /// <summary>Notes which ranges are there.</summary>
    public void Save()
    {
        lock (_gate)
        {
            try
            {
                File.WriteAllBytes(_statePath, JsonSerializer.SerializeToUtf8Bytes(Parts.Select(part => new[] { part.Offset, part.Size, part.Completed })));
            }
            catch (IOException)
            {
                // Then it is fetched again.
            }
        }
    }

    /// <summary>The digest of what is there.</summary>
    public Task<BlobDigest> HashAsync(CancellationToken cancellationToken)
    {
        _file.Flush(flushToDisk: true);
        return BlobStore.HashAsync(_file, cancellationToken);
    }

    /// <summary>Gives the whole blob its name.</summary>
    public void Commit(string blobPath)
    {
        _file.Dispose();
        _files.Move(Path, blobPath);
        _files.TryDelete(_statePath);
    }

    /// <summary>Removes what is there.</summary>
    public void Discard()
    {
        _file.Dispose();
        _files.TryDelete(Path);
        _files.TryDelete(_statePath);
    }

    public void Dispose() => _file.Dispose();

    private static List<BlobPart> Split(long size, long partBytes)
    {
        var parts = new List<BlobPart>();
        for (var offset = 0L; offset < size; offset += partBytes)
            parts.Add(new BlobPart(offset, Math.Min(partBytes, size - offset), 0));
        return parts;
    }

    private List<BlobPart>? Load(long size)
    {
        try
        {
            var lines = JsonSerializer.Deserialize<long[][]>(BoundedFile.Read(_statePath, OllamaManifest.MaxText, "the state of a download")) ?? [];
            var parts = lines.Where(line => line.Length == 3).Select(line => new BlobPart(line[0], line[1], line[2])).ToList();
            var next = 0L;
            foreach (var part in parts)
            {
                if (part.Offset != next || part.Size <= 0 || part.Completed < 0 || part.Completed > part.Size)
                    return null;
                next += part.Size;
            }
            return next == size && parts.Count == lines.Length && _file.Length <= size ? parts : null;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
