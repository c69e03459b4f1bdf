using Chasqui.Engines.LlamaCpp.Native;
using CsCheck;

namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>Long words are cut before the tokenizer sees them, and nothing else is.</summary>
public sealed class TextPiecesTests
{
    [Theory]
    [InlineData("")]
    [InlineData("Once upon a time")]
    public void A_short_text_is_one_piece(string text) => Assert.Single(TextPieces.Of(text));

    [Theory]
    [InlineData("the quick brown fox ", " ")]
    [InlineData("<|im_start|>user\nhi<|im_end|>\n", "<|im_start|>", "hi")]
    public void A_long_text_is_cut_between_words(string brick, params string[] starts)
    {
        var text = string.Concat(Enumerable.Repeat(brick, 20_000));
        var pieces = TextPieces.Of(text);
        Assert.Equal(text, string.Concat(pieces.Select(p => text[p])));
        Assert.All(pieces, p => Assert.InRange(p.End.Value - p.Start.Value, 1, TextPieces.LongPiece + 100));
        Assert.InRange(pieces.Count, 2, (text.Length / TextPieces.LongPiece) + 1);
        Assert.All(pieces.Skip(1), p => Assert.Contains(starts, start => text[p].StartsWith(start, StringComparison.Ordinal)));
    }

    [Fact]
    public void The_pieces_are_the_text_and_no_run_in_them_is_too_long()
    {
        string[] bricks = ["a", " ", "\n", "中", "🙂", "!", "a b", "<|im_end|>", "["];
        var part = Gen.Select(Gen.Int[0, bricks.Length - 1].Select(i => bricks[i]), Gen.Int[1, 6000]);
        part.Array[1, 6].Sample(parts =>
        {
            var text = string.Concat(parts.Select(p => string.Concat(Enumerable.Repeat(p.Item1, p.Item2))));
            var pieces = TextPieces.Of(text);
            Assert.Equal(text, string.Concat(pieces.Select(p => text[p])));
            Assert.All(pieces, p =>
            {
                var piece = text[p];
                Assert.False(pieces.Count > 1 && piece.Length == 0);
                Assert.False(char.IsLowSurrogate(piece.FirstOrDefault()));
                Assert.InRange(LongestRun(piece), 0, TextPieces.LongestRun);
            });
        }, iter: 300);
    }

    [Fact]
    public void A_special_token_is_not_cut()
    {
        for (var before = TextPieces.LongestRun - 20; before < TextPieces.LongestRun + 5; before++)
        {
            var text = new string('a', before) + "<|im_end|>" + new string('b', 100);
            Assert.Contains(TextPieces.Of(text), p => text[p].Contains("<|im_end|>", StringComparison.Ordinal));
        }
    }

    private static int LongestRun(string text)
    {
        var longest = 0;
        var start = 0;
        for (var i = 1; i <= text.Length; i++)
        {
            longest = Math.Max(longest, i - start);
            if (i < text.Length && char.IsWhiteSpace(text[i]) && !char.IsWhiteSpace(text[i - 1]))
                start = i;
        }

        return longest;
    }
}
