using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport.Tests;

/// <summary>A frame as it came.</summary>
internal sealed record RawFrame(FrameType Type, uint Stream, byte[] Payload);

/// <summary>A peer that speaks bytes by hand, right or wrong, to a connection.</summary>
internal sealed class RawPeer : IAsyncDisposable
{
    private readonly IDuplexPipe _pipe;
    private readonly HeaderEncoder _encoder = new();

    public RawPeer(StreamHandler? handler = null, ConnectionOptions? options = null, ConnectionRole subject = ConnectionRole.Acceptor, long buffer = 1 << 20)
    {
        var pipes = new PipePair(buffer);
        _pipe = pipes.Here;
        Subject = Connection.Create(pipes.There, subject, options ?? new ConnectionOptions(), handler);
        Opening = Subject.OpenAsync();
        _ = Opening.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
    }

    /// <summary>Who is tested.</summary>
    public Connection Subject { get; }

    public Task Opening { get; }

    public static async Task<RawPeer> OpenAsync(
        StreamHandler? handler = null, ConnectionOptions? options = null, ConnectionRole subject = ConnectionRole.Acceptor, Settings? hello = null, long buffer = 1 << 20)
    {
        var peer = new RawPeer(handler, options, subject, buffer);
        await peer.SendAsync(Hello(hello));
        Assert.Equal(FrameType.Hello, (await peer.ReadAsync()).Type);
        await peer.Opening.WaitAsync(Pair.Limit);
        return peer;
    }

    public static byte[] Hello(Settings? settings = null)
    {
        var body = new ArrayBufferWriter<byte>();
        (settings ?? new Settings()).Write(body);
        return Frame(FrameType.Hello, 0, body.WrittenSpan);
    }

    public static byte[] Frame(FrameType type, uint stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[FrameHeader.Size + payload.Length];
        FrameHeader.Write(frame, type, payload.Length, stream);
        payload.CopyTo(frame.AsSpan(FrameHeader.Size));
        return frame;
    }

    /// <summary>A REQUEST or RESPONSE.</summary>
    public byte[] Head(FrameType type, uint stream, FrameFlags flags, HeaderList headers, ReadOnlySpan<byte> body = default)
    {
        var block = new ArrayBufferWriter<byte>();
        _encoder.Encode(headers.AsSpan(), block);
        var payload = new byte[1 + Varint.MaxSize + block.WrittenCount + body.Length];
        payload[0] = (byte)flags;
        var used = 1 + Varint.Write(payload.AsSpan(1), (uint)block.WrittenCount);
        block.WrittenSpan.CopyTo(payload.AsSpan(used));
        body.CopyTo(payload.AsSpan(used + block.WrittenCount));
        return Frame(type, stream, payload.AsSpan(0, used + block.WrittenCount + body.Length));
    }

    public byte[] Request(uint stream, FrameFlags flags = FrameFlags.End, string body = "", HeaderList? headers = null) =>
        Head(FrameType.Request, stream, body.Length > 0 ? flags | FrameFlags.Message : flags, headers ?? Pair.Op(), Encoding.UTF8.GetBytes(body));

    public static byte[] Data(uint stream, FrameFlags flags, ReadOnlySpan<byte> body) => Frame(FrameType.Data, stream, [(byte)flags, .. body]);

    public static byte[] Reset(uint stream, ErrorCode code) => Frame(FrameType.Reset, stream, [(byte)code]);

    public static byte[] Credit(uint stream, uint increment)
    {
        var payload = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(payload, increment);
        return Frame(FrameType.Credit, stream, payload);
    }

    public static byte[] Goodbye(uint last, ErrorCode code = ErrorCode.NoError)
    {
        var payload = new byte[5];
        BinaryPrimitives.WriteUInt32BigEndian(payload, last);
        payload[4] = (byte)code;
        return Frame(FrameType.Goodbye, 0, payload);
    }

    public async Task SendAsync(params byte[][] frames)
    {
        foreach (var frame in frames)
            await _pipe.Output.WriteAsync(frame).AsTask().WaitAsync(Pair.Limit);
    }

    /// <summary>As if the connection were cut.</summary>
    public ValueTask CutAsync() => _pipe.Output.CompleteAsync();

    /// <summary>Waits until something has come, and takes none of it.</summary>
    public async Task SeeAsync()
    {
        var result = await _pipe.Input.ReadAsync().AsTask().WaitAsync(Pair.Limit);
        _pipe.Input.AdvanceTo(result.Buffer.Start);
    }

    /// <summary>The next frame.</summary>
    /// <exception cref="EndOfStreamException">The subject has hung up.</exception>
    public async Task<RawFrame> ReadAsync()
    {
        while (true)
        {
            var result = await _pipe.Input.ReadAsync().AsTask().WaitAsync(Pair.Limit);
            var buffer = result.Buffer;
            if (TryTake(ref buffer, out var frame))
            {
                _pipe.Input.AdvanceTo(buffer.Start);
                return frame;
            }

            _pipe.Input.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
                throw new EndOfStreamException();
        }
    }

    /// <summary>The next frame of a type; others are passed over.</summary>
    public async Task<RawFrame> ReadAsync(FrameType type)
    {
        while (true)
        {
            var frame = await ReadAsync();
            if (frame.Type == type)
                return frame;
        }
    }

    /// <summary>The next message of a stream, as ASCII; parts are joined, other frames are passed over.</summary>
    public async Task<string> ReadMessageAsync(uint stream)
    {
        var joined = new List<byte>();
        while (true)
        {
            var frame = await ReadAsync();
            if (frame.Type == FrameType.Batch)
            {
                var reader = new BatchReader(frame.Payload);
                while (reader.Next())
                {
                    if (reader.Stream == stream && reader.Body.Length > 0)
                        return Encoding.Latin1.GetString(reader.Body);
                }
            }

            if (frame.Stream != stream || frame.Type is not (FrameType.Response or FrameType.Data))
                continue;
            var flags = FrameFlagBits.Flags(frame.Payload[0]);
            if (frame.Type == FrameType.Response && (flags & FrameFlags.Message) == 0)
                continue;
            joined.AddRange(frame.Type == FrameType.Data ? frame.Payload.AsSpan(1) : StreamHead.Read(frame.Payload).Body);
            if ((flags & FrameFlags.More) == 0)
                return Encoding.Latin1.GetString([.. joined]);
        }
    }

    /// <summary>What comes that is no frame, until the end.</summary>
    public async Task<string> ReadTextAsync()
    {
        var text = new ArrayBufferWriter<byte>();
        while (true)
        {
            var result = await _pipe.Input.ReadAsync().AsTask().WaitAsync(Pair.Limit);
            foreach (var segment in result.Buffer)
                text.Write(segment.Span);
            _pipe.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
                return Encoding.UTF8.GetString(text.WrittenSpan);
        }
    }

    /// <summary>The subject says goodbye with a code, perhaps after one without, and then hangs up.</summary>
    public async Task<string> ClosedAsync(ErrorCode code)
    {
        var (said, reason) = ReadGoodbye(await ReadAsync(FrameType.Goodbye));
        if (said == ErrorCode.NoError && code != ErrorCode.NoError)
            (said, reason) = ReadGoodbye(await ReadAsync(FrameType.Goodbye));
        Assert.Equal(code, said);
        await ReadToEndAsync();
        // It waits a moment for its peer to hang up.
        await _pipe.Output.CompleteAsync();
        var closed = await Subject.Closed.WaitAsync(Pair.Limit);
        Assert.Equal((code, reason, false), (closed.Code, closed.Reason, closed.ByPeer));
        Assert.Equal(0, Subject.ActiveStreams);
        return reason;
    }

    /// <summary>Frames that still come are dropped, until the subject has ended its side. A peer that hangs up before that ends the connection itself.</summary>
    private async Task ReadToEndAsync()
    {
        while (true)
        {
            var result = await _pipe.Input.ReadAsync().AsTask().WaitAsync(Pair.Limit);
            _pipe.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
                return;
        }
    }

    /// <summary>The subject resets a stream with a code.</summary>
    public async Task<string> ResetAsync(uint stream, ErrorCode code)
    {
        var frame = await ReadAsync(FrameType.Reset);
        var rest = (ReadOnlySpan<byte>)frame.Payload;
        Assert.Equal((stream, code), (frame.Stream, (ErrorCode)Varint.Read(ref rest)));
        return Encoding.UTF8.GetString(rest);
    }

    public async ValueTask DisposeAsync()
    {
        await _pipe.Output.CompleteAsync();
        await Subject.DisposeAsync();
        await _pipe.Input.CompleteAsync();
    }

    private static (ErrorCode Code, string Reason) ReadGoodbye(RawFrame frame)
    {
        var rest = (ReadOnlySpan<byte>)frame.Payload.AsSpan(4);
        var code = (ErrorCode)Varint.Read(ref rest);
        return (code, Encoding.UTF8.GetString(rest));
    }

    private static bool TryTake(ref ReadOnlySequence<byte> buffer, out RawFrame frame)
    {
        frame = null!;
        if (buffer.Length < FrameHeader.Size)
            return false;
        var header = FrameHeader.Read(buffer.Slice(0, FrameHeader.Size).ToArray());
        if (buffer.Length < FrameHeader.Size + (long)header.PayloadLength)
            return false;
        var payload = buffer.Slice(FrameHeader.Size, header.PayloadLength).ToArray();
        buffer = buffer.Slice(FrameHeader.Size + (long)header.PayloadLength);
        frame = new RawFrame(header.Type, header.Stream, payload);
        return true;
    }
}
