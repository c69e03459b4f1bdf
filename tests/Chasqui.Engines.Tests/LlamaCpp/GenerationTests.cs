using System.Text;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>One request at a time, on the shipped model.</summary>
[Collection(EngineCollection.Name)]
public sealed class GenerationTests(SharedEngine shared)
{
    private static readonly GenerationOptions _greedy = new() { Temperature = 0 };

    // Nothing but the logits decides.
    private static readonly GenerationOptions _plain = new() { Temperature = 0, RepeatPenalty = 1 };

    private readonly EngineBed _bed = shared.Bed;

    [Fact]
    public async Task At_temperature_0_the_answer_is_the_same_twice_and_ends_by_itself()
    {
        var first = await _bed.Ask("Who are you?");
        var second = await _bed.Ask("Who are you?");
        Assert.Contains("mini", first.Text, StringComparison.Ordinal);
        Assert.Equal(first.Text, second.Text);
        Assert.Equal(FinishReason.Stop, first.Result.Reason);
        Assert.Equal(first.Result.CompletionTokens, second.Result.CompletionTokens);
    }

    [Fact]
    public async Task A_seed_gives_the_same_text_and_another_seed_another()
    {
        var texts = new List<string>();
        foreach (var seed in new[] { 7, 7, 8, 9, 10 })
            texts.Add((await _bed.Ask("Tell me a story.", new GenerationOptions { Seed = seed, Temperature = 1 })).Text);
        Assert.Equal(texts[0], texts[1]);
        Assert.True(texts.Distinct().Count() >= 3, string.Join("\n", texts));
    }

    [Fact]
    public async Task What_it_took_is_told_and_adds_up()
    {
        var prompt = await _bed.Engine.TokenizeAsync(
            new TokenizeRequest { Model = "mini", Text = "Once upon a time", AddSpecial = true, ParseSpecial = true }, EngineBed.Token);
        var answer = await _bed.Generate(new GenerateRequest { Model = "mini", Prompt = "Once upon a time", Raw = true, Options = _greedy with { NumPredict = 20 } });
        var result = answer.Result;
        Assert.Equal(prompt.Count, result.PromptTokens);
        Assert.Equal(20, result.CompletionTokens);
        Assert.Equal(FinishReason.Length, result.Reason);
        Assert.Equal(0, result.TruncatedTokens);
        Assert.Null(result.Context);
        Assert.True(result.PromptDuration > TimeSpan.Zero && result.CompletionDuration > TimeSpan.Zero);
        Assert.True(result.LoadDuration >= TimeSpan.Zero);
        Assert.True(result.TotalDuration >= result.LoadDuration + result.PromptDuration + result.CompletionDuration);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    public async Task An_answer_has_at_most_num_predict_tokens(int most)
    {
        var answer = await _bed.Ask("Tell me a story about a dog.", _greedy with { NumPredict = most });
        Assert.Equal(most, answer.Result.CompletionTokens);
        Assert.Equal(FinishReason.Length, answer.Result.Reason);
        Assert.NotEqual("", answer.Text);
    }

    [Fact]
    public async Task A_stop_text_over_several_tokens_ends_the_answer_and_no_part_of_it_is_shown()
    {
        var whole = (await _bed.Ask("Tell me a story about a dog.", _plain)).Text;
        // Cut at every place of the story: most of these begin and end inside a token.
        for (var at = 10; at < 60; at += 7)
        {
            var stop = whole.Substring(at, 11);
            var expected = whole[..whole.IndexOf(stop, StringComparison.Ordinal)];
            var answer = await _bed.Ask("Tell me a story about a dog.", _plain with { Stop = ["never said", stop] });
            Assert.Equal(expected, answer.Text);
            Assert.Equal(FinishReason.Stop, answer.Result.Reason);
        }
    }

    [Fact]
    public async Task The_beginning_of_a_stop_text_that_never_comes_is_shown_in_the_end()
    {
        var whole = (await _bed.Ask("Who are you?", _plain)).Text;
        var answer = await _bed.Ask("Who are you?", _plain with { Stop = [whole[^6..] + "!"] });
        Assert.Equal(whole, answer.Text);
        Assert.Equal(FinishReason.Stop, answer.Result.Reason);
    }

    [Fact]
    public async Task Log_probabilities_belong_to_the_text_and_the_chosen_token_is_the_likeliest_at_temperature_0()
    {
        var answer = await _bed.Chat(EngineBed.Question("Tell me a story about a dog.", _plain with { NumPredict = 40 }) with { Logprobs = true, TopLogprobs = 5 });
        var tokens = answer.Logprobs;
        Assert.Equal(answer.Result.CompletionTokens, tokens.Count);
        Assert.Equal(answer.Text, Encoding.UTF8.GetString([.. tokens.SelectMany(t => t.Bytes.ToArray())]));
        foreach (var token in tokens)
        {
            Assert.InRange(token.Logprob, -50, 0);
            Assert.Equal(5, token.Alternatives.Count);
            Assert.Equal(token.Alternatives.Select(a => a.Logprob).OrderDescending(), token.Alternatives.Select(a => a.Logprob));
            Assert.Equal(token.Logprob, token.Alternatives[0].Logprob);
            Assert.Contains(token.Alternatives, a => a.Bytes.Span.SequenceEqual(token.Bytes.Span));
            Assert.InRange(token.Alternatives.Sum(a => Math.Exp(a.Logprob)), 0, 1.0001);
            Assert.All(token.Alternatives, a => Assert.Empty(a.Alternatives));
        }
    }

    [Fact]
    public async Task Log_probabilities_without_alternatives_have_none_and_none_come_unasked()
    {
        var with = await _bed.Chat(EngineBed.Question("Hello!") with { Logprobs = true });
        Assert.All(with.Logprobs, t => Assert.Empty(t.Alternatives));
        Assert.Equal(with.Result.CompletionTokens, with.Logprobs.Count);
        Assert.Empty((await _bed.Ask("Hello!")).Logprobs);
    }

    [Fact]
    public async Task The_context_of_an_answer_continues_it()
    {
        var first = await _bed.Generate(new GenerateRequest { Model = "mini", Prompt = "Hello!", Options = _greedy });
        Assert.NotNull(first.Result.Context);
        Assert.Equal(first.Result.PromptTokens + first.Result.CompletionTokens, first.Result.Context.Count);
        var second = await _bed.Generate(new GenerateRequest { Model = "mini", Prompt = "Who are you?", Context = first.Result.Context, Options = _greedy });
        Assert.True(second.Result.PromptTokens > first.Result.Context.Count);
        Assert.Equal(first.Result.Context, second.Result.Context!.Take(first.Result.Context.Count));
        Assert.NotEqual("", second.Text);
    }

    [Fact]
    public async Task Only_the_prompt_is_made_where_only_that_is_wanted()
    {
        var before = (await _bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, EngineBed.Token)).Counters;
        var chat = await _bed.Chat(EngineBed.Question("Hello!") with { RenderOnly = true });
        Assert.Equal("<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n", chat.Updates.Single().RenderedPrompt);
        Assert.Equal(new GenerationResult { Reason = FinishReason.Stop }, chat.End);
        var raw = await _bed.Generate(new GenerateRequest { Model = "mini", Prompt = "Hello!", Raw = true, RenderOnly = true });
        Assert.Equal("Hello!", raw.Updates.Single().RenderedPrompt);
        Assert.Equal(before, (await _bed.Resident()).Counters);
    }

    [Fact]
    public async Task Penalties_change_what_is_said_and_min_p_1_is_as_temperature_0()
    {
        var plain = await _bed.Ask("Tell me a story about a dog.", _plain);
        var penalized = await _bed.Ask("Tell me a story about a dog.", _plain with { PresencePenalty = 100, RepeatLastN = -1, NumPredict = 60 });
        Assert.NotEqual(plain.Text, penalized.Text);
        foreach (var options in new GenerationOptions[] { new() { MinP = 1 }, new() { TopK = 1 }, new() { TopP = 0 } })
            Assert.Equal(plain.Text, (await _bed.Ask("Tell me a story about a dog.", options with { RepeatPenalty = 1, Temperature = 1, Seed = 3 })).Text);
    }
}
