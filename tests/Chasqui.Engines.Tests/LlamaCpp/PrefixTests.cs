using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>What requests have in common at their beginning is computed once.</summary>
[Collection(EngineCollection.Name)]
public sealed class PrefixTests
{
    private static readonly string _system = string.Concat(Enumerable.Range(0, 30).Select(i => $"Rule {i}: be kind to every fox and bear. "));

    private static readonly GenerationOptions _greedy = new() { Temperature = 0, RepeatPenalty = 1, NumPredict = 40 };

    /// <summary>
    /// Sums of floating-point numbers depend a little on how many rows are computed together. Where two tokens are as good as
    /// equally likely, that decides; nowhere else may a text differ.
    /// </summary>
    private static bool DiffersByNearTie(Answer alone, Answer shared)
    {
        Assert.InRange(shared.Logprobs.Count, 1, 40);
        foreach (var (mine, theirs) in alone.Logprobs.Zip(shared.Logprobs))
        {
            var runnerUp = mine.Alternatives.SingleOrDefault(a => a.Bytes.Span.SequenceEqual(theirs.Bytes.Span));
            Assert.True(runnerUp is not null, $"'{theirs.Token}' is not among the likeliest where '{mine.Token}' is");
            Assert.InRange(mine.Logprob - runnerUp.Logprob, 0, 0.1);
            Assert.InRange(theirs.Logprob - runnerUp.Logprob, -0.1, 0.1);
            if (!mine.Bytes.Span.SequenceEqual(theirs.Bytes.Span))
                return true;
        }

        return alone.Text != shared.Text;
    }

    private static ChatRequest Ask(string question) => new()
    {
        Model = "mini",
        Messages = [new ChatMessage { Role = "system", Content = _system }, new ChatMessage { Role = "user", Content = question }],
        Options = _greedy,
        Logprobs = true,
        TopLogprobs = 5,
    };

    [Fact]
    public async Task The_same_prompt_again_is_taken_from_the_cache()
    {
        await using var bed = new EngineBed();
        var first = await bed.Chat(Ask("Who are you?"));
        Assert.Equal(0, first.Result.CachedPromptTokens);
        var second = await bed.Chat(Ask("Who are you?"));
        Assert.Equal(second.Result.PromptTokens - 1, second.Result.CachedPromptTokens);
        Assert.Equal(first.Text, second.Text);

        var other = await bed.Chat(Ask("Can an owl fly?"));
        Assert.InRange(other.Result.CachedPromptTokens, first.Result.PromptTokens - 20, first.Result.PromptTokens - 5);
        Assert.Equal(0, (await bed.Chat(Ask("Who are you?") with { Alone = true })).Result.CachedPromptTokens);
    }

    [Fact]
    public async Task A_prompt_of_another_scope_is_computed_as_if_nobody_had_asked_it()
    {
        await using var bed = new EngineBed();
        var first = await bed.Chat(Ask("Who are you?") with { PrefixScope = "a" });
        var before = (await bed.Resident()).Counters.PromptTokens;
        var other = await bed.Chat(Ask("Who are you?") with { PrefixScope = "b" });

        Assert.Equal((0, other.Result.PromptTokens), (other.Result.CachedPromptTokens, (int)((await bed.Resident()).Counters.PromptTokens - before)));
        Assert.Equal(0, (await bed.Chat(Ask("Who are you?"))).Result.CachedPromptTokens);
        Assert.Equal(first.Result.PromptTokens - 1, (await bed.Chat(Ask("Who are you?") with { PrefixScope = "a" })).Result.CachedPromptTokens);
    }

    [Fact]
    public async Task What_nobody_has_gone_on_with_for_long_is_forgotten()
    {
        var time = new FakeTimeProvider();
        await using var bed = new EngineBed(EngineBed.Settings with { PrefixIdleSeconds = 600, KeepAlive = TimeSpan.FromHours(2) }, time);
        await bed.Chat(Ask("Who are you?"));
        time.Advance(TimeSpan.FromSeconds(599));
        Assert.NotEqual(0, (await bed.Chat(Ask("Who are you?"))).Result.CachedPromptTokens);

        time.Advance(TimeSpan.FromSeconds(1_000));
        Assert.Equal(0, (await bed.Chat(Ask("Who are you?"))).Result.CachedPromptTokens);
    }

    [Fact]
    public async Task The_turns_of_a_conversation_are_not_computed_again()
    {
        await using var bed = new EngineBed();
        var turns = new List<ChatMessage>();
        var computed = 0L;
        for (var turn = 0; turn < 5; turn++)
        {
            turns.Add(new ChatMessage { Role = "user", Content = $"Tell me more about fox number {turn}." });
            var answer = await bed.Chat(new ChatRequest { Model = "mini", Messages = [.. turns], Options = _greedy });
            turns.Add(new ChatMessage { Role = "assistant", Content = answer.Text });
            computed += answer.Result.PromptTokens - answer.Result.CachedPromptTokens;
            if (turn > 0)
                Assert.True(answer.Result.CachedPromptTokens > answer.Result.PromptTokens / 2);
        }

        Assert.Equal(computed, (await bed.Resident()).Counters.PromptTokens);
    }

    [Fact]
    public async Task Eight_at_once_with_the_same_system_text_compute_it_about_once()
    {
        var questions = Enumerable.Range(0, 8).Select(i => $"Tell me a story about a {new[] { "dog", "cat", "fox", "bear" }[i % 4]} number {i}.").ToArray();
        await using var bed = new EngineBed();
        await bed.Engine.LoadAsync(new LoadRequest { Model = "mini" }, EngineBed.Token);
        var together = await Task.WhenAll(questions.Select(q => bed.Chat(Ask(q))));
        var computed = (await bed.Resident()).Counters.PromptTokens;
        var length = together[0].Result.PromptTokens;
        Assert.True(length > 400);
        Assert.InRange(computed, length, length + (8 * 40));

        var different = 0;
        foreach (var (question, answer) in questions.Zip(together))
            different += DiffersByNearTie(await bed.Chat(Ask(question) with { Alone = true }), answer) ? 1 : 0;
        TestContext.Current.SendDiagnosticMessage("{0} of 8 texts over a shared beginning differ from those made without sharing", different);
        Assert.True(different <= 4, $"{different} of 8 differ");
    }

    [Fact]
    public async Task More_beginnings_than_slots_still_give_the_right_texts()
    {
        await using var bed = new EngineBed(EngineBed.Settings with { Slots = 3 });
        var questions = Enumerable.Range(0, 24).Select(i => new string((char)('a' + (i % 6)), 1 + (i % 4)) + " fox said: who are you?").ToArray();
        var alone = new Dictionary<string, string>();
        foreach (var question in questions)
            alone[question] = (await bed.Chat(EngineBed.Question(question, _greedy) with { Alone = true })).Text;
        var answers = await Task.WhenAll(questions.Select(q => bed.Ask(q, _greedy)));
        var different = questions.Zip(answers).Count(x => alone[x.First] != x.Second.Text);
        TestContext.Current.SendDiagnosticMessage("{0} of 24 texts in 3 slots differ from those made alone", different);
        Assert.True(different <= 1, $"{different} of 24 differ");
    }
}
