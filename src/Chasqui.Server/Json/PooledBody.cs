using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>A request's body in a buffer that is lent.</summary>
internal sealed class PooledBody : IDisposable
{
    private byte[]? _buffer;
    private readonly int _length;

    private PooledBody(byte[] buffer, int length)
    {
        _buffer = buffer;
        _length = length;
    }

    /// <summary>The bytes, valid until it is disposed.</summary>
    public Memory<byte> Memory => _buffer.AsMemory(0, _length);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Reads the whole body, whatever its content type.</summary>
    /// <exception cref="RequestTooLargeException">It is larger than <paramref name="limit"/>; when its length is announced, nothing of it was read.</exception>
    /// <exception cref="InvalidRequestException">It does not come in order.</exception>
    public static async ValueTask<PooledBody> ReadAsync(HttpRequest request, long limit, CancellationToken cancellationToken)
    {
        if (request.ContentLength > limit)
            throw new RequestTooLargeException(limit);

        var reader = request.BodyReader;
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(request.ContentLength ?? 4096, 1 << 20) + 1);
        var length = 0;
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                if (length + read.Buffer.Length > limit)
                {
                    // Else the server cannot read on, and hangs up on a client that still sends and so never sees its answer.
                    reader.AdvanceTo(read.Buffer.End);
                    throw new RequestTooLargeException(limit);
                }
                buffer = Grow(buffer, length, (int)read.Buffer.Length);
                read.Buffer.CopyTo(buffer.AsSpan(length));
                length += (int)read.Buffer.Length;
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    break;
            }
            return new PooledBody(buffer, length);
        }
        catch (Exception e)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            // A chunk whose length is no length, for one: Kestrel tells it as a failure of the connection.
            if (e is IOException and not BadHttpRequestException && !cancellationToken.IsCancellationRequested)
                throw new InvalidRequestException("the request body cannot be read: its chunks or its length are not in order", e);
            throw;
        }
    }

    private static byte[] Grow(byte[] buffer, int length, int more)
    {
        if (buffer.Length - length >= more)
            return buffer;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(checked(length + more), (int)Math.Min(buffer.Length * 2L, Array.MaxLength)));
        buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }
}
