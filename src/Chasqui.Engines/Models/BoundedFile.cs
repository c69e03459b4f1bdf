namespace Chasqui.Engines.Models;

/// <summary>Reads small files that might not be small.</summary>
internal static class BoundedFile
{
    /// <summary>The bytes of a file.</summary>
    /// <exception cref="InvalidDataException">It has more than <paramref name="most"/> bytes.</exception>
    /// <exception cref="IOException">It cannot be read, or is not there.</exception>
    public static byte[] Read(string path, int most, string what)
    {
        // Asked before opening, because opening a pipe waits for ever; a pipe has no length.
        var length = FileStamp.Of(path).Length;
        if (length > most)
            throw new InvalidDataException($"{what} has {length} bytes, but at most {most} are allowed");
        if (length == 0)
            return [];
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[length];
        var done = 0;
        while (done < bytes.Length)
        {
            var read = RandomAccess.Read(handle, bytes.AsSpan(done), done);
            if (read == 0)
                throw new IOException($"{what} became shorter while it was read");
            done += read;
        }
        return bytes;
    }
}
