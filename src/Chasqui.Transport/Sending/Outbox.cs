using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport;

/// <summary>
/// What is to be written. Everybody appends to one buffer under the gate; one flusher at a time takes it away and writes it, so that what
/// comes meanwhile leaves together. The buffer is rented when there is something to write and given back when there is nothing.
/// </summary>
internal sealed class Outbox(Connection connection, PipeWriter output) : IBufferWriter<byte>, IThreadPoolWorkItem
{
    /// <summary>Above this many bytes streams wait for their turn instead of appending.</summary>
    internal const int Room = 64 * 1024;

    /// <summary>Above this many bytes the peer is not read further.</summary>
    internal const int MaxBacklog = 1024 * 1024;

    private const int FirstRent = 4 * 1024;
    private const int MaxBatched = 1_024;
    private const int MaxBatch = 16 * 1024 - FrameHeader.Size;
    private const int TurnsBeforeYield = 16;

    // How often what is to be written lets others go first who may have more, and from how many bytes on it does not.
    private const int MaxDeferrals = 3;
    private const int EnoughForAWrite = 16 * 1024;

    private byte[]? _buffer;
    private int _count;
    private bool _flushing;
    private bool _deferred;
    private int _deferrals;
    private bool _finish;
    private long _flushSince;
    private TaskCompletionSource? _drained;
    private TaskCompletionSource? _finished;
    private bool _isFinished;

    // The last frame of the buffer while it can still grow into, or as, a BATCH; -1 if it cannot.
    private int _tail = -1;
    private bool _tailIsBatch;
    private uint _tailStream;
    private bool _tailEnd;

    /// <summary>Set on a thread while it runs the read loop of this connection, which flushes once for all it has read.</summary>
    [field: ThreadStatic]
    internal static Connection? Reading { get; set; }

    internal bool HasRoom => _count < Room;

    internal bool IsBehind => _count > MaxBacklog;

    /// <summary>Completed when everything has been written after <see cref="Finish"/>.</summary>
    internal Task Finished
    {
        get
        {
            lock (connection.Gate)
                return (_finished ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _buffer.AsSpan(_count);
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _buffer.AsMemory(_count);
    }

    public void Advance(int count) => _count += count;

    // ---- Appending, under the gate ----

    internal void AppendRaw(ReadOnlySpan<byte> bytes)
    {
        _tail = -1;
        bytes.CopyTo(GetSpan(bytes.Length));
        _count += bytes.Length;
    }

    internal void AppendFrame(FrameType type, uint stream, ReadOnlySpan<byte> payload)
    {
        _tail = -1;
        var span = GetSpan(FrameHeader.Size + payload.Length);
        FrameHeader.Write(span, type, payload.Length, stream);
        payload.CopyTo(span[FrameHeader.Size..]);
        _count += FrameHeader.Size + payload.Length;
    }

    internal void AppendHello(Settings settings)
    {
        var start = Begin();
        settings.Write(this);
        End(start, FrameType.Hello, 0);
    }

    internal void AppendCredit(uint stream, long increment)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(payload, (uint)increment);
        AppendFrame(FrameType.Credit, stream, payload);
    }

    internal void AppendHeartbeat(bool isAnswer, ulong bytes)
    {
        Span<byte> payload = stackalloc byte[ControlPayload.HeartbeatSize];
        ControlPayload.WriteHeartbeat(payload, isAnswer, bytes);
        AppendFrame(FrameType.Heartbeat, 0, payload);
    }

    internal void AppendReset(uint stream, ErrorCode code, string reason)
    {
        Span<byte> payload = stackalloc byte[Varint.MaxSize + ControlPayload.MaxReason];
        AppendFrame(FrameType.Reset, stream, payload[..ControlPayload.WriteReset(payload, code, reason)]);
    }

    internal void AppendGoodbye(uint lastStream, ErrorCode code, string reason)
    {
        Span<byte> payload = stackalloc byte[4 + Varint.MaxSize + ControlPayload.MaxReason];
        BinaryPrimitives.WriteUInt32BigEndian(payload, lastStream);
        AppendFrame(FrameType.Goodbye, 0, payload[..(4 + ControlPayload.WriteReset(payload[4..], code, reason))]);
    }

    internal void AppendHead(
        FrameType type, uint stream, FrameFlags flags, StreamPriority priority, ReadOnlySpan<HeaderField> headers, HeaderEncoder encoder, ReadOnlySpan<byte> body)
    {
        var start = Begin();
        var span = GetSpan(2);
        span[0] = FrameFlagBits.Pack(flags, priority);
        _count += 2;
        var block = _count;
        encoder.Encode(headers, this);
        var length = _count - block;
        if (length >= 0x80)
        {
            // The length turned out longer than the byte that was left for it.
            var size = Varint.Size((uint)length);
            Reserve(size - 1);
            _buffer.AsSpan(block, length).CopyTo(_buffer.AsSpan(block + size - 1));
            _count += size - 1;
        }

        Varint.Write(_buffer.AsSpan(block - 1), (uint)length);
        body.CopyTo(GetSpan(body.Length));
        _count += body.Length;
        End(start, type, stream);
    }

    /// <summary>Appends a DATA; small whole messages that meet in the buffer become one BATCH.</summary>
    internal void AppendData(uint stream, ReadOnlySpan<byte> body, bool end, bool more)
    {
        if (!more && body.Length <= MaxBatched && (body.Length > 0 || end))
        {
            if (_tail >= 0 && _count - _tail + body.Length < MaxBatch)
            {
                if (!_tailIsBatch)
                    TurnIntoBatch();
                AppendEntry(stream, body, end);
                return;
            }

            var start = _count;
            AppendPlain(stream, body, end, more);
            (_tail, _tailIsBatch, _tailStream, _tailEnd) = (start, false, stream, end);
            return;
        }

        AppendPlain(stream, body, end, more);
    }

    private void AppendPlain(uint stream, ReadOnlySpan<byte> body, bool end, bool more)
    {
        _tail = -1;
        var span = GetSpan(FrameHeader.Size + 1 + body.Length);
        FrameHeader.Write(span, FrameType.Data, 1 + body.Length, stream);
        span[FrameHeader.Size] = (byte)((end ? FrameFlags.End : 0) | (more ? FrameFlags.More : 0));
        body.CopyTo(span[(FrameHeader.Size + 1)..]);
        _count += FrameHeader.Size + 1 + body.Length;
    }

    private void TurnIntoBatch()
    {
        var length = _count - _tail - FrameHeader.Size - 1;
        Reserve(2 * Varint.MaxSize);
        var payload = _buffer.AsSpan(_tail + FrameHeader.Size);
        var prefix = BatchReader.PrefixSize(_tailStream, length);
        payload.Slice(1, length).CopyTo(payload[prefix..]);
        BatchReader.WritePrefix(payload, _tailStream, length, _tailEnd);
        _count = _tail + FrameHeader.Size + prefix + length;
        FrameHeader.Write(_buffer.AsSpan(_tail), FrameType.Batch, prefix + length, 0);
        _tailIsBatch = true;
    }

    private void AppendEntry(uint stream, ReadOnlySpan<byte> body, bool end)
    {
        var span = GetSpan((2 * Varint.MaxSize) + body.Length);
        var used = BatchReader.WritePrefix(span, stream, body.Length, end);
        body.CopyTo(span[used..]);
        _count += used + body.Length;
        BinaryPrimitives.WriteUInt32BigEndian(_buffer.AsSpan(_tail + 6), (uint)(_count - _tail - FrameHeader.Size));
    }

    private int Begin()
    {
        _tail = -1;
        Reserve(FrameHeader.Size);
        var start = _count;
        _count += FrameHeader.Size;
        return start;
    }

    private void End(int start, FrameType type, uint stream) =>
        FrameHeader.Write(_buffer.AsSpan(start), type, _count - start - FrameHeader.Size, stream);

    private void Reserve(int more)
    {
        if (_buffer is null)
        {
            _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(FirstRent, more));
        }
        else if (_buffer.Length - _count < more)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _count + more));
            _buffer.AsSpan(0, _count).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
    }

    // ---- Flushing, outside of the gate ----

    /// <summary>
    /// Sees to it that what was appended leaves: at the end of the read batch this thread is in; behind the work that the thread pool has in line, which
    /// may well append more, as after a decode step of many sequences; or at once.
    /// </summary>
    internal void Flush()
    {
        // Whoever flushes, or is about to, takes what was appended under the gate before this look.
        if (Reading == connection || Volatile.Read(ref _flushing) || Volatile.Read(ref _deferred))
            return;
        if (_count >= EnoughForAWrite || ThreadPool.PendingWorkItemCount == 0)
            FlushNow();
        else
            FlushSoon();
    }

    /// <summary>The deferred flush.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        if (_deferrals++ < MaxDeferrals && _count < EnoughForAWrite && ThreadPool.PendingWorkItemCount > 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return;
        }

        lock (connection.Gate)
            _deferred = false;
        FlushNow();
    }

    private void FlushSoon()
    {
        lock (connection.Gate)
        {
            if (_flushing || _deferred)
                return;
            _deferred = true;
            _deferrals = 0;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>As <see cref="Flush"/>, where there is usually nothing.</summary>
    internal void FlushIfUrgent()
    {
        if (_count > 0)
            Flush();
    }

    internal void FlushNow()
    {
        lock (connection.Gate)
        {
            if (_flushing)
                return;
            if (_count == 0)
                connection.Scheduler.Fill();
            if (_count == 0 && !_finish)
                return;
            _flushing = true;
            Volatile.Write(ref _flushSince, connection.Options.Time.GetTimestamp());
        }

        _ = FlushAsync();
    }

    /// <summary>Nothing is appended any more; when all is written the output is completed.</summary>
    internal void Finish()
    {
        lock (connection.Gate)
            _finish = true;
        FlushNow();
    }

    /// <summary>When the write that is under way began, 0 if there is none; a time stamp of the connection's clock.</summary>
    internal long WaitingSince => Volatile.Read(ref _flushSince);

    /// <summary>Until the backlog is small again. Bounded by the progress time-out of the connection.</summary>
    internal Task CaughtUp()
    {
        lock (connection.Gate)
        {
            if (!IsBehind || _isFinished)
                return Task.CompletedTask;
            return (_drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    private async Task FlushAsync()
    {
        byte[]? taken = null;
        try
        {
            for (var turn = 1; ; turn++)
            {
                int count;
                var finish = false;
                lock (connection.Gate)
                {
                    if (taken is not null)
                        ArrayPool<byte>.Shared.Return(taken);
                    taken = null;
                    connection.Scheduler.Fill();
                    (taken, count) = (_buffer, _count);
                    (_buffer, _count, _tail) = (null, 0, -1);
                    if (!IsBehind && _drained is { } drained)
                    {
                        _drained = null;
                        drained.TrySetResult();
                    }

                    if (count == 0)
                    {
                        if (!_finish)
                        {
                            _flushing = false;
                            Volatile.Write(ref _flushSince, 0);
                        }

                        finish = _finish;
                    }
                    else
                    {
                        Volatile.Write(ref _flushSince, connection.Options.Time.GetTimestamp());
                    }
                }

                if (count == 0)
                {
                    if (taken is not null)
                        ArrayPool<byte>.Shared.Return(taken);
                    taken = null;
                    if (finish)
                        await CompleteAsync(null).ConfigureAwait(false);
                    return;
                }

                var written = output.WriteAsync(taken.AsMemory(0, count));
                var result = written.IsCompletedSuccessfully ? written.Result : await written.ConfigureAwait(false);
                if (result.IsCompleted || result.IsCanceled)
                {
                    await CompleteAsync(null).ConfigureAwait(false);
                    connection.OnWriteFailed("the peer takes no more bytes");
                    return;
                }

                if (Defer())
                    return;
                // The thread may be an application's that only wanted to write its own message.
                if (turn % TurnsBeforeYield == 0)
                    await Task.Yield();
            }
        }
        catch (Exception e)
        {
            await CompleteAsync(e).ConfigureAwait(false);
            connection.OnWriteFailed(e.Message);
        }
        finally
        {
            if (taken is not null)
                ArrayPool<byte>.Shared.Return(taken);
        }
    }

    /// <summary>After a write: what came meanwhile may wait for more, if there is little of it and the pool is busy.</summary>
    private bool Defer()
    {
        if (ThreadPool.PendingWorkItemCount == 0)
            return false;
        lock (connection.Gate)
        {
            if (_count is 0 or >= EnoughForAWrite || _finish || _deferred)
                return false;
            _flushing = false;
            Volatile.Write(ref _flushSince, 0);
            _deferred = true;
            _deferrals = 0;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }

    private async Task CompleteAsync(Exception? error)
    {
        try
        {
            await output.CompleteAsync(error).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or OperationCanceledException
            or System.Net.Sockets.SocketException or System.Net.WebSockets.WebSocketException)
        {
            // The transport is already gone.
        }

        lock (connection.Gate)
        {
            if (_buffer is not null)
                ArrayPool<byte>.Shared.Return(_buffer);
            (_buffer, _count, _tail) = (null, 0, -1);
            _drained?.TrySetResult();
            _drained = null;
            _isFinished = true;
            (_finished ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }
}
