namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Prompts and answers that do not fit in the context.</summary>
[Collection(EngineCollection.Name)]
public sealed class ContextTests(SharedEngine shared)
{
    private static readonly GenerationOptions _small = new() { Temperature = 0, NumCtx = 128, NumPredict = 10 };

    private readonly EngineBed _bed = shared.Bed;

    private static string Sentences(int count) => string.Concat(Enumerable.Range(0, count).Select(i => $"The fox number {i} met a bear. "));

    [Fact]
    public async Task A_prompt_longer_than_the_context_is_cut_in_the_middle_and_says_so()
    {
        var prompt = Sentences(40);
        var tokens = await _bed.Engine.TokenizeAsync(
            new TokenizeRequest { Model = "mini", Text = prompt, AddSpecial = true, ParseSpecial = true }, EngineBed.Token);
        var answer = await _bed.Generate(new GenerateRequest { Model = "mini", Prompt = prompt, Raw = true, Options = _small });
        Assert.InRange(answer.Result.PromptTokens, 1, 127);
        Assert.Equal(tokens.Count, answer.Result.PromptTokens + answer.Result.TruncatedTokens);
        Assert.True(answer.Result.TruncatedTokens > 0);
    }

    [Fact]
    public async Task A_prompt_longer_than_the_context_is_refused_where_cutting_is_not_allowed()
    {
        var error = await Assert.ThrowsAsync<ContextLengthExceededException>(() =>
            _bed.Generate(new GenerateRequest { Model = "mini", Prompt = Sentences(40), Raw = true, Truncate = false, Options = _small }));
        Assert.Equal(127, error.ContextLength);
        Assert.True(error.Tokens > 128);
        await Assert.ThrowsAsync<ContextLengthExceededException>(() =>
            _bed.Chat(EngineBed.Question(Sentences(40), _small) with { Truncate = false }));
    }

    [Theory]
    [InlineData(126, true)]
    [InlineData(127, true)]
    [InlineData(128, false)]
    public async Task The_longest_prompt_that_is_not_refused_leaves_one_token(int length, bool fits)
    {
        // In this vocabulary " the" is one token.
        var request = new GenerateRequest
        {
            Model = "mini",
            Prompt = string.Concat(Enumerable.Repeat(" the", length)),
            Raw = true,
            Truncate = false,
            Options = _small,
        };
        if (fits)
            Assert.Equal(length, (await _bed.Generate(request)).Result.PromptTokens);
        else
            await Assert.ThrowsAsync<ContextLengthExceededException>(() => _bed.Generate(request));
    }

    [Fact]
    public async Task A_chat_that_is_too_long_drops_its_oldest_turns_and_keeps_the_system_turn_and_the_last()
    {
        var turns = new List<ChatMessage> { new() { Role = "system", Content = "SYSTEM" } };
        for (var i = 0; i < 30; i++)
        {
            turns.Add(new ChatMessage { Role = "user", Content = $"question {i}" });
            turns.Add(new ChatMessage { Role = "assistant", Content = $"answer {i}" });
        }

        turns.Add(new ChatMessage { Role = "user", Content = "LAST" });
        var request = new ChatRequest { Model = "mini", Messages = turns, Options = _small };
        var prompt = (await _bed.Chat(request with { RenderOnly = true })).Updates.Single().RenderedPrompt!;
        Assert.StartsWith("<|im_start|>system\nSYSTEM", prompt, StringComparison.Ordinal);
        Assert.EndsWith("LAST<|im_end|>\n<|im_start|>assistant\n", prompt, StringComparison.Ordinal);
        Assert.Contains("answer 29", prompt, StringComparison.Ordinal);
        Assert.DoesNotContain("question 0<", prompt, StringComparison.Ordinal);

        // What is shown is what is run, and it is as much as fits.
        var count = (await _bed.Engine.TokenizeAsync(
            new TokenizeRequest { Model = "mini", Text = prompt, AddSpecial = true, ParseSpecial = true }, EngineBed.Token)).Count;
        Assert.InRange(count, 90, 127);
        var result = (await _bed.Chat(request)).Result;
        Assert.Equal(count, result.PromptTokens);
        Assert.True(result.TruncatedTokens > 0, "turns were dropped, and nothing says so");
    }

    [Fact]
    public async Task A_last_turn_that_alone_is_too_long_is_cut_in_the_middle()
    {
        var answer = await _bed.Chat(new ChatRequest
        {
            Model = "mini",
            Messages = [new ChatMessage { Role = "user", Content = "Hello!" }, new ChatMessage { Role = "user", Content = Sentences(40) }],
            Options = _small,
        });
        Assert.InRange(answer.Result.PromptTokens, 1, 127);
        Assert.True(answer.Result.TruncatedTokens > 0);
    }

    [Fact]
    public async Task An_answer_goes_on_past_the_context_where_that_is_wanted()
    {
        var request = new GenerateRequest
        {
            Model = "mini",
            Prompt = "Once upon a time",
            Raw = true,
            // Never ends by itself: the grammar knows no end.
            Format = EndlessLetters,
            Options = _small with { NumCtx = 64, NumPredict = 300 },
        };
        var shifted = await _bed.Generate(request);
        Assert.Equal(300, shifted.Result.CompletionTokens);
        Assert.Equal(FinishReason.Length, shifted.Result.Reason);

        var full = await _bed.Generate(request with { Shift = false });
        Assert.Equal(FinishReason.Length, full.Result.Reason);
        // The last token of the answer need not be in the cache.
        Assert.Equal(64 + 1, full.Result.PromptTokens + full.Result.CompletionTokens);
        Assert.StartsWith(full.Text, shifted.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_smallest_contexts_shift_too_and_an_answer_without_a_limit_ends_at_ten_contexts()
    {
        // One slot and a small batch: after each shift the library lays out its buffers anew.
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 1, BatchTokens = 32, ContextLength = 64 });
        foreach (var (context, keep) in new[] { (4, -1), (4, 0), (5, 1000), (9, 4) })
        {
            var answer = await bed.Generate(new GenerateRequest
            {
                Model = "mini",
                Prompt = "Once upon a time there was a fox",
                Raw = true,
                Format = EndlessLetters,
                // Not the likeliest letter for ever, which would end it sooner.
                Options = new() { Temperature = 2, Seed = 1, NumCtx = context, NumKeep = keep },
            });
            Assert.Equal(10 * context, answer.Result.CompletionTokens);
        }
    }

    [Fact]
    public async Task After_a_shift_the_slot_is_not_taken_for_the_prompt_it_once_held()
    {
        var request = new GenerateRequest
        {
            Model = "mini",
            Prompt = "A long story begins with the words: once upon a time there was a fox",
            Raw = true,
            Options = _small with { NumCtx = 64, NumPredict = 1 },
        };
        var before = (await _bed.Generate(request with { Alone = true })).Text;
        await _bed.Generate(request with { Format = EndlessLetters, Options = request.Options with { NumPredict = 200 } });
        Assert.Equal(before, (await _bed.Generate(request with { Alone = true })).Text);
        Assert.Equal(before, (await _bed.Generate(request)).Text);
    }

    [Fact]
    public async Task A_smaller_context_is_honoured_without_a_reload_and_a_larger_one_reloads()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { ContextLength = 256 });
        await bed.Ask("Hello!");
        var first = await bed.Resident();
        Assert.Equal(256, first.ContextLength);
        Assert.True(first.Counters.Steps > 0);

        await Assert.ThrowsAsync<ContextLengthExceededException>(() => bed.Chat(EngineBed.Question(Sentences(20), _small) with { Truncate = false }));
        await bed.Ask("Hello!", _small);
        var second = await bed.Resident();
        Assert.True(second.Counters.Steps > first.Counters.Steps, "the same load counts on");
        Assert.Equal(256, second.ContextLength);

        var answer = await bed.Chat(EngineBed.Question(Sentences(20), _small with { NumCtx = 512 }) with { Truncate = false });
        Assert.True(answer.Result.PromptTokens > 200);
        var third = await bed.Resident();
        Assert.Equal(512, third.ContextLength);
        Assert.True(third.Counters.PromptTokens <= answer.Result.PromptTokens, "a new load counts from the beginning");
    }

    [Fact]
    public async Task A_context_is_at_most_what_the_model_was_trained_for()
    {
        await using var bed = new EngineBed();
        var resident = await bed.Engine.LoadAsync(new LoadRequest { Model = "mini", Options = new() { NumCtx = 1_000_000 } }, EngineBed.Token);
        Assert.Equal(1024, resident.ContextLength);
        var again = await bed.Engine.LoadAsync(new LoadRequest { Model = "mini", Options = new() { NumCtx = 2_000_000 } }, EngineBed.Token);
        Assert.Equal(1024, again.ContextLength);
        Assert.Equal(resident.SizeBytes, again.SizeBytes);
    }

    [Fact]
    public async Task A_prompt_of_five_megabytes_is_cut_and_answered()
    {
        var prompt = string.Concat(Enumerable.Repeat("Once upon a time there was a fox. ", 5 * 1024 * 1024 / 34));
        var answer = await _bed.Generate(new GenerateRequest { Model = "mini", Prompt = prompt, Options = new() { Temperature = 0, NumPredict = 5 } });
        Assert.True(answer.Result.TruncatedTokens > 1_000_000);
        var refused = await Assert.ThrowsAsync<ContextLengthExceededException>(() =>
            _bed.Generate(new GenerateRequest { Model = "mini", Prompt = new string('a', 5 * 1024 * 1024), Truncate = false }));
        Assert.True(refused.Tokens > 1024);
    }

    private static OutputFormat EndlessLetters { get; } = OutputFormat.FromSchema(System.Text.Json.JsonSerializer.SerializeToElement(
        new { type = "string", minLength = 3000, maxLength = 3000 }));
}
