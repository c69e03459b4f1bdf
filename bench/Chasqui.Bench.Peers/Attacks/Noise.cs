using System.Text;
using Chasqui.Protocol;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Bytes that are nearly right, or not at all.</summary>
internal static class Noise
{
    /// <summary>Frames with a few bytes that are not theirs.</summary>
    public static Task WireAsync(AttackRun run) => run.RepeatAsync(4, 20, async (actor, random) =>
    {
        await using var link = await WireLink.OpenAsync(run, actor);
        var draining = link.DrainAsync();
        for (var i = 0; i < 100 && !draining.IsCompleted; i++)
        {
            var payload = new byte[random.Next(64)];
            random.NextBytes(payload);
            var frame = WireLink.Frame((FrameType)random.Next(0, 10), (uint)random.Next(0, 4), payload);
            if (random.Next(10) == 0)
                frame[random.Next(frame.Length)] ^= (byte)random.Next(1, 256);
            await link.SendAsync(frame);
            run.Did();
        }
    });

    /// <summary>WebSockets that break the rules of RFC 6455.</summary>
    public static Task WebSocketAsync(AttackRun run) => run.RepeatAsync(4, 50, async (_, random) =>
    {
        using var link = await run.DialAsync();
        var key = Convert.ToBase64String(Encoding.ASCII.GetBytes(FormattableString.Invariant($"{random.Next():d16}")));
        await link.SendAsync(run.Head("GET /ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", $"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Protocol: chasqui.v1"));
        await link.ReadAsync();
        byte[] bytes = random.Next(6) switch
        {
            // A text, masked.
            0 => [0x81, 0x84, 0, 0, 0, 0, .. "text"u8],
            // Not masked.
            1 => [0x82, 0x04, .. "text"u8],
            // A frame of 2^62 bytes.
            2 => [0x82, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. new byte[1_000]],
            // Pings.
            3 => [.. Enumerable.Repeat((byte[])[0x89, 0x80, 0, 0, 0, 0], 20_000).SelectMany(ping => ping)],
            // A message of very many empty parts.
            4 => [.. Enumerable.Repeat((byte[])[0x00, 0x80, 0, 0, 0, 0], 20_000).Prepend([0x02, 0x80, 0, 0, 0, 0]).SelectMany(part => part)],
            _ => [0xFF, 0xFF, 0xFF, 0xFF],
        };
        await link.SendAsync(bytes);
        run.Did();
        await link.DrainAsync();
    });
}
