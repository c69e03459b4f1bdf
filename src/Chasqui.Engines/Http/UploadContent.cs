using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Chasqui.Engines.Http1;

namespace Chasqui.Engines.Http;

/// <summary>A body of any length that is read from a stream once, and so can be sent once; the stream is not disposed. For one request.</summary>
/// <param name="stream">What to send.</param>
internal sealed class UploadContent(Stream stream)
{
    private const int Piece = 128 << 10;

    // "00020000\r\n": zeros before a size are allowed (RFC 9112, section 7.1).
    private const int SizeLine = 10;

    /// <summary>Its length where it is known; else it is sent in chunks.</summary>
    public long? Length { get; } = stream.CanSeek ? stream.Length - stream.Position : null;

    /// <summary>Called after each piece that was sent.</summary>
    public Action? Moved { get; set; }

    /// <summary>Sends all of it.</summary>
    /// <exception cref="EngineFailedException">The stream broke, or ended before its length.</exception>
    public async Task SendAsync(Http1Connection connection, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Piece + SizeLine + 2);
        try
        {
            var left = Length ?? long.MaxValue;
            while (left > 0 && await ReadAsync(buffer.AsMemory(SizeLine, (int)Math.Min(Piece, left)), cancellationToken).ConfigureAwait(false) is > 0 and var read)
            {
                left -= read;
                await connection.SendAsync(Length is null ? Chunk(buffer, read) : buffer.AsMemory(SizeLine, read)).ConfigureAwait(false);
                Moved?.Invoke();
            }
            if (Length is null)
                await connection.SendAsync("0\r\n\r\n"u8.ToArray()).ConfigureAwait(false);
            else if (left > 0)
                throw new EngineFailedException($"the body that is to be sent ended {left} bytes before its length");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static Memory<byte> Chunk(byte[] buffer, int bytes)
    {
        Encoding.ASCII.GetBytes(bytes.ToString("x8", CultureInfo.InvariantCulture), buffer);
        "\r\n"u8.CopyTo(buffer.AsSpan(SizeLine - 2));
        "\r\n"u8.CopyTo(buffer.AsSpan(SizeLine + bytes));
        return buffer.AsMemory(0, SizeLine + bytes + 2);
    }

    private async ValueTask<int> ReadAsync(Memory<byte> into, CancellationToken cancellationToken)
    {
        try
        {
            return await stream.ReadAsync(into, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // Not the node's fault.
            throw new EngineFailedException($"the body that is to be sent could not be read to its end: {e.Message}", e);
        }
    }
}
