using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Chasqui.Transport.Endpoints;

/// <summary>
/// Reads a stream into one buffer that grows with what comes at once, so that frames are contiguous. For one reader. A cancelled read ends the stream,
/// since only who is leaving cancels.
/// </summary>
/// <param name="owner">Told when it is completed.</param>
/// <param name="stream">The bytes, unless there is a socket.</param>
/// <param name="socket">The socket, where there is nothing between it and the frames; else null.</param>
/// <param name="isMostlyIdle">Whether no buffer is held while nothing comes.</param>
internal sealed class StreamInput(WirePipe owner, Stream? stream, Socket? socket, bool isMostlyIdle) : PipeReader
{
    private const int FirstSize = 4 * 1024;
    private const int UsualSize = 64 * 1024;

    // After this many waits in a row that were shorter than that, a connection is busy, and its buffer is kept.
    private const int BusyAfter = 4;
    private const int BusyMilliseconds = 50;

    private byte[]? _buffer;
    private int _start;
    private int _end;
    private int _shortWaits;
    private long _lastRead;
    private ShortWaits _waits = new(socket!);
    private bool _examined = true;
    private bool _ended;
    private int _closed;

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_examined && !_ended)
        {
            var has = socket is not null && _waits.Begin();
            if (!has && isMostlyIdle && _start == _end && _shortWaits < BusyAfter)
                await WaitEmptyAsync(cancellationToken).ConfigureAwait(false);
            MakeRoom();
            var room = _buffer!.Length - _end;
            var read = await ReceiveAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            _ended = read == 0;
            _end += read;
            if (read == room && _buffer.Length < UsualSize)
                Grow();
            if (socket is not null)
                _waits.End();
            if (isMostlyIdle)
                CountWait();
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
    public override void CancelPendingRead() => owner.Close();

    /// <summary>Ends both sides at once: whoever cannot wait cannot close in order.</summary>
    public override void Complete(Exception? exception = null) => owner.Close();

    /// <inheritdoc/>
    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        if (Interlocked.Exchange(ref _closed, 1) == 1)
            return;
        if (_buffer is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
        _buffer = null;
        _ended = true;
        await owner.CloseSideAsync().ConfigureAwait(false);
    }

    /// <summary>Waits for bytes without holding a buffer.</summary>
    private ValueTask<int> WaitEmptyAsync(CancellationToken cancellationToken)
    {
        if (_buffer is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
        _buffer = null;
        return ReceiveAsync(Memory<byte>.Empty, cancellationToken);
    }

    /// <summary>A connection that falls silent keeps its buffer until the next sign of life, which comes after a long wait.</summary>
    private void CountWait()
    {
        var now = Environment.TickCount64;
        _shortWaits = now - _lastRead < BusyMilliseconds ? Math.Min(_shortWaits + 1, BusyAfter) : 0;
        _lastRead = now;
    }

    private ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        socket is null ? stream!.ReadAsync(buffer, cancellationToken) : socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken);

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
