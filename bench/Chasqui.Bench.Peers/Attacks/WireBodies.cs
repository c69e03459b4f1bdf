using System.Text;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Messages that are large and do not end.</summary>
internal static class WireBodies
{
    private const int Together = 60 << 20;

    private static readonly byte[] _part = Encoding.ASCII.GetBytes(new string('x', 1 << 20));

    /// <summary>HTTP with 60 MiB of a body that does not end, half of it to a path that does not exist.</summary>
    public static Task HttpAsync(AttackRun run) => run.RepeatAsync(12, 200, async (actor, _) =>
    {
        await using var connection = await WireLink.ConnectAsync(run, actor);
        var headers = new HeaderList().Add("op", "http").Add("method", "POST").Add("path", actor % 2 == 0 ? "/api/no-such-path" : "/api/chat");
        await using var call = await connection.StartAsync(headers, default, end: false, ct: run.Token);
        for (var sent = 0; sent < Together; sent += _part.Length)
        {
            await call.WriteAsync(_part, ct: run.Token);
            run.Did();
        }
        await Task.WhenAny(connection.Closed, Task.Delay(TimeSpan.FromSeconds(30), run.Token));
    });

    /// <summary>Streams whose messages are never complete.</summary>
    public static Task UnfinishedAsync(AttackRun run) => run.RepeatAsync(6, 200, async (actor, _) =>
    {
        await using var link = await WireLink.OpenAsync(run, actor);
        var draining = link.DrainAsync();
        var encoder = new HeaderEncoder();
        var part = new byte[1 + (32 * 1024)];
        part[0] = (byte)FrameFlags.More;
        // Credit of a part comes back at once, so each stream may have one after the other.
        for (uint i = 0; i < 1_000 && !draining.IsCompleted; i++)
        {
            var stream = (2 * i) + 1;
            await link.SendAsync(WireLink.Request(stream, FrameFlags.More, WireLink.Block(encoder, new HeaderList().Add("op", i % 2 == 0 ? "chat" : "http").Add("path", "/api/chat")), part.AsSpan(1)));
            await link.SendAsync(WireLink.Frame(FrameType.Data, stream, part));
            run.Did();
            if (i % 20 == 0)
                await Task.Delay(5, run.Token);
        }
        await draining;
    });
}
