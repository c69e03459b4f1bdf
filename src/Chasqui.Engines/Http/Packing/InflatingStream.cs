using System.IO.Compression;

namespace Chasqui.Engines.Http;

/// <summary>The coding <c>deflate</c>: the zlib format, as the standard says, or the bare one, as some servers and clients send it. Its first two bytes tell which.</summary>
internal sealed class InflatingStream(Stream packed) : ReadStream
{
    private Stream? _inner;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _inner ??= await OpenAsync(cancellationToken).ConfigureAwait(false);
        return await _inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner?.Dispose();
            packed.Dispose();
        }
        base.Dispose(disposing);
    }

    private async ValueTask<Stream> OpenAsync(CancellationToken cancellationToken)
    {
        var first = new byte[2];
        var read = await packed.ReadAtLeastAsync(first, first.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        var all = new Begun(first.AsMemory(0, read), packed);
        // The method "deflate", and a check of the two bytes together (RFC 1950, section 2.2).
        var isZlib = read == 2 && (first[0] & 0x0F) == 8 && ((first[0] << 8) | first[1]) % 31 == 0;
        return isZlib ? new ZLibStream(all, CompressionMode.Decompress) : new DeflateStream(all, CompressionMode.Decompress);
    }

    /// <summary>A stream whose first bytes were read already.</summary>
    private sealed class Begun(ReadOnlyMemory<byte> first, Stream rest) : ReadStream
    {
        private ReadOnlyMemory<byte> _first = first;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_first.IsEmpty || buffer.IsEmpty)
                return rest.ReadAsync(buffer, cancellationToken);
            var count = Math.Min(_first.Length, buffer.Length);
            _first[..count].CopyTo(buffer);
            _first = _first[count..];
            return ValueTask.FromResult(count);
        }
    }
}
