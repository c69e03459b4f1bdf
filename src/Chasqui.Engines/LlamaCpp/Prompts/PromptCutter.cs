namespace Chasqui.Engines.LlamaCpp.Prompts;

/// <summary>A prompt, and the tokens it comes to.</summary>
internal readonly record struct TokenizedPrompt(string Text, int[] Tokens);

/// <summary>Fits a prompt into a context, as Ollama does.</summary>
internal static class PromptCutter
{
    /// <summary>
    /// Drops the oldest turns until the conversation fits; system turns and the last turn stay. How long a conversation is
    /// grows with each turn it keeps, so the cut is found by bisection: a long one is not rendered once for each turn.
    /// </summary>
    /// <param name="turns">The conversation, oldest first.</param>
    /// <param name="whole">All of it, rendered and tokenized.</param>
    /// <param name="tokenize">Renders and tokenizes a conversation.</param>
    /// <param name="limit">Tokens that fit.</param>
    internal static TokenizedPrompt FitTurns(
        IReadOnlyList<ChatMessage> turns, TokenizedPrompt whole, Func<IReadOnlyList<ChatMessage>, TokenizedPrompt> tokenize, int limit)
    {
        if (whole.Tokens.Length <= limit || turns.Count <= 1)
            return whole;

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
    internal static int[] CutMiddle(int[] tokens, int limit, int keep)
    {
        if (tokens.Length < limit)
            return tokens;
        keep = Math.Clamp(keep, 0, limit / 2);
        var newest = Math.Max(1, (limit - keep) / 2);
        return [.. tokens.AsSpan(0, keep), .. tokens.AsSpan(tokens.Length - newest)];
    }
}
