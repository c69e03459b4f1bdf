using Chasqui.Protocol;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Hellos that do not end, or are none.</summary>
internal static class WireHellos
{
    public static Task RunAsync(AttackRun run) => run.RepeatAsync(40, 50, async (actor, random) =>
    {
        await using var link = await WireLink.DialAsync(run, actor);
        var draining = link.DrainAsync();
        var hello = WireLink.Hello(new Settings { Authorization = "Bearer " + run.Target.Key });
        switch (random.Next(5))
        {
            case 0:
                // A byte now and then.
                for (var i = 0; i < hello.Length - 1 && !draining.IsCompleted; i++)
                {
                    await link.SendAsync(hello.AsMemory(i, 1));
                    run.Did();
                    await Task.Delay(200, run.Token);
                }
                break;
            case 1:
                // 16 MiB are announced, and some of them come.
                var header = new byte[FrameHeader.Size];
                FrameHeader.Write(header, FrameType.Hello, 16_777_215, 0);
                await link.SendAsync(header);
                await link.SendAsync(new byte[100_000]);
                break;
            case 2:
                await link.SendAsync(WireLink.Frame(FrameType.Hello, 0, [.. Enumerable.Range(0, 4_000).SelectMany(i => (byte[])[(byte)(0x80 | (i & 0x7F)), (byte)(i >> 7), 0])]));
                break;
            case 3:
                await link.SendAsync(WireLink.Frame(FrameType.Hello, 0, [9, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1]));
                break;
            default:
                await link.SendAsync(hello.AsMemory(0, random.Next(1, hello.Length)));
                break;
        }
        run.Did();
        await draining;
    });
}
