using System.Buffers;
using System.Net;

namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>A range of a file as the body of a request; it can be sent again.</summary>
internal sealed class FilePartContent(FileStream file, long offset, long size, TransferReport report, CancellationToken stop) : HttpContent
{
    private const int Window = 128 << 10;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => CopyAsync(stream, stop);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => CopyAsync(stream, cancellationToken);

    protected override bool TryComputeLength(out long length)
    {
        length = size;
        return true;
    }

    private async Task CopyAsync(Stream to, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Window);
        try
        {
            for (var done = 0L; done < size;)
            {
                var read = await RandomAccess.ReadAsync(
                    file.SafeFileHandle, buffer.AsMemory(0, (int)Math.Min(buffer.Length, size - done)), offset + done, cancellationToken).ConfigureAwait(false);
                if (read == 0)
                    throw new IOException("the file became shorter while it was sent");
                await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                done += read;
                report.At(offset + done);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
