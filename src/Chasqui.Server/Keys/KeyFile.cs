using System.Text.Json;
using Chasqui.Engines.Models.Managed;
using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary><c>keys.json</c> in the data folder: what is kept of keys. Read as a whole and replaced as a whole, by one process at a time.</summary>
/// <param name="folder">The data folder.</param>
/// <param name="time">For waiting on others.</param>
public sealed class KeyFile(string folder, TimeProvider time)
{
    /// <summary>More keys than this are not taken.</summary>
    public const int MaxKeys = 10_000;

    private const string Name = "keys.json";
    private const long MaxBytes = 32 << 20;

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    /// <summary>The file's full path, whether there is one or not.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, Name));

    /// <summary>Makes the names in a folder survive a loss of power.</summary>
    internal Action<string> SyncFolder { get; init; } = NativeFiles.SyncFolder;

    /// <summary>All keys; none where there is no file.</summary>
    /// <exception cref="KeyFileException">There is one, and it cannot be read.</exception>
    public IReadOnlyList<AccessKey> Read()
    {
        byte[] bytes;
        try
        {
            bytes = ReadBytes();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyFileException($"the keys in {Path} cannot be read: {FileProblem.Of(e, Path)}", e);
        }
        try
        {
            return KeyFileReader.Read(JsonLines.Read(bytes), Path);
        }
        catch (JsonException e)
        {
            var line = e.LineNumber is { } number ? FormattableString.Invariant($" line {number + 1}") : "";
            throw new KeyFileException($"{Path}{line}: is no file of keys: {JsonProblem.Reason(e)}; put its last good copy back, or remove it to begin without keys", e);
        }
    }

    /// <summary>Its bytes, never more than a file of keys may have. The path may lead to a device or to a huge file.</summary>
    private byte[] ReadBytes()
    {
        using var file = NativeFiles.OpenRegular(Path);
        var length = RandomAccess.GetLength(file);
        if (length > MaxBytes)
            throw TooLarge();
        var bytes = new byte[length];
        var read = 0;
        while (read < bytes.Length && RandomAccess.Read(file, bytes.AsSpan(read), read) is > 0 and var count)
            read += count;
        // A file that grows meanwhile is read once more when it has been changed. What has bytes and no length is no file on a disk.
        if (length == 0 && RandomAccess.Read(file, new byte[1], 0) > 0)
            throw new KeyFileException($"{Path} is no regular file, so it is no file of keys; put its last good copy back");
        return read == bytes.Length ? bytes : bytes[..read];
    }

    private KeyFileException TooLarge() => new($"{Path} is larger than {MaxBytes >> 20} MiB, so it is no file of keys; put its last good copy back");

    /// <summary>Changes the keys, while nobody else does.</summary>
    /// <param name="change">From the keys that there are to those that there shall be; it may throw, which changes nothing.</param>
    /// <param name="cancellationToken">Gives up waiting for another process.</param>
    /// <exception cref="KeyFileException">The file cannot be read or written, or another process holds it for 10 s.</exception>
    public async Task ChangeAsync(Func<IReadOnlyList<AccessKey>, IReadOnlyList<AccessKey>> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        DataFolder.Prepare(folder);
        using var held = await LockAsync(cancellationToken).ConfigureAwait(false);
        var changed = change(Read());
        if (changed.Count > MaxKeys)
            throw new KeyFileException($"{Path} has {MaxKeys} keys already, which is the most there can be; remove some with 'chasqui keys rm'");
        try
        {
            Write(KeyFileWriter.Write(changed));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyFileException($"the keys in {Path} cannot be written: {FileProblem.Of(e, Path)}", e);
        }
    }

    private void Write(byte[] bytes)
    {
        var temporary = $"{Path}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        try
        {
            using (var file = new FileStream(temporary, Private(FileMode.CreateNew)))
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, Path, overwrite: true);
            // Without this a loss of power may bring the old keys back, a revoked one too.
            SyncFolder(System.IO.Path.GetDirectoryName(Path)!);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private async Task<FileStream> LockAsync(CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            try
            {
                // It stays where it is: a lock that is removed can be held twice.
                return new FileStream(Path + ".lock", Private(FileMode.OpenOrCreate));
            }
            catch (UnauthorizedAccessException e)
            {
                throw new KeyFileException($"the keys in {Path} cannot be changed: {FileProblem.Of(e, Path)}", e);
            }
            catch (IOException e)
            {
                if (time.GetElapsedTime(began) > _patience)
                    throw new KeyFileException($"the keys in {Path} are being changed by another process; try again later", e);
            }
            await Task.Delay(_pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static FileStreamOptions Private(FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return options;
    }
}
