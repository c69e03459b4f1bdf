using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport.Tests;

/// <summary>A conversation means the same however its bytes are cut, and breaking off anywhere hangs nobody.</summary>
public sealed class SplitTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Byte_by_byte_and_cut_in_two_at_every_byte_it_is_the_same()
    {
        var bytes = Conversation();
        var cuts = Enumerable.Range(0, bytes.Length).Select(i => new[] { i }).Append([.. Enumerable.Range(1, bytes.Length - 1)]);

        await Parallel.ForEachAsync(cuts, Cancellation, async (cut, _) =>
        {
            await using var peer = new RawPeer(Pair.EchoAsync);
            var from = 0;
            foreach (var to in cut.Append(bytes.Length))
            {
                await peer.SendAsync(bytes[from..to]);
                from = to;
            }

            var got = new Dictionary<uint, List<string>>();
            // Until both have ended: to hang up on a stream that runs is to cut it.
            var ended = 0;
            while (ended < 2)
                ended += Collect(await peer.ReadAsync(), got);
            await peer.CutAsync();

            Assert.Equal(["one", "two parts", "3"], got[1]);
            Assert.Equal(["four", "five", "6"], got[3]);
            Assert.Equal(ErrorCode.NoError, (await peer.Subject.Closed.WaitAsync(Pair.Limit, Cancellation)).Code);
        });
    }

    [Fact]
    public async Task Broken_off_at_every_byte_it_ends_as_truncated()
    {
        // Without the goodbye at its end.
        var bytes = Conversation()[..^21];

        await Parallel.ForEachAsync(Enumerable.Range(0, bytes.Length), Cancellation, async (length, _) =>
        {
            var running = 0;
            await using var peer = new RawPeer(async call =>
            {
                Interlocked.Increment(ref running);
                try
                {
                    await Pair.EchoAsync(call);
                }
                finally
                {
                    Interlocked.Decrement(ref running);
                }
            });
            await peer.SendAsync(bytes[..length]);
            await peer.CutAsync();

            var reason = await peer.Subject.Closed.WaitAsync(Pair.Limit, Cancellation);

            Assert.Equal((ErrorCode.Truncated, true), (reason.Code, reason.ByPeer));
            Assert.Equal(0, await CallTests.EventuallyAsync(() => Volatile.Read(ref running), 0));
        });
    }

    /// <summary>Two streams with messages in a head, in parts, in DATA and in BATCH, a heartbeat, an extension, and a goodbye.</summary>
    internal static byte[] Conversation()
    {
        var peer = new RawFrames();
        return
        [
            .. RawPeer.Hello(),
            .. peer.Request(1, FrameFlags.Message, "one"u8),
            .. RawPeer.Data(1, FrameFlags.More, "two "u8),
            .. RawPeer.Frame(FrameType.Heartbeat, 0, new byte[9]),
            .. peer.Request(3, FrameFlags.Message, "four"u8),
            .. RawPeer.Data(1, FrameFlags.None, "parts"u8),
            .. RawPeer.Frame(FrameType.Batch, 0, [1, 2, (byte)'3', 3, 8, .. "five"u8]),
            .. RawPeer.Frame((FrameType)130, 5, "what"u8),
            .. RawPeer.Frame(FrameType.Batch, 0, [3, 3, (byte)'6', 1, 1]),
            .. RawPeer.Goodbye(0),
        ];
    }

    /// <returns>How many streams the frame ends.</returns>
    private static int Collect(RawFrame frame, Dictionary<uint, List<string>> got)
    {
        if (frame.Type == FrameType.Data)
        {
            if (frame.Payload.Length > 1)
                Add(frame.Stream, frame.Payload.AsSpan(1));
            return frame.Payload[0] & (byte)FrameFlags.End;
        }

        if (frame.Type != FrameType.Batch)
            return 0;
        var ended = 0;
        var batch = new BatchReader(frame.Payload);
        while (batch.Next())
        {
            if (batch.Body.Length > 0)
                Add(batch.Stream, batch.Body);
            if (batch.End)
                ended++;
        }

        return ended;

        void Add(uint stream, ReadOnlySpan<byte> body)
        {
            if (!got.TryGetValue(stream, out var list))
                got.Add(stream, list = []);
            list.Add(System.Text.Encoding.ASCII.GetString(body));
        }
    }

    private sealed class RawFrames
    {
        private readonly HeaderEncoder _encoder = new();

        public byte[] Request(uint stream, FrameFlags flags, ReadOnlySpan<byte> body)
        {
            var block = new System.Buffers.ArrayBufferWriter<byte>();
            _encoder.Encode(Pair.Op().AsSpan(), block);
            return RawPeer.Frame(FrameType.Request, stream, [(byte)flags, (byte)block.WrittenCount, .. block.WrittenSpan, .. body]);
        }
    }
}
