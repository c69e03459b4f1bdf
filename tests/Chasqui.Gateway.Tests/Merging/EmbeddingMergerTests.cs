using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Scheduling;
using Chasqui.Gateway.Telemetry;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Merging;

public sealed class EmbeddingMergerTests : IDisposable
{
    private readonly HeldUpstream _upstream = new();
    private readonly FakeTimeProvider _time = new();
    private readonly GatewayTelemetry _telemetry = new();
    private GatewaySettings _settings = new() { Merging = new MergingOptions { Window = TimeSpan.FromMilliseconds(10), MaxInputs = 4 } };
    private readonly EmbeddingMerger _merger;

    public EmbeddingMergerTests() => _merger = new EmbeddingMerger(_upstream, () => _settings, _time);

    private MergingOptions Merging { set => _settings = _settings with { Merging = value }; get => _settings.Merging; }

    [Fact]
    public async Task Whoever_is_alone_is_sent_at_once()
    {
        var one = EmbedAsync("a");
        Assert.Single(_upstream.Calls);
        _upstream.Calls[0].Answer();
        Assert.Equal(HeldUpstream.Vector("a"), (await one).Vectors.Single());

        var two = EmbedAsync("b");
        Assert.Equal(2, _upstream.Calls.Count);
        _upstream.Calls[1].Answer();
        await two;
    }

    [Fact]
    public async Task Those_who_come_meanwhile_go_together_once_it_returns()
    {
        var first = EmbedAsync("a");
        var others = new[] { EmbedAsync("b"), EmbedAsync("cc", "ccc"), EmbedAsync("d") };
        Assert.Single(_upstream.Calls);
        _upstream.Calls[0].Answer();
        await first;
        await UntilAsync(() => _upstream.Calls.Count == 2);
        Assert.Equal(["b", "cc", "ccc", "d"], _upstream.Calls[1].Request.Inputs);
        _upstream.Calls[1].Answer();
        var results = await Task.WhenAll(others);
        Assert.Equal([HeldUpstream.Vector("cc"), HeldUpstream.Vector("ccc")], results[1].Vectors);
        Assert.Equal(HeldCall.Tokens(["b", "cc", "ccc", "d"]), results.Sum(result => result.PromptTokens));
    }

    [Fact]
    public async Task A_window_that_ends_and_a_call_that_is_full_go_where_there_is_another_slot()
    {
        _upstream.SlotCount = 3;
        var all = new List<Task<EmbedResult>> { EmbedAsync("a"), EmbedAsync("b") };
        _time.Advance(TimeSpan.FromMilliseconds(9));
        Assert.Single(_upstream.Calls);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(2, _upstream.Calls.Count);
        all.AddRange(Enumerable.Range(0, 4).Select(i => EmbedAsync($"{i}")));
        Assert.Equal(3, _upstream.Calls.Count);
        // No slot is left: neither the window nor the size sends what could only wait there.
        all.AddRange(Enumerable.Range(0, 9).Select(i => EmbedAsync($"x{i}")));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(3, _upstream.Calls.Count);
        await AnswerAllAsync(all);
        Assert.Equal([1, 1, 4, 4, 4, 1], _upstream.Calls.Select(call => call.Request.Inputs.Count));
    }

    [Fact]
    public async Task A_fixed_window_holds_everybody_back_until_it_ends()
    {
        Merging = Merging with { Strategy = MergeStrategy.Fixed };
        var all = new List<Task<EmbedResult>> { EmbedAsync("a") };
        _time.Advance(TimeSpan.FromMilliseconds(5));
        all.Add(EmbedAsync("b"));
        Assert.Empty(_upstream.Calls);
        _time.Advance(TimeSpan.FromMilliseconds(5));
        Assert.Equal(["a", "b"], _upstream.Calls.Single().Request.Inputs);
        all.AddRange(Enumerable.Range(0, 5).Select(i => EmbedAsync($"{i}")));
        Assert.Equal(2, _upstream.Calls.Count);
        _time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.Equal([2, 4, 1], _upstream.Calls.Select(call => call.Request.Inputs.Count));
        await AnswerAllAsync(all);
    }

    [Fact]
    public async Task Only_what_would_have_the_same_result_goes_together()
    {
        Merging = Merging with { Strategy = MergeStrategy.Fixed };
        var plain = new EmbedRequest { Model = "m", Inputs = ["x"] };
        EmbedRequest[] different =
        [
            plain, plain with { Model = "n" }, plain with { Dimensions = 4 }, plain with { Truncate = false }, plain with { KeepAlive = TimeSpan.Zero },
            plain with { Options = new GenerationOptions { NumCtx = 512 } },
        ];
        var all = different.Concat(different).Select(request => _merger.EmbedAsync(request with { Inputs = ["y"] }, null, CancellationToken.None))
            .Append(_merger.EmbedAsync(plain, "n1", CancellationToken.None)).ToList();
        _time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.Equal(different.Length + 1, _upstream.Calls.Count);
        Assert.All(_upstream.Calls.Where(call => call.Node is null), call => Assert.Equal(2, call.Request.Inputs.Count));
        await AnswerAllAsync(all);
        Assert.False(_merger.Merges(plain with { Normalize = false }));
    }

    [Fact]
    public async Task One_bad_text_fails_alone()
    {
        Merging = Merging with { MaxInputs = 64 };
        var first = EmbedAsync("a");
        var others = Enumerable.Range(0, 32).Select(i => EmbedAsync(i == 13 ? "bad13" : $"t{i}")).ToList();
        await AnswerAllAsync([first, .. others], until: () => others.All(task => task.IsCompleted));
        for (var i = 0; i < others.Count; i++)
        {
            if (i == 13)
                Assert.Equal("bad13 is bad", (await Assert.ThrowsAsync<InvalidRequestException>(() => others[13])).Message);
            else
                Assert.Equal(HeldUpstream.Vector($"t{i}"), (await others[i]).Vectors.Single());
        }
        // The first, all, and two halves for each of the five halvings.
        Assert.Equal(12, _upstream.Calls.Count);
    }

    [Fact]
    public async Task What_is_the_nodes_fault_is_told_to_all_and_not_asked_again()
    {
        var first = EmbedAsync("a");
        var others = new[] { EmbedAsync("b"), EmbedAsync("c") };
        _upstream.Calls[0].Answer();
        await first;
        await UntilAsync(() => _upstream.Calls.Count == 2);
        _upstream.Calls[1].Answer([[1f]]);
        foreach (var other in others)
            Assert.Contains("2 texts were answered with 1 vectors", (await Assert.ThrowsAsync<EngineFailedException>(() => other)).Message, StringComparison.Ordinal);
        Assert.Equal(2, _upstream.Calls.Count);
    }

    [Fact]
    public async Task Whoever_leaves_takes_only_his_own_texts_along_and_the_last_one_ends_the_call()
    {
        using var waiting = new CancellationTokenSource();
        using var b = new CancellationTokenSource();
        using var c = new CancellationTokenSource();
        var first = EmbedAsync("a");
        var (two, three, never) = (EmbedAsync(b.Token, "b"), EmbedAsync(c.Token, "c"), EmbedAsync(waiting.Token, "w"));
        await waiting.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => never);
        _upstream.Calls[0].Answer();
        await first;
        await UntilAsync(() => _upstream.Calls.Count == 2);
        Assert.Equal(["b", "c"], _upstream.Calls[1].Request.Inputs);
        await b.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => two);
        Assert.False(_upstream.Calls[1].IsCancelled);
        await c.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => three);
        await UntilAsync(() => _upstream.Calls[1].IsCancelled);
    }

    [Fact]
    public async Task Callers_take_turns_and_are_refused_when_too_many_wait()
    {
        _settings = _settings with { Queue = new QueueOptions { MaxWaiting = 8, MaxWaitingPerCaller = 6 } };
        var all = new List<Task<EmbedResult>> { EmbedAs("a", "a") };
        all.AddRange(Enumerable.Range(0, 6).Select(i => EmbedAs("a", $"a{i}")));
        Assert.True((await Assert.ThrowsAsync<QueueRefusedException>(() => EmbedAs("a", "a6"))).IsCallers);
        all.Add(EmbedAs("b", "b0"));
        all.Add(EmbedAs("c", "c0"));
        Assert.False((await Assert.ThrowsAsync<QueueRefusedException>(() => EmbedAs("d", "d0"))).IsCallers);
        await AnswerAllAsync(all);
        Assert.Equal(["a0", "b0", "c0", "a1"], _upstream.Calls[1].Request.Inputs);
    }

    [Fact]
    public async Task Each_caller_of_a_call_pays_for_its_own_texts()
    {
        IReadOnlyList<TicketShare>? shared = null;
        _upstream.Asked = () => shared = RequestMeasure.Current!.Sharers;
        var all = new List<Task<EmbedResult>> { EmbedAs("a", "a") };
        await UntilAsync(() => shared is { Count: 0 });
        all.AddRange([EmbedAs("a", "12345"), EmbedAs("b", "123456789"), EmbedAs("a", "1")]);
        await AnswerAllAsync(all);

        Assert.Equal([("a", 8L), ("b", 10L)], shared!.Select(share => (share.Caller.Id, share.Weight)));
    }

    [Fact]
    public async Task Who_leaves_a_call_that_is_under_way_has_made_a_node_work()
    {
        using var leave = new CancellationTokenSource();
        var measure = _telemetry.Begin(new RequestOrigin("http", "/api/embed", "http"));
        measure.ExpectedTokens = 7;
        measure.Asks("embeddings", "m");
        _upstream.Asked = () => RequestMeasure.Current!.NodeChosen("n", "ollama", "127.0.0.1", 1, AttemptKind.First);
        var call = EmbedAsync(leave.Token, "a text");
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);

        measure.Settle(RequestOutcome.Cancelled);

        Assert.Equal(7, measure.InputTokens);
    }

    [Fact]
    public async Task What_is_too_much_for_one_call_goes_in_parts()
    {
        var first = EmbedAsync("a");
        var all = new[] { first, EmbedAsync([.. Enumerable.Range(0, 9).Select(i => $"{i}")]), EmbedAsync("b"), EmbedAsync("c") };
        await AnswerAllAsync(all);
        Assert.All(_upstream.Calls, call => Assert.InRange(call.Request.Inputs.Count, 1, 4));
        Assert.Equal(Enumerable.Range(0, 9).Select(i => HeldUpstream.Vector($"{i}")), (await all[1]).Vectors);
    }

    public void Dispose() => _telemetry.Dispose();

    private Task<EmbedResult> EmbedAsync(params string[] texts) => EmbedAsync(CancellationToken.None, texts);

    private Task<EmbedResult> EmbedAsync(CancellationToken cancellationToken, params string[] texts) =>
        _merger.EmbedAsync(new EmbedRequest { Model = "m", Inputs = texts }, null, cancellationToken);

    private async Task<EmbedResult> EmbedAs(string caller, string text)
    {
        var measure = _telemetry.Begin(new RequestOrigin("http", "/api/embed", "http"));
        measure.Caller = new Caller { Id = caller };
        measure.Asks("embeddings", "m");
        return await EmbedAsync(text);
    }

    private async Task AnswerAllAsync(IReadOnlyList<Task> all, Func<bool>? until = null)
    {
        until ??= () => all.All(task => task.IsCompleted);
        await UntilAsync(() =>
        {
            foreach (var call in _upstream.Open)
                call.Answer();
            return until();
        });
        Assert.All(_upstream.Calls, call => Assert.True(call.IsOver));
    }

    // Callers go on by themselves, a moment after their call has ended.
    private static async Task UntilAsync(Func<bool> met)
    {
        while (!met())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
