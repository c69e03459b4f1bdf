using Chasqui.Engines.LlamaCpp.Decoding;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Whoever leaves, whenever and however: what was held is free soon, and nobody else notices.</summary>
[Collection(EngineCollection.Name)]
public sealed class CancellationTests
{
    // A story in full: nobody reaches the end of 10,000 tokens while a test looks elsewhere.
    private static readonly GenerationOptions _long = new() { Temperature = 1, Seed = 1, NumPredict = 10_000 };

    private static readonly GenerationOptions _greedy = new() { Temperature = 0 };

    /// <summary>An answer that does not end by itself.</summary>
    private static ChatRequest Endless(string question = "Tell me a story.") => EngineBed.Question(question, _long) with
    {
        Format = OutputFormat.FromSchema(System.Text.Json.JsonSerializer.SerializeToElement(new { type = "string", minLength = 3000, maxLength = 3000 })),
    };

    private static Task<OperationCanceledException> ThrowsCancelled(Func<Task> run) => Assert.ThrowsAnyAsync<OperationCanceledException>(() => run().WaitAsync(EngineBed.Patience));

    /// <summary>A stream that has given its first update and is not read further.</summary>
    private static async Task<IAsyncEnumerator<GenerationUpdate>> Begin(EngineBed bed, ChatRequest request)
    {
        var reader = bed.Engine.ChatAsync(request, EngineBed.Token).GetAsyncEnumerator(EngineBed.Token);
        Assert.True(await reader.MoveNextAsync().AsTask().WaitAsync(EngineBed.Patience, EngineBed.Token));
        return reader;
    }

    [Fact]
    public async Task Cancelled_before_the_load_nothing_is_loaded()
    {
        await using var bed = new EngineBed();
        var token = new CancellationToken(canceled: true);
        await ThrowsCancelled(() => bed.Ask("Hello!", token: token));
        await ThrowsCancelled(() => bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, token));
        await ThrowsCancelled(() => bed.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["x"] }, token));
        await ThrowsCancelled(() => bed.Engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = "x" }, token));
        Assert.Empty(await bed.Engine.ListResidentAsync(EngineBed.Token));
        Assert.NotEqual("", (await bed.Ask("Hello!")).Text);
    }

    [Fact]
    public async Task Cancelled_while_it_waits_for_room_the_others_go_on()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { MaxLoadedModels = 1 }, models: ["mini", "other"]);
        await using var busy = await Begin(bed, Endless());
        using var leave = new CancellationTokenSource();
        var leaver = bed.Chat(EngineBed.Question("Hello!", model: "other"), leave.Token);
        var stayer = bed.Chat(EngineBed.Question("Hello!", model: "other"));
        await leave.CancelAsync();
        await ThrowsCancelled(() => leaver);
        Assert.False(stayer.IsCompleted);
        Assert.True(await busy.MoveNextAsync());
        await busy.DisposeAsync();
        Assert.NotEqual("", (await stayer).Text);
    }

    [Fact]
    public async Task When_all_who_waited_for_a_load_have_left_the_next_one_loads_it()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { MaxLoadedModels = 1 }, models: ["mini", "other"]);
        await using var busy = await Begin(bed, Endless());
        using var leave = new CancellationTokenSource();
        var leavers = Enumerable.Range(0, 5).Select(_ => bed.Chat(EngineBed.Question("Hello!", model: "other"), leave.Token)).ToArray();
        await leave.CancelAsync();
        foreach (var leaver in leavers)
            await ThrowsCancelled(() => leaver);
        var next = bed.Chat(EngineBed.Question("Hello!", model: "other"));
        await busy.DisposeAsync();
        Assert.NotEqual("", (await next).Text);
        await bed.UntilIdle("other");
    }

    [Fact]
    public async Task Loads_that_are_cancelled_at_any_moment_leave_nothing_behind()
    {
        var seed = Environment.TickCount;
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        var random = new Random(seed);
        var before = DecodeThreads.Count;
        await using (var bed = new EngineBed(EngineBed.Settings with { Slots = 2, ContextLength = 256 }))
        {
            for (var i = 0; i < 60; i++)
            {
                using var leave = new CancellationTokenSource();
                var load = bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, leave.Token);
                Thread.SpinWait(random.Next(0, 200_000));
                await leave.CancelAsync();
                var unload = bed.Engine.UnloadAsync("mini", EngineBed.Token);
                try
                {
                    await load;
                }
                catch (OperationCanceledException)
                {
                }

                await unload.WaitAsync(EngineBed.Patience, EngineBed.Token);
            }

            await bed.Ask("Hello!");
            await bed.Engine.UnloadAsync("mini", EngineBed.Token).WaitAsync(EngineBed.Patience, EngineBed.Token);
            Assert.Empty(await bed.Engine.ListResidentAsync(EngineBed.Token));
        }

        Assert.Equal(before, DecodeThreads.Count);
    }

    [Fact]
    public async Task Cancelled_while_queued_in_the_prompt_or_in_the_answer_the_slot_is_free_and_others_are_untouched()
    {
        var settings = EngineBed.Settings with { Slots = 2 };
        await using var bed = new EngineBed(settings);
        var alone = (await bed.Chat(EngineBed.Question("Tell me a story about a dog.", _greedy) with { Alone = true })).Text;
        foreach (var prompt in new[] { "Hello!", string.Concat(Enumerable.Repeat("The bear and the fox went home. ", 80)) })
        {
            for (var after = 0; after < 4; after++)
            {
                using var leave = new CancellationTokenSource();
                var others = Enumerable.Range(0, 2).Select(_ => bed.Chat(EngineBed.Question("Tell me a story about a dog.", _greedy) with { Alone = true })).ToArray();
                var leavers = Enumerable.Range(0, 6).Select(_ => bed.Chat(Endless(prompt), leave.Token)).ToArray();
                await bed.Until(m => m.Running > 0);
                for (var i = 0; i < after; i++)
                    await bed.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["."] }, EngineBed.Token);
                await leave.CancelAsync();
                foreach (var leaver in leavers)
                    await ThrowsCancelled(() => leaver);
                foreach (var other in others)
                    Assert.Equal(alone, (await other).Text);
                await bed.UntilIdle();
            }
        }
    }

    [Fact]
    public async Task A_reader_that_goes_away_without_a_word_frees_its_slot()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 1 });
        for (var i = 0; i < 3; i++)
        {
            var reader = await Begin(bed, Endless());
            await reader.DisposeAsync();
        }

        // A stream that is never read is never begun.
        var never = bed.Engine.ChatAsync(Endless(), EngineBed.Token).GetAsyncEnumerator(EngineBed.Token);
        await never.DisposeAsync();
        Assert.NotEqual("", (await bed.Ask("Hello!")).Text);
        await bed.UntilIdle();
    }

    [Fact]
    public async Task A_reader_that_does_not_read_holds_up_nobody_and_goes_on_when_it_reads()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 2 });
        var request = Endless() with { Options = _long with { NumPredict = 600 } };
        var expected = (await bed.Chat(request with { Alone = true })).Text;
        await using var lazy = await Begin(bed, request with { Alone = true });
        var text = lazy.Current.Text;

        // The others decode more steps than the lazy one may be ahead, and it is decoded no further than that.
        for (var i = 0; i < 4; i++)
            Assert.NotEqual("", (await bed.Ask("Tell me a story about a dog.", _greedy)).Text);
        await bed.Until(m => m.Running == 1);
        var before = (await bed.Resident()).Counters.CompletionTokens;
        for (var i = 0; i < 20; i++)
            await bed.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["."] }, EngineBed.Token);
        Assert.Equal(before, (await bed.Resident()).Counters.CompletionTokens);

        var updates = 1;
        while (await lazy.MoveNextAsync().AsTask().WaitAsync(EngineBed.Patience, EngineBed.Token))
        {
            text += lazy.Current.Text;
            updates++;
        }

        Assert.True(updates > 2 * GenerationJob.BacklogLimit);
        Assert.Equal(expected, text);
        await bed.UntilIdle();
    }

    [Fact]
    public async Task Answers_that_end_with_a_full_context_let_the_next_in_even_if_nobody_reads_them()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 1 });
        await bed.Ask("Hello!");
        var request = Endless() with { Shift = false, Options = _long with { NumCtx = 48 } };
        // Each gives its first update and is read no further, so that nothing wakes the loop but its own work.
        var streams = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Begin(bed, request))).WaitAsync(TimeSpan.FromSeconds(20), EngineBed.Token);
        foreach (var stream in streams)
            await stream.DisposeAsync();
    }

    [Fact]
    public async Task A_thousand_that_are_queued_leave_at_once()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 2, QueueLimit = 2000 });
        await using var first = await Begin(bed, Endless());
        await using var second = await Begin(bed, Endless());
        using var leave = new CancellationTokenSource();
        var queued = Enumerable.Range(0, 1000).Select(_ => bed.Chat(Endless("Hello!"), leave.Token)).ToArray();
        await bed.Until(m => m.Waiting == 1000);
        await leave.CancelAsync();
        foreach (var task in queued)
            await ThrowsCancelled(() => task);
        await bed.Until(m => m is { Running: 2, Waiting: 0 });
        Assert.True(await first.MoveNextAsync());
        Assert.True(await second.MoveNextAsync());
    }

    [Fact]
    public async Task More_than_may_wait_are_refused_and_those_who_wait_are_answered()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 1, QueueLimit = 3 });
        await using var busy = await Begin(bed, Endless());
        var waiting = Enumerable.Range(0, 3).Select(_ => bed.Ask("Hello!")).ToArray();
        await bed.Until(m => m.Waiting == 3);
        for (var i = 0; i < 5; i++)
            await Assert.ThrowsAsync<EngineOverloadedException>(() => bed.Ask("Hello!"));
        await busy.DisposeAsync();
        Assert.All(await Task.WhenAll(waiting), a => Assert.NotEqual("", a.Text));
        await bed.UntilIdle();
    }

    [Fact]
    public async Task A_queue_of_nothing_takes_as_many_as_there_are_slots()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 2, QueueLimit = 0 });
        await using var first = await Begin(bed, Endless());
        await using var second = await Begin(bed, Endless());
        await Assert.ThrowsAsync<EngineOverloadedException>(() => bed.Ask("Hello!"));
        await second.DisposeAsync();
        await bed.Until(m => m.Running == 1);
        Assert.NotEqual("", (await bed.Ask("Hello!")).Text);
    }
}
