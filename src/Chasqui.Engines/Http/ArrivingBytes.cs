using System.Buffers;

namespace Chasqui.Engines.Http;

/// <summary>Bytes of a stream that have come and were not taken yet, in a buffer of the pool. For one reader; to be disposed.</summary>
/// <param name="stream">Where they come from; not disposed.</param>
internal sealed class ArrivingBytes(Stream stream) : IDisposable
{
    private const int FirstBuffer = 4096;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
    private int _start;
    private int _end;
    private bool _disposed;

    /// <summary>What has come; valid until the next call.</summary>
    public ReadOnlyMemory<byte> Unread => _buffer.AsMemory(_start, _end - _start);

    /// <summary>Takes bytes away from the beginning of <see cref="Unread"/>; they stay valid until more are received.</summary>
    public void Take(int count) => _start += count;

    /// <summary>Waits for more.</summary>
    /// <returns>False at the end of the stream.</returns>
    public async ValueTask<bool> ReceiveAsync(CancellationToken cancellationToken)
    {
        if (_disposed)
            return false;
        MakeRoom();
        var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        _end += read;
        return read > 0;
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _start, _end) = ([], 0, 0);
    }

    private void MakeRoom()
    {
        if (_start == _end)
            _start = _end = 0;
        if (_end < _buffer.Length)
            return;
        var kept = _end - _start;
        var target = kept <= _buffer.Length / 2 ? _buffer : ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(_start, kept).CopyTo(target);
        if (target != _buffer)
            ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _end, _start) = (target, kept, 0);
    }
}
