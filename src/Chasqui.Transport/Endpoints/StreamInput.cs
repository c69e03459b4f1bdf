using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Chasqui.Transport.Endpoints;

/// <summary>
/// Reads a stream into one buffer that grows with what comes at once, so that frames are contiguous. For one reader. A cancelled read ends the stream,
/// since only who is leaving cancels.
/// </summary>
internal sealed class StreamInput(Stream stream, Func<ValueTask> close) : PipeReader
{
    private const int FirstSize = 4 * 1024;
    private const int UsualSize = 64 * 1024;

    private byte[]? _buffer;
    private int _start;
    private int _end;
    private bool _examined = true;
    private bool _ended;
    private int _closed;

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_examined && !_ended)
        {
            MakeRoom();
            var room = _buffer!.Length - _end;
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            _ended = read == 0;
            _end += read;
            if (read == room && _buffer.Length < UsualSize)
                Grow();
        }

        return Result();
    }

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        var has = !_examined || _ended;
        result = has ? Result() : default;
        return has;
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // The sequence began at _start of the one array, so a position's index is one of the array.
        var (to, seen) = (consumed.GetInteger(), examined.GetInteger());
        _start = to;
        _examined = seen >= _end;
        if (_start == _end)
            _start = _end = 0;
    }

    /// <inheritdoc/>
    public override void CancelPendingRead() => stream.Dispose();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => CompleteAsync(exception).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        if (Interlocked.Exchange(ref _closed, 1) == 1)
            return;
        if (_buffer is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
        _buffer = null;
        _ended = true;
        await close().ConfigureAwait(false);
    }

    private ReadResult Result() => new(
        _buffer is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_buffer, _start, _end - _start), isCanceled: false, isCompleted: _ended);

    private void MakeRoom()
    {
        _buffer ??= ArrayPool<byte>.Shared.Rent(FirstSize);
        if (_end < _buffer.Length)
            return;
        if (_start == 0)
        {
            Grow();
            return;
        }

        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
    }

    private void Grow()
    {
        var larger = ArrayPool<byte>.Shared.Rent(_buffer!.Length * 2);
        _buffer.AsSpan(_start, _end - _start).CopyTo(larger);
        (_start, _end) = (0, _end - _start);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
