namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>An engine that stops while others are at work with it.</summary>
[Collection(EngineCollection.Name)]
public sealed class DisposalTests
{
    private static readonly ChatRequest _endless = EngineBed.Question("Tell me a story.", new() { NumPredict = 10_000 }) with
    {
        Format = OutputFormat.FromSchema(System.Text.Json.JsonSerializer.SerializeToElement(new { type = "string", minLength = 3000 })),
    };

    private static Task Stop(EngineBed bed) => bed.Engine.DisposeAsync().AsTask().WaitAsync(EngineBed.Patience, EngineBed.Token);

    private static async Task<Exception?> ErrorOf(Task task)
    {
        try
        {
            await task.WaitAsync(EngineBed.Patience, EngineBed.Token);
            return null;
        }
        catch (Exception e) when (e is not TimeoutException)
        {
            return e;
        }
    }

    [Fact]
    public async Task Those_who_run_and_those_who_wait_end_with_an_error_that_says_so()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 2 });
        await bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, EngineBed.Token);
        var streams = Enumerable.Range(0, 10).Select(_ => bed.Chat(_endless)).ToArray();
        var vectors = bed.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = [.. Enumerable.Repeat("The fox met a bear.", 16_000)] }, EngineBed.Token);
        await bed.Until(m => m.Running == 2);
        await Stop(bed);
        foreach (var stream in streams)
            Assert.IsType<EngineUnavailableException>(await ErrorOf(stream));
        Assert.IsType<EngineUnavailableException>(await ErrorOf(vectors));
        Assert.Empty(await bed.Engine.ListResidentAsync(EngineBed.Token));
    }

    [Fact]
    public async Task Those_who_wait_for_a_load_end_with_an_error_and_not_as_if_they_had_cancelled()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { MaxLoadedModels = 1 }, models: ["mini", "other"]);
        await bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, EngineBed.Token);
        var busy = bed.Chat(_endless);
        await bed.Until(m => m.Running == 1);
        var waiting = Enumerable.Range(0, 3).Select(_ => bed.Chat(EngineBed.Question("Hello!", model: "other"))).ToArray();
        await Stop(bed);
        foreach (var task in waiting.Append(busy))
            Assert.IsType<EngineUnavailableException>(await ErrorOf(task));
    }

    [Fact]
    public async Task After_the_end_everything_is_refused()
    {
        var bed = new EngineBed();
        await bed.Ask("Hello!");
        await bed.DisposeAsync();
        await bed.Engine.DisposeAsync();
        // The folder is gone too; the models are found no more, or the engine says that it stops.
        foreach (var run in new Func<Task>[]
        {
            () => bed.Ask("Hello!"),
            () => bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, EngineBed.Token),
            () => bed.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["x"] }, EngineBed.Token),
            () => bed.Engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = "x" }, EngineBed.Token),
        })
            await Assert.ThrowsAnyAsync<EngineException>(run);
    }

    [Fact]
    public async Task After_the_end_a_model_that_is_there_still_is_not_loaded()
    {
        await using var bed = new EngineBed();
        await Stop(bed);
        await Assert.ThrowsAsync<EngineUnavailableException>(() => bed.Ask("Hello!"));
        Assert.False(await bed.Engine.UnloadAsync("mini", EngineBed.Token));
    }

    [Fact]
    public async Task Stopping_at_any_moment_gives_everyone_an_answer_or_an_error()
    {
        var seed = Environment.TickCount;
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        var random = new Random(seed);
        var before = DecodeThreads.Count;
        for (var i = 0; i < 25; i++)
        {
            await using var bed = new EngineBed(EngineBed.Settings with { Slots = 2, ContextLength = 256 });
            var tasks = new List<Task>();
            for (var j = 0; j < 6; j++)
            {
                tasks.Add(Task.Run(() => bed.Ask("Hello!"), EngineBed.Token));
                tasks.Add(Task.Run(() => bed.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["x", "y"] }, EngineBed.Token), EngineBed.Token));
                tasks.Add(Task.Run(() => bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, EngineBed.Token), EngineBed.Token));
                tasks.Add(Task.Run(() => bed.Engine.UnloadAsync("mini", EngineBed.Token), EngineBed.Token));
            }

            Thread.SpinWait(random.Next(0, 2_000_000));
            await Stop(bed);
            foreach (var task in tasks)
            {
                if (await ErrorOf(task) is { } error)
                    Assert.IsType<EngineUnavailableException>(error);
            }
        }

        Assert.Equal(before, DecodeThreads.Count);
    }

    [Fact]
    public async Task A_prompt_that_is_being_read_when_the_engine_stops_ends_with_an_error()
    {
        // Long enough that the tokenizer is at work when the model is freed.
        var text = string.Concat(Enumerable.Repeat("Once upon a time there was a fox. ", 60_000));
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 2, ContextLength = 256 });
        await bed.Ask("Hello!");
        using var begun = new Barrier(3);
        var readers = Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(
            () =>
            {
                begun.SignalAndWait(EngineBed.Token);
                return bed.Generate(new GenerateRequest { Model = "mini", Prompt = text, Raw = true, Options = new() { NumPredict = 1 } });
            }, EngineBed.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()).ToArray();
        begun.SignalAndWait(EngineBed.Token);
        Thread.SpinWait(300_000);
        await Stop(bed);
        foreach (var reader in readers)
            Assert.True(await ErrorOf(reader) is null or EngineUnavailableException);
    }
}
