namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Prompts far beyond the context: what of them is tokenized, and that they are cut as if all of them were.</summary>
[Collection(EngineCollection.Name)]
public sealed class LongPromptTests(SharedEngine shared)
{
    /// <summary>More than the engine tokenizes of any text that is told whole.</summary>
    private const int Words = 4_000_000;

    private readonly EngineBed _bed = shared.Bed;

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task A_prompt_that_may_not_be_cut_is_refused_without_counting_it_all(bool truncate, bool shift)
    {
        var request = new GenerateRequest { Model = "mini", Prompt = Text(Words), Raw = true, Truncate = truncate, Shift = shift };

        var error = await Assert.ThrowsAsync<ContextLengthExceededException>(() => _bed.Generate(request));

        Assert.InRange(error.Tokens, 1024, Words / 2);
        if (!truncate)
            Assert.StartsWith("the input length exceeds the context length: more than ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0)]
    [InlineData(300)]
    [InlineData(-1)]
    public async Task A_cut_prompt_is_its_first_and_last_tokens(int? keep)
    {
        var options = new GenerationOptions { Temperature = 0, NumPredict = 8, NumKeep = keep };
        // Both are cut to the same tokens; of the shorter one all tokens are known.
        var whole = await _bed.Generate(new GenerateRequest { Model = "mini", Prompt = Text(1_600) + End, Raw = true, Options = options });
        var cut = await _bed.Generate(new GenerateRequest { Model = "mini", Prompt = Text(200_000) + End, Raw = true, Options = options });

        Assert.Equal(whole.Text, cut.Text);
        Assert.Equal(whole.Result.PromptTokens, cut.Result.PromptTokens);
        Assert.InRange(cut.Result.TruncatedTokens, 10_000, 2_000_000);
    }

    [Fact]
    public async Task A_chat_of_more_turns_than_tokens_fit_keeps_the_newest()
    {
        var turns = Enumerable.Range(0, 5_000).Select(i => new ChatMessage { Role = i % 2 == 0 ? "user" : "assistant", Content = $"turn {i}" }).ToArray();

        var all = await _bed.Chat(new ChatRequest { Model = "mini", Messages = turns, RenderOnly = true });
        var some = await _bed.Chat(new ChatRequest { Model = "mini", Messages = turns[4_500..], RenderOnly = true });

        Assert.Equal(some.Updates.Last(update => update.RenderedPrompt is not null).RenderedPrompt, all.Updates.Last(update => update.RenderedPrompt is not null).RenderedPrompt);
    }

    [Fact]
    public async Task More_turns_than_any_context_holds_are_refused()
    {
        var turn = new ChatMessage { Role = "user", Content = "a" };
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => _bed.Chat(new ChatRequest { Model = "mini", Messages = [.. Enumerable.Repeat(turn, 65_537)] }));
        Assert.Contains("65537 messages are too many", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_text_whose_tokens_are_asked_for_has_a_bound_and_one_to_embed_is_cut()
    {
        var text = Text(3_000_000);
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => _bed.Engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = text }, EngineBed.Token));
        Assert.Contains("at most 8388608", error.Message, StringComparison.Ordinal);

        var cut = await _bed.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = [text, Text(4_000)] }, EngineBed.Token);
        Assert.Equal(cut.Vectors[1], cut.Vectors[0]);
        var refused = await Assert.ThrowsAsync<ContextLengthExceededException>(() => _bed.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = [text], Truncate = false }, EngineBed.Token));
        Assert.Contains("more than ", refused.Message, StringComparison.Ordinal);
    }

    private const string End = " and then the dog said to the cat";

    private static string Text(int words) => string.Concat(Enumerable.Repeat("a dog", words / 2).Select((pair, i) => pair + " "));
}
