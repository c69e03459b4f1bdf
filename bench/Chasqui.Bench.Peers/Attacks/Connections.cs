using System.Security.Cryptography;
using Chasqui.Protocol;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Connections in great number, and callers without a key.</summary>
internal static class Connections
{
    /// <summary>Connections that say nothing.</summary>
    public static Task IdleAsync(AttackRun run) => run.RepeatAsync(600, 200, async (actor, _) =>
    {
        if (actor % 2 == 0)
        {
            using var link = await run.DialAsync();
            run.Did();
            await link.HoldAsync();
            return;
        }
        await using var wire = await WireLink.DialAsync(run, actor / 2);
        run.Did();
        await wire.DrainAsync();
    });

    /// <summary>Connections that are opened and closed again, in order or not.</summary>
    public static Task ChurnAsync(AttackRun run) => run.RepeatAsync(16, 20, async (actor, random) =>
    {
        if (actor % 2 == 0)
        {
            using var link = await run.DialAsync();
            if (random.Next(2) == 0)
                link.Break();
            if (random.Next(2) == 0)
                await link.SendAsync("GET /api/tags HTTP/1.1\r\nHost: x\r\n");
            run.Did();
            return;
        }
        await using var wire = await WireLink.DialAsync(run, actor / 2);
        if (random.Next(2) == 0)
            await wire.SendAsync(WireLink.Hello(new Settings { Authorization = "Bearer " + run.Target.Key }));
        run.Did();
    });

    /// <summary>Keys that are tried out.</summary>
    public static Task KeysAsync(AttackRun run) => run.RepeatAsync(8, 10, async (actor, random) =>
    {
        var key = random.Next(3) switch
        {
            0 => "chq_" + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789_", 12) + "_" + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", 43),
            // A real key with another end.
            1 => run.Target.Key[..^4] + "AAAA",
            _ => new string('k', random.Next(1, 8000)),
        };
        if (actor % 2 == 0)
        {
            await run.PostAsync("/api/chat", """{"model":"bench","messages":[{"role":"user","content":"x"}]}""", key);
            return;
        }
        await using var wire = await WireLink.DialAsync(run, actor / 2);
        await wire.SendAsync(WireLink.Hello(new Settings { Authorization = "Bearer " + key }));
        run.Did();
        await wire.DrainAsync();
    });
}
