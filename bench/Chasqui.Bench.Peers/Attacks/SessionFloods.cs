using System.Text.Json;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Sessions in masses.</summary>
internal static class SessionFloods
{
    /// <summary>Who makes sessions and fills them, and reads them all.</summary>
    public static Task WritersAsync(AttackRun run) => run.RepeatAsync(4, 20, async (actor, random) =>
    {
        var id = FormattableString.Invariant($"flood-{actor}-{random.Next(1_000_000)}");
        await run.PostAsync("/api/sessions", $$"""{"id":"{{id}}"}""");
        var turn = JsonSerializer.Serialize(new string('t', 256 * 1024));
        for (var i = 0; i < 8; i++)
            await run.PostAsync($"/api/sessions/{id}/messages", $$"""{"messages":[{"role":"user","content":{{turn}}}]}""");
        await run.SendAsync(HttpMethod.Get, random.Next(3) switch { 0 => $"/api/sessions/{id}/export", 1 => $"/api/sessions/{id}/changes?limit=1000", _ => $"/api/sessions/{id}" }, null);
    });

    /// <summary>Who follows a session that changes, and reads nothing.</summary>
    public static Task ReadersAsync(AttackRun run)
    {
        var id = FormattableString.Invariant($"events-{Environment.TickCount64}");
        return run.RepeatAsync(33, 50, async (actor, _) =>
        {
            if (actor == 0)
            {
                await run.PostAsync($"/api/sessions/{id}/messages", $$"""{"messages":[{"role":"user","content":"{{new string('t', 16 * 1024)}}"}]}""");
                await run.PostAsync("/api/sessions", $$"""{"id":"{{id}}"}""");
                return;
            }
            using var link = await run.DialAsync(receiveBuffer: 4096);
            await link.SendAsync(run.Head($"GET /api/sessions/{id}/events?after=0"));
            run.Did();
            await link.HoldAsync();
        });
    }
}
