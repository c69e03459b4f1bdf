namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Requests that are right, but too many or too long, or left in the middle.</summary>
internal static class Crowds
{
    /// <summary>As many right requests at once as a caller can make.</summary>
    public static Task HttpAsync(AttackRun run) => run.RepeatAsync(100, 10, (actor, random) =>
        run.PostAsync("/api/chat", $$"""{"model":"bench","messages":[{"role":"user","content":"{{actor}} {{random.Next()}}"}]}"""));

    /// <summary>Requests whose client breaks the connection while they are answered.</summary>
    public static Task BrokenAsync(AttackRun run) => run.RepeatAsync(8, 30, async (_, random) =>
    {
        using var link = await run.DialAsync();
        link.Break();
        var body = $$"""{"model":"kept","messages":[{"role":"user","content":"{{random.Next()}}"}]}""";
        await link.SendAsync(run.Head("POST /api/chat", $"Content-Length: {body.Length}") + body);
        run.Did();
        if (random.Next(2) == 0)
            await link.ReadAsync();
    });

    /// <summary>Answers of two thousand million tokens.</summary>
    public static Task LongAnswersAsync(AttackRun run) => run.RepeatAsync(4, 100, async (actor, random) =>
    {
        using var link = await run.DialAsync();
        // One of them for the embedded engine, which computes.
        var body = $$"""{"model":"{{(actor == 0 ? "mini" : "long")}}","prompt":"{{random.Next()}}","options":{"num_predict":2000000000,"num_ctx":1000000} }""";
        await link.SendAsync(run.Head("POST /api/generate", $"Content-Length: {body.Length}") + body);
        run.Did();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(run.Token);
        patience.CancelAfter(TimeSpan.FromSeconds(1));
        while (!patience.IsCancellationRequested && (await link.ReadAsync()).Length > 0)
        {
        }
    });

    /// <summary>Answers that are to be kept, and left at once.</summary>
    public static Task KeptAsync(AttackRun run) => run.RepeatAsync(8, 20, async (actor, random) =>
    {
        using var link = await run.DialAsync();
        var body = $$"""{"model":"kept","messages":[{"role":"user","content":"{{actor}} {{random.Next()}}"}]}""";
        await link.SendAsync(run.Head("POST /api/chat", "X-Chasqui-Resume: true", $"Content-Length: {body.Length}") + body);
        await link.ReadAsync();
        run.Did();
    });
}
