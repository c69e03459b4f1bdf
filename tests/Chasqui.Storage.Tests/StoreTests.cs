using System.Globalization;
using Chasqui.Gateway.Sessions;
using CsCheck;

namespace Chasqui.Storage.Tests;

/// <summary>What every store of sessions keeps to, whichever database it is.</summary>
public abstract partial class StoreTests : IAsyncLifetime
{
    private static readonly DateTimeOffset _start = new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero);
    private int _ticks;

    protected ISessionStore Store { get; private set; } = null!;

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private DateTimeOffset Now => _start.AddTicks(Interlocked.Increment(ref _ticks));

    public async ValueTask InitializeAsync() => Store = await OpenAsync();

    public virtual async ValueTask DisposeAsync()
    {
        if (Store is not null)
            await Store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<ISessionStore> OpenAsync();

    [Fact]
    public async Task A_session_is_its_changes_in_order()
    {
        var key = Key("s");
        var made = await DoAsync(new CreateSession(key, Now, new SessionSettings { Title = "T", Model = "m", Mode = SyncMode.Batched, Policy = ContextPolicy.Refuse, MaxTokens = 99 }));
        var said = await DoAsync(new AppendTurns(key, Now, 1, [Turn("one", 3), Turn("two", 4)]));
        var renamed = await DoAsync(new UpdateSession(key, Now, 2, made.Session!.Settings with { Title = "U" }));

        Assert.Equal([1L, 2L, 3L], new[] { made, said, renamed }.Select(outcome => outcome.Change!.Version));
        var session = await Store.FindAsync(key, Cancellation);
        Assert.Equal(renamed.Session, session);
        Assert.Equal((3, 2, 7, "U", 99), ((int)session!.Version, session.Messages, (int)session.Tokens, session.Settings.Title, session.Settings.MaxTokens));
        var changes = await Store.ReadAsync(key, 0, 100, long.MaxValue, Cancellation);
        Assert.Equal([ChangeKind.Created, ChangeKind.Appended, ChangeKind.Updated], changes.Select(change => change.Kind));
        Assert.Equal(new[] { made, said, renamed }.Select(outcome => outcome.Change!.At), changes.Select(change => change.At));
        Assert.Equal(["one", "two"], changes[1].Messages.Select(turn => turn.Message.Content));
        Assert.Equal(made.Change!.Settings, changes[0].Settings);
    }

    [Fact]
    public async Task What_cannot_be_done_hinders_nothing_else_in_its_transaction()
    {
        await DoAsync(new CreateSession(Key("a"), Now, new SessionSettings()));

        var outcomes = await Store.CommitAsync(
            [
                new AppendTurns(Key("a"), Now, 7, [Turn("stale")]), new AppendTurns(Key("none"), Now, null, [Turn("x")]), new CreateSession(Key("a"), Now, new SessionSettings()),
                new ForkSession(Key("b"), Now, Key("a"), 5, null), new ForkSession(Key("b"), Now, Key("none"), null, null), new AppendTurns(Key("a"), Now, 1, [Turn("right")]),
                new AppendTurns(Key("a"), Now, null, [Turn("whatever")]),
            ], Cancellation);

        Assert.Equal(
            [WriteResult.Conflict, WriteResult.NotFound, WriteResult.Exists, WriteResult.Conflict, WriteResult.NotFound, WriteResult.Done, WriteResult.Done], outcomes.Select(outcome => outcome.Result));
        Assert.Equal(1, outcomes[0].Session!.Version);
        Assert.Equal((1, "a"), ((int)outcomes[3].Session!.Version, outcomes[3].Session!.Key.Id));
        Assert.Equal(["right", "whatever"], await TextsAsync("a"));
        Assert.Null(await Store.FindAsync(Key("b"), Cancellation));
    }

    [Fact]
    public async Task A_fork_begins_as_the_other_one_did_and_goes_its_own_way()
    {
        await DoAsync(new CreateSession(Key("a"), Now, new SessionSettings { Title = "A" }));
        for (var i = 0; i < 3; i++)
            await DoAsync(new AppendTurns(Key("a"), Now, null, [Turn($"{i}", 10)]));

        var fork = await DoAsync(new ForkSession(Key("b"), Now, Key("a"), 3, null));
        await DoAsync(new AppendTurns(Key("b"), Now, 4, [Turn("other")]));
        await DoAsync(new DeleteSession(Key("a"), Now, null));

        Assert.Equal((4, 2, 20, "A", new SessionOrigin("a", 3)), ((int)fork.Session!.Version, fork.Session.Messages, (int)fork.Session.Tokens, fork.Session.Settings.Title, fork.Session.Origin));
        Assert.Equal(["0", "1", "other"], await TextsAsync("b"));
        Assert.Equal(WriteResult.Exists, (await DoAsync(new ForkSession(Key("a"), Now, Key("b"), null, null))).Result);
    }

    [Fact]
    public async Task A_fork_of_what_was_before_a_deletion_is_a_conflict_and_leaves_nothing()
    {
        await RecreateAsync("a");

        for (var version = 1; version <= 3; version++)
        {
            var fork = await DoAsync(new ForkSession(Key("b"), Now, Key("a"), version, null));

            Assert.Equal((WriteResult.Conflict, "a", 5L, null), (fork.Result, fork.Session!.Key.Id, fork.Session.Version, fork.Change));
            Assert.Null(await Store.FindAsync(Key("b"), Cancellation));
            Assert.Empty(await Store.ReadAsync(Key("b"), 0, 10, 1_000, Cancellation));
        }
        // The name is as free as it was.
        Assert.Equal(WriteResult.Done, (await DoAsync(new CreateSession(Key("b"), Now, new SessionSettings()))).Result);
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(5, 1)]
    [InlineData(null, 1)]
    public async Task One_that_was_made_anew_is_forked_from_its_new_beginning_on(int? version, int turns)
    {
        await RecreateAsync("a");

        var fork = await DoAsync(new ForkSession(Key("b"), Now, Key("a"), version, null));

        Assert.Equal((WriteResult.Done, (version ?? 5) + 1L, turns), (fork.Result, fork.Session!.Version, fork.Session.Messages));
        Assert.Equal(new[] { "new" }.Take(turns), await TextsAsync("b"));
    }

    [Fact]
    public async Task A_fork_can_be_forked_at_each_version_that_it_has_and_not_before_them()
    {
        await DoAsync(new CreateSession(Key("a"), Now, new SessionSettings()));
        await DoAsync(new AppendTurns(Key("a"), Now, null, [Turn("one")]));
        await DoAsync(new ForkSession(Key("b"), Now, Key("a"), null, null));
        await RecreateAsync("x");
        await DoAsync(new ForkSession(Key("y"), Now, Key("x"), 4, null));

        var outcomes = await Store.CommitAsync(
            [
                .. Enumerable.Range(1, 4).Select(version => new ForkSession(Key($"b{version}"), Now, Key("b"), version, null)),
                .. Enumerable.Range(3, 4).Select(version => new ForkSession(Key($"y{version}"), Now, Key("y"), version, null)),
            ], Cancellation);

        Assert.Equal(
            [
                (WriteResult.Done, 2L, 0), (WriteResult.Done, 3L, 1), (WriteResult.Done, 4L, 1), (WriteResult.Conflict, 3L, 1),
                (WriteResult.Conflict, 5L, 0), (WriteResult.Done, 5L, 0), (WriteResult.Done, 6L, 0), (WriteResult.Conflict, 5L, 0),
            ], outcomes.Select(outcome => (outcome.Result, outcome.Session!.Version, outcome.Session.Messages)));
    }

    [Fact]
    public async Task A_deleted_one_leaves_its_last_change_and_its_number_until_it_is_forgotten()
    {
        await DoAsync(new CreateSession(Key("s"), Now, new SessionSettings()));
        await DoAsync(new AppendTurns(Key("s"), Now, null, [Turn("secret")]));
        var deleted = await DoAsync(new DeleteSession(Key("s"), Now, 2));

        Assert.Null(await Store.FindAsync(Key("s"), Cancellation));
        Assert.Equal([(3L, ChangeKind.Deleted)], (await Store.ReadAsync(Key("s"), 0, 10, 1_000, Cancellation)).Select(change => (change.Version, change.Kind)));
        Assert.Empty((await Store.ListAsync("t", null, 10, Cancellation)).Sessions);
        Assert.Equal(WriteResult.NotFound, (await DoAsync(new AppendTurns(Key("s"), Now, null, [Turn("x")]))).Result);
        Assert.Equal(0, await Store.ForgetAsync(deleted.Change!.At, Cancellation));
        Assert.Equal(1, await Store.ForgetAsync(deleted.Change.At.AddTicks(1), Cancellation));
        Assert.Empty(await Store.ReadAsync(Key("s"), 0, 10, 1_000, Cancellation));
        Assert.Equal(1, (await DoAsync(new CreateSession(Key("s"), Now, new SessionSettings()))).Change!.Version);
    }

    [Fact]
    public async Task Tenants_do_not_see_each_other()
    {
        await DoAsync(new CreateSession(new SessionKey("t", "s"), Now, new SessionSettings { Title = "mine" }));
        await DoAsync(new CreateSession(new SessionKey("t'; DROP TABLE sessions; --", "s"), Now, new SessionSettings { Title = "theirs" }));

        await DoAsync(new DeleteSession(new SessionKey("t", "s"), Now, null));

        Assert.Equal("theirs", (await Store.FindAsync(new SessionKey("t'; DROP TABLE sessions; --", "s"), Cancellation))!.Settings.Title);
        Assert.Equal(WriteResult.NotFound, (await DoAsync(new ForkSession(Key("f"), Now, new SessionKey("t", "s"), null, null))).Result);
        Assert.Single((await Store.ListAsync("t'; DROP TABLE sessions; --", null, 10, Cancellation)).Sessions);
    }

    [Fact]
    public async Task Lists_and_changes_come_in_pages()
    {
        for (var i = 0; i < 25; i++)
            await DoAsync(new CreateSession(Key($"s{i}"), _start.AddSeconds(i / 2), new SessionSettings()));
        List<string> seen = [];
        for (string? after = null; ;)
        {
            var page = await Store.ListAsync("t", after, 7, Cancellation);
            seen.AddRange(page.Sessions.Select(session => session.Key.Id));
            if ((after = page.Next) is null)
                break;
        }
        Assert.Equal(25, seen.Distinct().Count());
        Assert.Equal(Enumerable.Range(0, 25).OrderByDescending(i => i / 2).ThenBy(i => $"s{i}", StringComparer.Ordinal).Select(i => $"s{i}"), seen);
        await Assert.ThrowsAsync<InvalidRequestException>(() => Store.ListAsync("t", "nonsense", 7, Cancellation));

        await DoAsync(new AppendTurns(Key("s0"), Now, null, [Turn(new string('x', 1_000))]));
        await DoAsync(new AppendTurns(Key("s0"), Now, null, [Turn("y")]));
        Assert.Equal([1L, 2L], (await Store.ReadAsync(Key("s0"), 0, 2, 10_000, Cancellation)).Select(change => change.Version));
        Assert.Equal([2L], (await Store.ReadAsync(Key("s0"), 1, 10, 1, Cancellation)).Select(change => change.Version));
    }

    [Fact]
    public async Task What_is_kept_is_counted_for_each_tenant_and_for_all()
    {
        var nothing = await Store.UsageAsync("t", Cancellation);
        await DoAsync(new CreateSession(Key("a"), Now, new SessionSettings()));
        var said = await DoAsync(new AppendTurns(Key("a"), Now, null, [Turn("one"), Turn(new string('\n', 1_000))]));
        var fork = await DoAsync(new ForkSession(Key("b"), Now, Key("a"), null, null));
        await DoAsync(new CreateSession(new SessionKey("u", "a"), Now, new SessionSettings()));
        var both = await Store.UsageAsync("t", Cancellation);
        var deleted = await DoAsync(new DeleteSession(Key("a"), Now, null));
        var one = await Store.UsageAsync("t", Cancellation);
        var all = await Store.UsageAsync(null, Cancellation);

        Assert.Equal(default, nothing);
        Assert.Equal(new SessionUsage(2, 4, said.Session!.Bytes + fork.Session!.Bytes), both);
        // A line break takes two bytes in JSON.
        Assert.InRange(said.Session.Bytes, 2_000 + (2 * SessionUsage.OfChange), 2_000 + (4 * SessionUsage.OfChange));
        Assert.Equal(SessionUsage.OfChange + new AppendTurns(Key("a"), Now, null, said.Change!.Messages).Bytes, said.Session.Bytes - (await Store.UsageAsync("u", Cancellation)).Bytes);
        Assert.True(fork.Session.Bytes > said.Session.Bytes);
        Assert.Equal(new SessionUsage(1, 2, deleted.Session!.Bytes + fork.Session.Bytes), one);
        Assert.InRange(deleted.Session.Bytes, SessionUsage.OfChange, 2 * SessionUsage.OfChange);
        Assert.Equal(one + await Store.UsageAsync("u", Cancellation), all);
        Assert.Equal(fork.Session, await Store.FindAsync(Key("b"), Cancellation));
    }

    [Fact]
    public async Task A_thousand_writers_of_one_session_lose_nothing()
    {
        await DoAsync(new CreateSession(Key("s"), Now, new SessionSettings()));

        await Task.WhenAll(Enumerable.Range(0, 1_000).Select(async i =>
        {
            long? seen = i % 20 == 0 ? 1 : null;
            while (await DoAsync(new AppendTurns(Key("s"), Now, seen, [Turn(i.ToString(CultureInfo.InvariantCulture))])) is { Result: WriteResult.Conflict } told)
                seen = told.Session!.Version;
        }));

        var changes = await Store.ReadAsync(Key("s"), 0, 10_000, long.MaxValue, Cancellation);
        Assert.Equal(Enumerable.Range(1, 1_001).Select(i => (long)i), changes.Select(change => change.Version));
        Assert.Equal(1_000, changes.SelectMany(change => change.Messages).Select(turn => turn.Message.Content).Distinct().Count());
    }

    [Fact]
    public async Task Any_text_comes_back_as_it_went()
    {
        await DoAsync(new CreateSession(Key("s"), Now, new SessionSettings { Title = "'\"\\ \u202e 🦙 ../../etc/passwd" }));
        string[] texts = ["", "\0", "\u001b[31m", "{\"role\":\"system\"}", "'; DROP TABLE changes; --", "🦙", new string('ä', 2_000_000)];
        await DoAsync(new AppendTurns(Key("s"), Now, null,
        [
            .. texts.Select(text => Turn(text)),
            new SessionMessage(new ChatMessage
            {
                Role = "assistant", Content = "c", Thinking = "t", ToolName = "n", ToolCallId = "i", Images = [new byte[] { 0, 255 }], ToolCalls = System.Text.Json.JsonElement.Parse(new string('[', 200) + new string(']', 200), new System.Text.Json.JsonDocumentOptions { MaxDepth = 500 }),
            }, 7),
        ]));

        var turns = (await Store.ReadAsync(Key("s"), 1, 1, 1, Cancellation)).Single().Messages;
        Assert.Equal(texts, turns.Take(texts.Length).Select(turn => turn.Message.Content));
        var last = turns[^1];
        Assert.Equal(("t", "n", "i", 7), (last.Message.Thinking, last.Message.ToolName, last.Message.ToolCallId, last.Tokens));
        Assert.Equal([0, 255], last.Message.Images.Single().ToArray());
        Assert.Equal(200, last.Message.ToolCalls!.Value.GetRawText().Count(c => c == '['));
        Assert.Equal("'\"\\ \u202e 🦙 ../../etc/passwd", (await Store.FindAsync(Key("s"), Cancellation))!.Settings.Title);
    }

    [Fact]
    public Task It_is_what_a_list_of_changes_is() => Gen.Select(Gen.Int[0, 4], Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[-1, 6]).List[1, 30].SampleAsync(async steps =>
    {
        var tenant = Guid.NewGuid().ToString("N");
        var model = new StoreModel();
        foreach (var (kind, which, source, version) in steps)
        {
            var key = new SessionKey(tenant, $"s{which}");
            long? expected = version < 0 ? null : version;
            SessionWrite write = kind switch
            {
                0 => new CreateSession(key, Now, new SessionSettings()),
                1 => new AppendTurns(key, Now, expected, [Turn($"{version}")]),
                2 => new UpdateSession(key, Now, expected, new SessionSettings { Title = $"{version}" }),
                3 => new ForkSession(key, Now, new SessionKey(tenant, $"s{source}"), expected, null),
                _ => new DeleteSession(key, Now, expected),
            };
            var outcome = await DoAsync(write);
            var (result, current) = model.Do(write);
            Assert.Equal((result, current), (outcome.Result, outcome.Session?.Version));
            Assert.Equal(model.Texts(key), (await Store.ReadAsync(key, 0, 1_000, long.MaxValue, Cancellation)).SelectMany(change => change.Messages).Select(turn => turn.Message.Content));
        }
    }, iter: 60, threads: 1);

    protected static SessionKey Key(string id) => new("t", id);

    protected static SessionMessage Turn(string text, int tokens = 1) => new(new ChatMessage { Role = "user", Content = text }, tokens);

    protected async Task<WriteOutcome> DoAsync(SessionWrite write) => (await Store.CommitAsync([write], Cancellation)).Single();

    /// <summary>A session that was deleted at version 3 and made again at 4, with one turn since.</summary>
    private async Task RecreateAsync(string id)
    {
        await DoAsync(new CreateSession(Key(id), Now, new SessionSettings()));
        await DoAsync(new AppendTurns(Key(id), Now, null, [Turn("old")]));
        await DoAsync(new DeleteSession(Key(id), Now, null));
        await DoAsync(new CreateSession(Key(id), Now, new SessionSettings()));
        await DoAsync(new AppendTurns(Key(id), Now, null, [Turn("new")]));
    }

    private async Task<IEnumerable<string>> TextsAsync(string id) =>
        (await Store.ReadAsync(Key(id), 0, 1_000, long.MaxValue, Cancellation)).SelectMany(change => change.Messages).Select(turn => turn.Message.Content);
}
