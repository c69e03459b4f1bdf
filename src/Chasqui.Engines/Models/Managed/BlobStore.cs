using System.Buffers;
using System.Security.Cryptography;

namespace Chasqui.Engines.Models.Managed;

/// <summary>The blobs of the store, each under its digest. Thread-safe.</summary>
internal sealed class BlobStore(string folder, StoreFiles files, StoreSpace space)
{
    private const int Window = 1 << 20;

    /// <summary>The folder.</summary>
    public string Folder { get; } = Path.Combine(folder, "blobs");

    public string PathOf(BlobDigest digest) => Path.Combine(Folder, digest.FileName);

    public bool Has(BlobDigest digest) => File.Exists(PathOf(digest));

    /// <summary>Keeps what a stream has, if it is what the digest says.</summary>
    /// <exception cref="InvalidRequestException">It is not; nothing is kept.</exception>
    public async Task WriteAsync(BlobDigest digest, Stream content, CancellationToken cancellationToken)
    {
        var temporary = files.CreateTemporary(Folder);
        try
        {
            var actual = await CopyAsync(content, temporary, space, cancellationToken).ConfigureAwait(false);
            if (actual != digest)
                throw new InvalidRequestException($"digest mismatch, expected \"{digest}\", got \"{actual}\"");
            await files.CommitAsync(temporary, PathOf(digest)).ConfigureAwait(false);
        }
        catch
        {
            await DropAsync(temporary).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Keeps a short text.</summary>
    public async Task<BlobDigest> WriteAsync(byte[] bytes, CancellationToken cancellationToken)
    {
        var digest = BlobDigest.OfHash(SHA256.HashData(bytes));
        if (!Has(digest))
            await WriteAsync(digest, new MemoryStream(bytes, writable: false), cancellationToken).ConfigureAwait(false);
        return digest;
    }

    /// <summary>Takes in a file of another place: by a second name where it is on the same disk, else by a copy. The file stays.</summary>
    /// <param name="path">The file.</param>
    /// <param name="known">Its digest, where a store vouches for it; null to compute it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<BlobDigest> ImportAsync(string path, BlobDigest? known, CancellationToken cancellationToken)
    {
        var real = new FileInfo(path);
        if (real.LinkTarget is not null)
            real = real.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? real;
        var digest = known ?? await HashAsync(real.FullName, cancellationToken).ConfigureAwait(false);
        if (Has(digest))
            return digest;

        files.CreateFolder(Folder);
        var link = Path.Combine(Folder, $"{StoreFiles.TemporaryPrefix}{Guid.NewGuid():N}");
        if (NativeFiles.TryHardLink(real.FullName, link))
        {
            files.Move(link, PathOf(digest));
            // Where another has just done the same, both names are one file, and POSIX leaves them both.
            if (File.Exists(link))
                files.TryDelete(link);
            return digest;
        }
        var source = new FileStream(real.FullName, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous);
        await using (source.ConfigureAwait(false))
            await WriteAsync(digest, source, cancellationToken).ConfigureAwait(false);
        return digest;
    }

    /// <summary>The digest of a file's bytes.</summary>
    public static async Task<BlobDigest> HashAsync(string path, CancellationToken cancellationToken)
    {
        var source = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        await using (source.ConfigureAwait(false))
            return await CopyAsync(source, null, null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The digest of an open file's bytes, from its beginning.</summary>
    public static Task<BlobDigest> HashAsync(FileStream file, CancellationToken cancellationToken)
    {
        file.Position = 0;
        return CopyAsync(file, null, null, cancellationToken);
    }

    private static async Task<BlobDigest> CopyAsync(Stream from, FileStream? to, StoreSpace? space, CancellationToken cancellationToken)
    {
        long total = 0, looked = 0;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(Window);
        try
        {
            while (await ReadAsync(from, buffer, cancellationToken).ConfigureAwait(false) is > 0 and var read)
            {
                total += read;
                space?.RequireSize(total, "the blob");
                if (total >= looked)
                {
                    space?.RequireRoom(StoreSpace.LookEvery);
                    looked = total + StoreSpace.LookEvery;
                }
                hash.AppendData(buffer, 0, read);
                if (to is not null)
                    await WriteAsync(to, buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return BlobDigest.OfHash(hash.GetHashAndReset());
    }

    private static async ValueTask<int> ReadAsync(Stream from, byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await from.ReadAsync(buffer.AsMemory(0, Window), cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw new InvalidRequestException($"the bytes of the blob cannot be read to their end: {e.Message}", e);
        }
    }

    private static async Task WriteAsync(FileStream to, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await to.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            // Told apart from a source that breaks off.
            throw StoreFiles.Failure(e);
        }
    }

    private async Task DropAsync(FileStream temporary)
    {
        await temporary.DisposeAsync().ConfigureAwait(false);
        files.TryDelete(temporary.Name);
    }
}
