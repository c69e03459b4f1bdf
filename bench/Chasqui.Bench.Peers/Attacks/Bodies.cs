using System.Text;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Bodies that are large and do not end.</summary>
internal static class Bodies
{
    private const int Unfinished = 40 << 20;

    private static readonly byte[] _filler = Encoding.ASCII.GetBytes(new string('x', 64 * 1024));

    /// <summary>Chunks without end.</summary>
    public static Task EndlessAsync(AttackRun run) => run.RepeatAsync(3, 100, async (_, _) =>
    {
        using var link = await run.DialAsync();
        await link.SendAsync(run.Head("POST /v1/chat/completions", "Transfer-Encoding: chunked"));
        const string Begin = """{"model":"bench","messages":[{"role":"user","content":" """;
        await link.SendAsync(FormattableString.Invariant($"{Begin.Length:x}\r\n{Begin}\r\n"));
        while (true)
        {
            await link.SendAsync(FormattableString.Invariant($"{_filler.Length:x}\r\n"));
            await link.SendAsync(_filler);
            await link.SendAsync("\r\n");
            run.Did();
            await Task.Delay(5, run.Token);
        }
    });

    /// <summary>40 of 60 MiB, and then nothing.</summary>
    public static Task UnfinishedAsync(AttackRun run) => run.RepeatAsync(12, 500, async (actor, _) =>
    {
        using var link = await run.DialAsync();
        // Half of them to a path that does not exist.
        await link.SendAsync(run.Head($"POST {(actor % 2 == 0 ? "/api/chat" : "/api/no-such-path")}", "Content-Length: 62914560"));
        run.Did();
        for (var sent = 0; sent < Unfinished; sent += _filler.Length)
            await link.SendAsync(_filler);
        await link.HoldAsync();
    });
}
