using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace Chasqui.Transport.Endpoints;

/// <summary>Writes to a stream at once. For one writer. A cancelled flush ends the stream, since only who is leaving cancels.</summary>
internal sealed class StreamOutput(WirePipe owner, Stream? stream, Socket? socket) : PipeWriter
{
    private static readonly ValueTask<FlushResult> _done = new(default(FlushResult));

    private ArrayBufferWriter<byte>? _buffer;
    private int _closed;

    /// <inheritdoc/>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (_buffer is { WrittenCount: > 0 })
        {
            _buffer.Write(source.Span);
            return FlushAsync(cancellationToken);
        }

        if (socket is not null)
        {
            // The system's socket takes all, or the rest when there is room again.
            var sending = socket.SendAsync(source, SocketFlags.None, cancellationToken);
            if (!sending.IsCompletedSuccessfully)
                return SendRestAsync(socket, sending, source, cancellationToken);
            // Completed, so this does not block.
            var sent = sending.Result;
            return sent == source.Length ? _done : SendRestAsync(socket, new ValueTask<int>(sent), source, cancellationToken);
        }

        var written = stream!.WriteAsync(source, cancellationToken);
        if (!written.IsCompletedSuccessfully)
            return AwaitAsync(written);
        // Completed, so this does not block; it frees what is behind the task.
        written.GetAwaiter().GetResult();
        return _done;
    }

    /// <inheritdoc/>
    public override void Advance(int bytes) => (_buffer ??= new ArrayBufferWriter<byte>()).Advance(bytes);

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0) => (_buffer ??= new ArrayBufferWriter<byte>()).GetMemory(sizeHint);

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <inheritdoc/>
    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_buffer is { WrittenCount: > 0 } buffer)
        {
            _buffer = null;
            return await WriteAsync(buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        }

        return default;
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush() => owner.Close();

    /// <summary>Ends both sides at once: whoever cannot wait cannot close in order.</summary>
    public override void Complete(Exception? exception = null) => owner.Close();

    /// <inheritdoc/>
    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
            await owner.ShutdownAsync().ConfigureAwait(false);
    }

    private static async ValueTask<FlushResult> SendRestAsync(Socket socket, ValueTask<int> sending, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        for (; ; sending = socket.SendAsync(bytes, SocketFlags.None, cancellationToken))
        {
            bytes = bytes[await sending.ConfigureAwait(false)..];
            if (bytes.IsEmpty)
                return default;
        }
    }

    private static async ValueTask<FlushResult> AwaitAsync(ValueTask written)
    {
        await written.ConfigureAwait(false);
        return default;
    }
}
