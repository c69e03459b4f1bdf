using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Chasqui.Engines.Models;

/// <summary>Digests of weight files, remembered by path, length and time of change. Thread-safe.</summary>
/// <remarks>
/// A file of up to 64 MiB: the SHA-256 of its bytes. A larger one, which would take minutes to read: the SHA-256 of its length
/// (8 bytes, little-endian) and 16 windows of 1 MiB, spread evenly from its first byte to its last. It tells models apart and
/// shows that one was replaced; it is not the checksum a download page gives.
/// </remarks>
internal sealed class FileDigests
{
    /// <summary>Files up to this length are hashed whole, in bytes.</summary>
    public const long WholeUpTo = 64L << 20;

    private const int Windows = 16;
    private const int Window = 1 << 20;

    private readonly BoundedCache<FileStamp, string> _known = new(8192);

    /// <summary>The digest in lower-case hex, of one file or, for several, of their digests one after another.</summary>
    public string Of(IReadOnlyList<FileStamp> files, CancellationToken cancellationToken)
    {
        var each = files.Select(f => _known.GetOrAdd(f, stamp => Compute(stamp, cancellationToken))).ToList();
        return each.Count == 1 ? each[0]
            : Convert.ToHexStringLower(SHA256.HashData(Convert.FromHexString(string.Concat(each))));
    }

    private static string Compute(FileStamp file, CancellationToken cancellationToken)
    {
        using var handle = File.OpenHandle(file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Window];
        if (file.Length <= WholeUpTo)
        {
            for (var at = 0L; at < file.Length; at += Window)
                Append(at);
        }
        else
        {
            Span<byte> length = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(length, file.Length);
            hash.AppendData(length);
            for (var i = 0L; i < Windows; i++)
                Append((file.Length - Window) / (Windows - 1) * i + (file.Length - Window) % (Windows - 1) * i / (Windows - 1));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Append(long offset)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var wanted = (int)Math.Min(Window, file.Length - offset);
            for (var done = 0; done < wanted;)
            {
                var read = RandomAccess.Read(handle, buffer.AsSpan(done, wanted - done), offset + done);
                if (read == 0)
                    throw new IOException("the file became shorter while it was read");
                done += read;
            }
            hash.AppendData(buffer, 0, wanted);
        }
    }
}
