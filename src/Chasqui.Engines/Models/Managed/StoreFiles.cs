namespace Chasqui.Engines.Models.Managed;

/// <summary>
/// The only place that changes files of the store. Everything becomes visible by a rename, after its bytes are on the disk, so a
/// process that ends in between leaves at most a file that nobody names.
/// </summary>
/// <param name="before">Told of each step before it is made; for tests, which cut the work there. Null for nobody.</param>
internal sealed class StoreFiles(Action<string>? before = null)
{
    /// <summary>How files begin that are not finished.</summary>
    public const string TemporaryPrefix = ".tmp-";

    /// <summary>A new file beside the others, not yet visible under a name that means anything.</summary>
    public FileStream CreateTemporary(string folder)
    {
        before?.Invoke("create");
        Directory.CreateDirectory(folder);
        return new FileStream(Path.Combine(folder, $"{TemporaryPrefix}{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, 1);
    }

    /// <summary>Puts a written file in its place, durably. The stream is closed.</summary>
    public async Task CommitAsync(FileStream temporary, string path)
    {
        before?.Invoke("flush");
        temporary.Flush(flushToDisk: true);
        var from = temporary.Name;
        await temporary.DisposeAsync().ConfigureAwait(false);
        Move(from, path);
    }

    /// <summary>Gives a closed file its name, in place of what had it.</summary>
    public void Move(string from, string path)
    {
        before?.Invoke("rename");
        File.Move(from, path, overwrite: true);
        before?.Invoke("sync");
        NativeFiles.SyncFolder(Path.GetDirectoryName(path)!);
    }

    /// <summary>Sets the time that tells one state of a file from the next.</summary>
    public void Stamp(string path, DateTime utc)
    {
        before?.Invoke("stamp");
        File.SetLastWriteTimeUtc(path, utc);
    }

    /// <summary>Makes a folder and those above it.</summary>
    public void CreateFolder(string folder)
    {
        before?.Invoke("folder");
        Directory.CreateDirectory(folder);
    }

    /// <summary>Removes a file; no matter if it is gone already.</summary>
    public void Delete(string path)
    {
        before?.Invoke("delete");
        File.Delete(path);
    }

    /// <summary>Removes a file if that can be done; one that is in use stays for a later sweep.</summary>
    public bool TryDelete(string path)
    {
        try
        {
            Delete(path);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Removes a folder if it is empty.</summary>
    public bool TryDeleteFolder(string folder)
    {
        try
        {
            before?.Invoke("delete folder");
            Directory.Delete(folder);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>A failure to write, as what a caller can act on.</summary>
    public static EngineFailedException Failure(Exception e) => new(IsFull(e)
        ? "no space left on the disk of the model store; free some, or put Data:Folder elsewhere"
        : $"the model store cannot be written: {FileProblem.WithPath(e)}", e);

    // ENOSPC and EDQUOT of Linux, ENOSPC and EDQUOT of macOS; ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of Windows.
    private static bool IsFull(Exception e) => (e.HResult & 0xFFFF) is var code
        && (OperatingSystem.IsWindows() ? code is 0x27 or 0x70 : code is 28 or 69 or 122);
}
