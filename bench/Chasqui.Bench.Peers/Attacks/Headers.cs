namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Heads of HTTP that are too large, or of which two readers would make two things.</summary>
internal static class Headers
{
    public static Task RunAsync(AttackRun run) => run.RepeatAsync(4, 10, async (_, random) =>
    {
        using var link = await run.DialAsync();
        const string Post = "POST /api/chat HTTP/1.1\r\nHost: x\r\n";
        var key = $"Authorization: Bearer {run.Target.Key}\r\n";
        await link.SendAsync(random.Next(10) switch
        {
            0 => Post + "X-Long: " + new string('x', 200_000) + "\r\n\r\n",
            1 => Post + string.Concat(Enumerable.Range(0, 5_000).Select(i => FormattableString.Invariant($"X-{i}: y\r\n"))) + "\r\n",
            2 => Post + key + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/tags HTTP/1.1\r\n\r\n",
            3 => Post + key + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
            4 => Post + key + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
            5 => Post + key + "Transfer-Encoding: chunked\r\n\r\n1;" + new string('e', 100_000) + "\r\nx\r\n0\r\n\r\n",
            6 => Post + key + " folded: yes\r\n\r\n",
            7 => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0",
            8 => Post + key + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            _ => Post + key + "Content-Length: -1\r\nExpect: 100-continue\r\n\r\n",
        });
        run.Did();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(run.Token);
        patience.CancelAfter(TimeSpan.FromMilliseconds(200));
        await Task.WhenAny(link.DrainAsync(), Task.Delay(Timeout.Infinite, patience.Token));
    });
}
