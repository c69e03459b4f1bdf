using Chasqui.Engines.LlamaCpp.Native;
using Chasqui.Engines.LlamaCpp.Sampling;
using CsCheck;

namespace Chasqui.Engines.Tests.LlamaCpp;

public sealed class TopCandidatesTests
{
    [Fact]
    public void The_largest_are_those_that_a_sort_of_everything_finds() =>
        // Few different values make many equals, which must come in the order of their tokens.
        Gen.Select(Gen.OneOf(Gen.Single[-30, 30], Gen.Int[-3, 3].Select(i => (float)i), Gen.Const(float.NegativeInfinity)).Array[1, 500], Gen.Int[1, 64])
            .Sample((logits, wish) =>
            {
                var k = Math.Min(wish, logits.Length);
                var found = new LlamaTokenData[logits.Length];
                TopCandidates.Select(logits, k, found);
                var expected = logits.Select((logit, id) => (logit, id)).OrderByDescending(x => x.logit).ThenBy(x => x.id).Take(k).ToArray();
                Assert.Equal(expected, found.Take(k).Select(c => (c.Logit, c.Id)));
            });
}
