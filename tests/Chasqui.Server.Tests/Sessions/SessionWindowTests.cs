using System.Text.Json;
using Chasqui.Gateway.Sessions;
using Chasqui.Server.Tests.Keys;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>Long sessions: a chat reads the end of one, and a reader gets all of it in parts.</summary>
public sealed class SessionWindowTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task What_is_sent_is_what_would_be_sent_had_all_been_read(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 20; round++)
        {
            await using var open = new OpenLog(new SessionOptions { CacheBytes = round % 2 == 0 ? 0 : 1 << 20 });
            await open.CreateAsync(round % 3 == 0 ? SyncMode.Local : SyncMode.Immediate);
            List<SessionMessage> all = [];
            for (var i = random.Next(1, 200); i > 0; i--)
            {
                SessionMessage[] turns = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Turn(random))];
                all.AddRange(turns);
                await open.Log.WriteAsync(new AppendTurns(OpenLog.Key(), open.Log.Now, null, turns), Cancellation);
            }
            // The same session with more room, and with less, after one and another.
            foreach (var most in Enumerable.Range(0, 4).Select(_ => random.Next(100, 3_000)))
            {
                ChatMessage[] added = [new ChatMessage { Role = "user", Content = "next" }];
                var turns = new SessionTurns(open.Log);
                SessionContext? expected = null;
                var refused = Record.Exception(() => expected = SessionContext.Of(new SessionPart(all), added, ContextPolicy.KeepLast, most));
                if (refused is not null)
                {
                    await Assert.ThrowsAsync<ContextLengthExceededException>(() => turns.BeginAsync(OpenLog.Key(), null, added, most, Cancellation));
                    continue;
                }
                var turn = await turns.BeginAsync(OpenLog.Key(), null, added, most, Cancellation);

                Assert.Equal(expected!.Messages.Select(message => message.Content), turn.Context.Messages.Select(message => message.Content));
                Assert.Equal(expected.Omitted, turn.Context.Omitted);
            }
        }
    }

    [Fact]
    public async Task A_chat_reads_no_more_of_a_long_session_than_it_needs()
    {
        await using var open = new OpenLog();
        await open.CreateAsync();
        await open.Store.CommitAsync([.. Enumerable.Range(0, 5_000).Select(i => new AppendTurns(OpenLog.Key(), open.Log.Now, null, [Turn(i == 7 ? "system" : "user", 10)]))], Cancellation);

        var turn = await new SessionTurns(open.Log).BeginAsync(OpenLog.Key(), null, [new ChatMessage { Role = "user", Content = "next" }], 200, Cancellation);

        Assert.InRange(open.Store.ReadBack, 1, 64);
        Assert.Equal("system", turn.Context.Messages[0].Role);
        Assert.Equal(5_001, turn.Context.Messages.Count + turn.Context.Omitted);
        open.Store.ReadBack = 0;
        await open.SayAsync("more");
        await new SessionTurns(open.Log).BeginAsync(OpenLog.Key(), null, [new ChatMessage { Role = "user", Content = "next" }], 200, Cancellation);
        Assert.Equal(0, open.Store.ReadBack);
    }

    [Fact]
    public async Task All_of_a_session_that_is_too_much_for_a_model_is_refused_by_name()
    {
        await using var open = new OpenLog();
        await open.Log.WriteAsync(new CreateSession(OpenLog.Key(), open.Log.Now, new SessionSettings { Policy = ContextPolicy.KeepAll }), Cancellation);
        for (var i = 0; i < 5; i++)
            await open.SayAsync(new string('x', 10_000_000));

        var error = await Assert.ThrowsAsync<InvalidRequestException>(
            () => new SessionTurns(open.Log).BeginAsync(OpenLog.Key(), null, [new ChatMessage { Role = "user", Content = "next" }], 4_096, Cancellation));

        Assert.Contains("keep-last", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/export")]
    public async Task A_long_session_comes_in_parts_and_is_whole(string what)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        using var made = await gateway.PostAsync("/api/sessions", """{"id":"s"}""");
        for (var i = 0; i < 20; i++)
        {
            using var said = await gateway.PostAsync("/api/sessions/s/messages", JsonSerializer.Serialize(new { messages = new[] { new { role = "user", content = new string((char)('a' + i), 20_000) } } }));
            Assert.True(said.IsSuccessStatusCode);
        }

        using var answer = await gateway.Http.GetAsync("/api/sessions/s" + what, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        var text = await answer.Content.ReadAsStringAsync(Cancellation);

        // Its length is not known when it begins.
        Assert.Equal((true, "\"21\""), (answer.Headers.TransferEncodingChunked, answer.Headers.ETag!.Tag));
        var turns = what.Length == 0
            ? JsonElement.Parse(text).GetProperty("messages").EnumerateArray()
            : text.Trim().Split('\n').Skip(1).SelectMany(line => JsonElement.Parse(line).GetProperty("messages").EnumerateArray());
        Assert.Equal(Enumerable.Range(0, 20).Select(i => new string((char)('a' + i), 20_000)), turns.Select(turn => turn.GetProperty("content").GetString()));
    }

    [Fact]
    public async Task A_session_that_is_deleted_while_it_is_read_does_not_end_as_if_that_were_all()
    {
        await using var open = new OpenLog();
        await open.CreateAsync();
        await open.Store.CommitAsync([.. Enumerable.Range(0, 300).Select(_ => new AppendTurns(OpenLog.Key(), open.Log.Now, null, [Turn("user", 1)]))], Cancellation);
        var session = await open.Log.GetAsync(OpenLog.Key(), Cancellation);
        var read = 0;

        await Assert.ThrowsAsync<SessionNotFoundException>(async () =>
        {
            await foreach (var change in open.Log.ReadAllAsync(session, Cancellation))
            {
                Assert.Equal(++read, change.Version);
                if (read == 1)
                    await open.Log.WriteAsync(new DeleteSession(OpenLog.Key(), open.Log.Now, null), Cancellation);
            }
        });
        Assert.InRange(read, 1, 300);
    }

    private static SessionMessage Turn(Random random) => Turn(random.Next(12) == 0 ? "system" : random.Next(2) == 0 ? "user" : "assistant", random.Next(1, 30));

    private static SessionMessage Turn(string role, int tokens) => new(new ChatMessage { Role = role, Content = Guid.NewGuid().ToString() }, tokens);
}
