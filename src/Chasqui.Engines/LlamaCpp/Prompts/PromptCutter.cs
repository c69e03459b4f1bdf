namespace Chasqui.Engines.LlamaCpp.Prompts;

/// <summary>A prompt, and the tokens it comes to; of one that is too long those of its beginning.</summary>
internal readonly record struct TokenizedPrompt(string Text, int[] Tokens)
{
    /// <summary>Characters that come to one token, about.</summary>
    private const int CharactersPerToken = 4;

    /// <summary>Whether there are more tokens than these.</summary>
    public bool IsCut { get; init; }

    /// <summary>How many there are; of one that is cut about how many.</summary>
    public int Count => IsCut ? Math.Max(Tokens.Length + 1, Text.Length / CharactersPerToken) : Tokens.Length;
}

/// <summary>Fits a prompt into a context, as Ollama does.</summary>
internal static class PromptCutter
{
    /// <summary>
    /// Drops the oldest turns until the conversation fits; system turns and the last turn stay. How long a conversation is
    /// grows with each turn it keeps, so the cut is found by bisection: a long one is not rendered once for each turn.
    /// </summary>
    /// <param name="turns">The conversation, oldest first.</param>
    /// <param name="whole">All of it, rendered and tokenized; null where it has too many turns to fit.</param>
    /// <param name="tokenize">Renders and tokenizes a conversation. Of one that does not fit, more tokens than fit are enough.</param>
    /// <param name="limit">Tokens that fit.</param>
    internal static TokenizedPrompt FitTurns(
        IReadOnlyList<ChatMessage> turns, TokenizedPrompt? whole, Func<IReadOnlyList<ChatMessage>, TokenizedPrompt> tokenize, int limit)
    {
        if (whole is { } all && (all.Tokens.Length <= limit || turns.Count <= 1))
            return all;

        TokenizedPrompt? best = null;
        // A turn has at least one token, so more turns than tokens fit in no case.
        var low = Math.Max(1, turns.Count - limit);
        var high = turns.Count - 1;
        while (low <= high)
        {
            var drop = (low + high) / 2;
            var prompt = tokenize([.. turns.Where((turn, i) => i >= drop || turn.Role == "system")]);
            if (prompt.Tokens.Length <= limit)
            {
                best = prompt;
                high = drop - 1;
            }
            else
            {
                low = drop + 1;
            }
        }

        return best ?? tokenize([.. turns.Where((turn, i) => i == turns.Count - 1 || turn.Role == "system")]);
    }

    /// <summary>
    /// Cuts tokens out of the middle: the first <paramref name="keep"/> stay, and then the newest, so that half of what is
    /// not kept is left for the answer.
    /// </summary>
    /// <param name="tokens">All tokens, or those of the beginning.</param>
    /// <param name="limit">Tokens that fit.</param>
    /// <param name="keep">How many of the first stay.</param>
    /// <param name="last">Finds the last ones where <paramref name="tokens"/> has not all; else null.</param>
    internal static int[] CutMiddle(int[] tokens, int limit, int keep, Func<int, int[]>? last = null)
    {
        if (tokens.Length < limit)
            return tokens;
        keep = Math.Clamp(keep, 0, limit / 2);
        var newest = Math.Max(1, (limit - keep) / 2);
        return [.. tokens.AsSpan(0, keep), .. last is null ? tokens[^newest..] : last(newest)];
    }
}
