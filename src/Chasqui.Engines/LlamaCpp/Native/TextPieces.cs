namespace Chasqui.Engines.LlamaCpp.Native;

/// <summary>
/// Cuts texts that the tokenizer could not take in one piece. Many models part words with a regular expression that the library
/// runs recursively, a call for each character: a run of some twenty thousand characters without a blank exhausts the stack,
/// which ends the process. And the library looks for special tokens in a time that grows with the square of their number.
/// </summary>
internal static class TextPieces
{
    /// <summary>Characters that may follow each other without the end of a word; the stack holds several times as many.</summary>
    internal const int LongestRun = 4096;

    /// <summary>Characters after which a piece ends at the next place where any tokenizer would end a word.</summary>
    internal const int LongPiece = 32 * 1024;

    /// <summary>A special token, such as <c>&lt;|im_end|&gt;</c>, is not longer and begins with one of <see cref="_openings"/>.</summary>
    private const int SpecialToken = 64;

    private static readonly char[] _openings = ['<', '['];

    /// <summary>The pieces in order, which together are the text.</summary>
    internal static List<Range> Of(ReadOnlySpan<char> text)
    {
        var pieces = new List<Range>(1);
        var piece = 0;
        var run = 0;
        for (var i = 1; i < text.Length; i++)
        {
            // A blank behind a word ends whatever one match of such an expression covers.
            if (char.IsWhiteSpace(text[i]) && !char.IsWhiteSpace(text[i - 1]))
                run = i;
            var enough = i - piece >= LongPiece && EndsWord(text, i);
            if (!enough && i - run < LongestRun)
                continue;
            var cut = enough ? i : CutBefore(text, i);
            pieces.Add(piece..cut);
            (piece, run) = (cut, cut);
        }

        pieces.Add(piece..text.Length);
        return pieces;
    }

    /// <summary>Before a space that follows a word, or behind the one line break between two words: the tokens are the same, cut or not.</summary>
    private static bool EndsWord(ReadOnlySpan<char> text, int at) => text[at] == ' '
        ? !char.IsWhiteSpace(text[at - 1])
        : text[at - 1] == '\n' && !char.IsWhiteSpace(text[at]) && !char.IsWhiteSpace(text[at - 2]);

    private static int CutBefore(ReadOnlySpan<char> text, int at)
    {
        var opening = text.Slice(at - SpecialToken, SpecialToken).IndexOfAny(_openings);
        if (opening >= 0)
            at = at - SpecialToken + opening;
        return char.IsLowSurrogate(text[at]) && char.IsHighSurrogate(text[at - 1]) ? at - 1 : at;
    }
}
