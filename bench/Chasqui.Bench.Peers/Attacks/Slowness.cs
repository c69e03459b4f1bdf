namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Clients that take their time: with what they send, or with what they read.</summary>
internal static class Slowness
{
    private static readonly (string Path, string Body)[] _streams =
    [
        ("/api/chat", """{"model":"long","messages":[{"role":"user","content":"x"}]}"""),
        ("/api/generate", """{"model":"long","prompt":"x"}"""),
        ("/v1/chat/completions", """{"model":"long","stream":true,"messages":[{"role":"user","content":"x"}]}"""),
        ("/v1/messages", """{"model":"long","stream":true,"max_tokens":100000,"messages":[{"role":"user","content":"x"}]}"""),
    ];

    /// <summary>Heads that never end.</summary>
    public static Task HeadersAsync(AttackRun run) => run.RepeatAsync(100, 100, async (_, random) =>
    {
        using var link = await run.DialAsync();
        await link.SendAsync("POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        for (var i = 0; ; i++)
        {
            await link.SendAsync(FormattableString.Invariant($"X-{i}: {random.Next()}\r\n"));
            run.Did();
            await Task.Delay(250, run.Token);
        }
    });

    /// <summary>Bodies of which a byte comes now and then.</summary>
    public static Task BodiesAsync(AttackRun run) => run.RepeatAsync(100, 100, async (_, _) =>
    {
        using var link = await run.DialAsync();
        await link.SendAsync(run.Head("POST /api/chat", "Content-Length: 1000000") + """{"model":"bench","messages":[{"role":"user","content":" """);
        while (true)
        {
            await link.SendAsync("x");
            run.Did();
            await Task.Delay(200, run.Token);
        }
    });

    /// <summary>Streams of which nothing is read: each would keep a slot of the node.</summary>
    public static Task StalledReadersAsync(AttackRun run) => run.RepeatAsync(12, 100, async (actor, _) =>
    {
        var (path, body) = _streams[actor % _streams.Length];
        using var link = await run.DialAsync(receiveBuffer: 4096);
        await link.SendAsync(run.Head($"POST {path}", $"Content-Length: {body.Length}") + body);
        run.Did();
        await link.HoldAsync();
    });

    /// <summary>Requests one behind the other, whose answers are not read.</summary>
    public static Task PipeliningAsync(AttackRun run) => run.RepeatAsync(4, 100, async (_, _) =>
    {
        using var link = await run.DialAsync(receiveBuffer: 4096);
        var many = string.Concat(Enumerable.Repeat(run.Head("GET /api/tags"), 100));
        for (var i = 0; i < 50; i++)
        {
            await link.SendAsync(many);
            run.Did();
        }
        await link.HoldAsync();
    });
}
