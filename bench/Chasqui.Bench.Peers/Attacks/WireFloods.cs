using System.Buffers.Binary;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Frames that cost their sender nothing.</summary>
internal static class WireFloods
{
    private const int Together = 200;

    /// <summary>Frames that say nothing, until the gateway has had enough.</summary>
    public static Task FramesAsync(AttackRun run) => run.RepeatAsync(4, 50, async (actor, random) =>
    {
        await using var link = await WireLink.OpenAsync(run, actor);
        var draining = link.DrainAsync();
        var frame = random.Next(5) switch
        {
            0 => WireLink.Frame(FrameType.Heartbeat, 0, new byte[ControlPayload.HeartbeatSize]),
            1 => WireLink.Frame(FrameType.Credit, 0, Increment(1)),
            2 => WireLink.Frame((FrameType)200, 0, new byte[100]),
            3 => WireLink.Frame(FrameType.Batch, 0, []),
            _ => WireLink.Frame(FrameType.Heartbeat, 0, [1, 0, 0, 0, 0, 0, 0, 0, 0]),
        };
        byte[] many = [.. Enumerable.Repeat(frame, Together).SelectMany(bytes => bytes)];
        while (!draining.IsCompleted)
        {
            await link.SendAsync(many);
            run.Did();
            await Task.Delay(5, run.Token);
        }
    });

    /// <summary>Streams that are opened and reset at once.</summary>
    public static Task ResetsAsync(AttackRun run) => run.RepeatAsync(4, 50, async (actor, random) =>
    {
        await using var link = await WireLink.OpenAsync(run, actor);
        var draining = link.DrainAsync();
        var encoder = new HeaderEncoder();
        var body = Google.Protobuf.MessageExtensions.ToByteArray(new Chasqui.Protocol.Messages.GenerateRequest { Model = random.Next(2) == 0 ? "kept" : "mini", Prompt = "x" });
        uint stream = 1;
        while (!draining.IsCompleted)
        {
            var bytes = new List<byte>();
            for (var i = 0; i < 50; i++, stream += 2)
            {
                bytes.AddRange(WireLink.Request(stream, FrameFlags.End, WireLink.Block(encoder, new HeaderList().Add("op", "generate")), body));
                bytes.AddRange(WireLink.Frame(FrameType.Reset, stream, [(byte)ErrorCode.Cancelled]));
            }
            await link.SendAsync(bytes.ToArray());
            run.Did();
            await Task.Delay(20, run.Token);
        }
    });

    /// <summary>Header blocks that are small and unpack to large lists, and tables that change their size again and again.</summary>
    public static Task HeadersAsync(AttackRun run) => run.RepeatAsync(4, 50, async (actor, random) =>
    {
        await using var link = await WireLink.OpenAsync(run, actor);
        var draining = link.DrainAsync();
        var encoder = new HeaderEncoder();
        var value = new string('x', 3_900);
        var large = new HeaderList().Add("op", "http").Add("x-large", value);
        uint stream = 1;
        await link.SendAsync(WireLink.Request(stream, FrameFlags.End, WireLink.Block(encoder, large)));
        var many = new HeaderList().Add("op", "http");
        for (var i = 0; i < 10_000; i++)
            many.Add("x-large", value);
        while (!draining.IsCompleted)
        {
            stream += 2;
            var block = random.Next(3) switch
            {
                // A table of no size, and of 4,096 bytes again, two thousand times.
                0 => [.. Enumerable.Repeat((byte[])[0x20, 0x3F, 0xE1, 0x1F], 2_000).SelectMany(bytes => bytes)],
                1 => WireLink.Block(encoder, new HeaderList().Add("op", "models.list").Add(FormattableString.Invariant($"x-{random.Next()}"), new string('y', 2_000))),
                _ => WireLink.Block(encoder, many),
            };
            await link.SendAsync(WireLink.Request(stream, FrameFlags.End, block));
            run.Did();
            await Task.Delay(10, run.Token);
        }
    });

    public static byte[] Increment(uint value)
    {
        var payload = new byte[ControlPayload.CreditSize];
        BinaryPrimitives.WriteUInt32BigEndian(payload, value);
        return payload;
    }
}
