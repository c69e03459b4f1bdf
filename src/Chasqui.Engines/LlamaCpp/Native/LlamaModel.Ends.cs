namespace Chasqui.Engines.LlamaCpp.Native;

/// <content>The tokens of a long text's beginning and end, without those between: what they cost depends on how many are wanted, and not on how long the text is.</content>
internal sealed unsafe partial class LlamaModel
{
    /// <summary>No real text has longer tokens on the average. A text that does have them is tokenized as a whole.</summary>
    private const int LongestToken = 256;

    /// <summary>The tokens of a text, or of its beginning where there are too many.</summary>
    /// <param name="text">The text.</param>
    /// <param name="most">As many as are of use.</param>
    /// <param name="addSpecial">Adds what the model expects at the beginning and at the end, also where the end is left out.</param>
    /// <param name="parseSpecial">Whether the names of control tokens are these tokens.</param>
    /// <param name="isCut">Whether the end was left out.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>All tokens; or some more than <paramref name="most"/> from the beginning, the same as of the whole text.</returns>
    internal int[] TokenizeFirst(string text, int most, bool addSpecial, bool parseSpecial, out bool isCut, CancellationToken cancellationToken = default)
    {
        isCut = false;
        if (_isBpe)
            return Tokenize(text, most, addSpecial, parseSpecial, out isCut, cancellationToken);
        var window = LengthOf(most);
        if (window < text.Length)
        {
            var end = (int)window;
            var tokens = TokenizePiece(text.AsSpan(0, char.IsLowSurrogate(text[end]) ? end - 1 : end), addSpecial, parseSpecial);
            isCut = tokens.Length > most;
            if (isCut)
                return tokens;
        }
        return Tokenize(text, addSpecial, parseSpecial, cancellationToken);
    }

    /// <summary>The last tokens of a text that has at least as many.</summary>
    /// <param name="text">The text.</param>
    /// <param name="count">How many.</param>
    /// <param name="addSpecial">Adds what the model expects at the end.</param>
    /// <param name="parseSpecial">Whether the names of control tokens are these tokens.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal int[] TokenizeLast(string text, int count, bool addSpecial, bool parseSpecial, CancellationToken cancellationToken = default)
    {
        var tokens = _isBpe ? LastPieces(text, count, addSpecial, parseSpecial, cancellationToken) : LastWindow(text, count, addSpecial, parseSpecial);
        tokens ??= Tokenize(text, addSpecial, parseSpecial, cancellationToken);
        return tokens[Math.Max(0, tokens.Length - count)..];
    }

    private int[]? LastPieces(string text, int count, bool addSpecial, bool parseSpecial, CancellationToken cancellationToken)
    {
        var pieces = TextPieces.Of(text);
        var found = new Stack<int[]>();
        using var use = Use();
        if (addSpecial && LlamaApi.llama_vocab_get_add_eos(_vocab))
            found.Push([LlamaApi.llama_vocab_eos(_vocab)]);
        for (var i = pieces.Count - 1; i >= 0 && count > 0; i--)
        {
            cancellationToken.ThrowIfCancellationRequested();
            found.Push(TokenizePiece(text.AsSpan()[pieces[i]], addSpecial: false, parseSpecial));
            count -= found.Peek().Length;
        }
        return [.. found.SelectMany(tokens => tokens)];
    }

    private int[]? LastWindow(string text, int count, bool addSpecial, bool parseSpecial)
    {
        var window = LengthOf(count);
        if (window >= text.Length)
            return null;
        var start = text.Length - (int)window;
        var tokens = TokenizePiece(text.AsSpan(char.IsLowSurrogate(text[start]) ? start + 1 : start), addSpecial, parseSpecial);
        return tokens.Length > count ? tokens : null;
    }

    private static long LengthOf(int tokens) => Math.Min(MaxTextBytes, (tokens + 1L) * LongestToken);
}
