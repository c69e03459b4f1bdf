using System.Buffers;
using System.Buffers.Binary;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport;

/// <summary>
/// The frames of a connection that have not been written yet, one behind the other. All under the connection's gate. The buffer is rented when there is
/// something to write and given back when there is nothing.
/// </summary>
internal sealed class FrameBuffer : IBufferWriter<byte>
{
    private const int FirstRent = 4 * 1024;
    private const int MaxBatched = 1_024;
    private const int MaxBatch = 16 * 1024 - FrameHeader.Size;

    private byte[]? _buffer;
    private int _count;

    // The last frame of the buffer while it can still grow into, or as, a BATCH; -1 if it cannot.
    private int _tail = -1;
    private bool _tailIsBatch;
    private uint _tailStream;
    private bool _tailEnd;

    /// <summary>Bytes that wait.</summary>
    internal int Count => _count;

    /// <summary>Takes all away; the buffer goes back to the shared pool by <see cref="Return"/>.</summary>
    internal (byte[]? Bytes, int Count) Take()
    {
        var taken = (_buffer, _count);
        (_buffer, _count, _tail) = (null, 0, -1);
        return taken;
    }

    /// <summary>Gives back what was taken.</summary>
    internal static void Return(byte[]? taken)
    {
        if (taken is not null)
            ArrayPool<byte>.Shared.Return(taken);
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
}
