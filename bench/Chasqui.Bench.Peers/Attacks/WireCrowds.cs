using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Calls that are right, but too many, or whose answers the caller does not read.</summary>
internal static class WireCrowds
{
    /// <summary>As many right calls at once as a caller can make.</summary>
    public static Task CrowdAsync(AttackRun run) => run.RepeatAsync(3, 100, async (actor, _) =>
    {
        await using var connection = await WireLink.ConnectAsync(run, actor);
        await run.RepeatAsync(40, 10, async (one, random) =>
        {
            await using var call = await connection.StartAsync(new HeaderList().Add("op", "chat"), Chat("bench", $"{one} {random.Next()}"), end: true, ct: run.Token);
            while (await call.ReadAsync(run.Token) is { } message)
                message.Dispose();
            run.Did();
        });
    });

    /// <summary>Answers for which no credit comes, or whose connection is not read at all.</summary>
    public static Task StalledReadersAsync(AttackRun run) => run.RepeatAsync(6, 100, async (actor, random) =>
    {
        await using var link = await WireLink.OpenAsync(run, actor, new Settings { StreamCredit = actor % 2 == 0 ? 0u : 262_144u, ConnectionCredit = int.MaxValue });
        var encoder = new HeaderEncoder();
        for (uint i = 0; i < 16; i++)
        {
            var model = i == 0 ? "mini" : "long";
            await link.SendAsync(i % 4 == 3
                ? WireLink.Request((2 * i) + 1, FrameFlags.End, WireLink.Block(encoder, new HeaderList().Add("op", "http").Add("path", "/api/chat")), System.Text.Encoding.UTF8.GetBytes($$"""{"model":"{{model}}","messages":[{"role":"user","content":"{{random.Next()}}"}]}"""))
                : WireLink.Request((2 * i) + 1, FrameFlags.End, WireLink.Block(encoder, new HeaderList().Add("op", "chat")), Chat(model, $"{random.Next()}")));
            run.Did();
        }
        // Those without credit read, so that the connection lives.
        if (actor % 2 == 0)
            await link.DrainAsync();
        else
            await Task.Delay(Timeout.Infinite, run.Token);
    });

    /// <summary>Subscriptions to everything, of which nothing is taken.</summary>
    public static Task SubscriptionsAsync(AttackRun run) => run.RepeatAsync(4, 200, async (actor, random) =>
    {
        await using var connection = await WireLink.ConnectAsync(run, actor, new Settings { StreamCredit = 0 });
        var calls = new List<OutgoingCall>();
        for (var i = 0; i < 1_000; i++)
        {
            var channel = (i % 4) switch { 0 => "nodes", 1 => "models", 2 => FormattableString.Invariant($"queue.r{random.Next()}"), _ => FormattableString.Invariant($"session.s{random.Next(100)}") };
            calls.Add(await connection.StartAsync(new HeaderList().Add("op", "channel.subscribe"), new Messages.SubscribeRequest { Channel = channel }.ToByteArray(), end: true, ct: run.Token));
            run.Did();
        }
        await Task.WhenAny(connection.Closed, Task.Delay(Timeout.Infinite, run.Token));
    });

    /// <summary>Answers that are to be kept, and whose connection is cut.</summary>
    public static Task KeptAsync(AttackRun run) => run.RepeatAsync(4, 100, async (actor, _) =>
    {
        await using var link = await WireLink.OpenAsync(run, actor);
        var encoder = new HeaderEncoder();
        for (uint i = 0; i < 16; i++)
        {
            await link.SendAsync(WireLink.Request((2 * i) + 1, FrameFlags.End, WireLink.Block(encoder, new HeaderList().Add("op", "chat").Add("generation", Guid.NewGuid().ToString())), Chat("kept", "x")));
            run.Did();
        }
    });

    private static byte[] Chat(string model, string text) => new Messages.ChatRequest { Model = model, Messages = { new Messages.ChatMessage { Role = "user", Content = text } } }.ToByteArray();
}
