using Chasqui.Engines.LlamaCpp.Prompts;
using CsCheck;

namespace Chasqui.Engines.Tests.LlamaCpp;

public sealed class PromptCutterTests
{
    [Fact]
    public void A_cut_keeps_the_beginning_and_the_end_and_leaves_room_for_the_answer() =>
        Gen.Select(Gen.Int[1, 300], Gen.Int[4, 100], Gen.Int[-1, 400]).Sample((length, limit, keep) =>
        {
            var tokens = Enumerable.Range(0, length).ToArray();
            var cut = PromptCutter.CutMiddle(tokens, limit, keep);
            if (length < limit)
            {
                Assert.Same(tokens, cut);
                return;
            }

            Assert.InRange(cut.Length, 1, limit - 1);
            Assert.Equal(length - 1, cut[^1]);
            var kept = Math.Clamp(keep, 0, limit / 2);
            Assert.Equal(Enumerable.Range(0, kept), cut.Take(kept));
            // Behind what is kept come the newest, without a gap.
            Assert.Equal(Enumerable.Range(length - (cut.Length - kept), cut.Length - kept), cut.Skip(kept));
        }, iter: 20_000);

    [Fact]
    public void As_many_of_the_newest_turns_stay_as_fit_and_all_system_turns() =>
        Gen.Select(Gen.Select(Gen.Bool, Gen.Int[1, 20]).Array[1, 25], Gen.Int[1, 200]).Sample((turns, limit) =>
        {
            var messages = turns.Select((t, i) => new ChatMessage { Role = t.Item1 ? "system" : "user", Content = $"{i}" }).ToArray();
            var calls = 0;
            TokenizedPrompt Tokenize(IReadOnlyList<ChatMessage> some)
            {
                calls++;
                return new TokenizedPrompt(
                    string.Join(',', some.Select(m => m.Content)), new int[some.Sum(m => turns[int.Parse(m.Content, null)].Item2)]);
            }

            var whole = Tokenize(messages);
            var fitted = PromptCutter.FitTurns(messages, whole, Tokenize, limit);
            Assert.InRange(calls, 1, 8);
            Assert.Equal(Tokenize([.. fitted.Text.Split(',').Select(n => messages[int.Parse(n, null)])]).Tokens.Length, fitted.Tokens.Length);

            string Kept(int from) => string.Join(',', messages.Where((m, i) => i >= from || m.Role == "system").Select(m => m.Content));
            int Tokens(int from) => messages.Select((m, i) => i >= from || m.Role == "system" ? turns[i].Item2 : 0).Sum();
            var first = Enumerable.Range(0, messages.Length).FirstOrDefault(from => Tokens(from) <= limit, messages.Length - 1);
            Assert.Equal(Tokens(first), fitted.Tokens.Length);
            // Where dropping a system turn drops nothing, two cuts are the same.
            Assert.Equal(Kept(first), fitted.Text);
        }, iter: 10_000);
}
