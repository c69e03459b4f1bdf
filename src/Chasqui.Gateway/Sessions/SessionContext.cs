namespace Chasqui.Gateway.Sessions;

/// <summary>What of a session is sent to a model.</summary>
/// <param name="Messages">The turns, the new ones last.</param>
/// <param name="Omitted">Turns that were left out.</param>
public sealed record SessionContext(IReadOnlyList<ChatMessage> Messages, int Omitted)
{
    // What a template adds to a turn.
    private const int TokensOfTurn = 4;

    /// <summary>Tokens of a turn, as long as nobody has counted them.</summary>
    public static int Estimate(ChatMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var characters = message.Content.Length + (long)(message.Thinking?.Length ?? 0) + (message.ToolCalls?.GetRawText().Length ?? 0);
        return (int)Math.Min(int.MaxValue, (characters / RouteRequest.CharactersPerToken) + TokensOfTurn);
    }

    /// <summary>Whether a turn is always sent.</summary>
    public static bool IsSystem(SessionMessage turn)
    {
        ArgumentNullException.ThrowIfNull(turn);
        return turn.Message.Role is "system" or "developer";
    }

    /// <summary>Chooses what is sent. System turns and new ones always are.</summary>
    /// <param name="part">The session's turns, as many as matter.</param>
    /// <param name="added">The new ones.</param>
    /// <param name="policy">What is done where all is too much.</param>
    /// <param name="maxTokens">How much is too much.</param>
    /// <exception cref="ContextLengthExceededException">It is too much, and the policy is to refuse, or what is always sent is too much already.</exception>
    public static SessionContext Of(SessionPart part, IReadOnlyList<ChatMessage> added, ContextPolicy policy, int maxTokens)
    {
        ArgumentNullException.ThrowIfNull(part);
        ArgumentNullException.ThrowIfNull(added);
        var turns = part.Turns;
        var always = added.Sum(message => (long)Estimate(message)) + turns.Where(IsSystem).Sum(turn => (long)turn.Tokens);
        var all = always + part.Tokens + part.SkippedTokens;
        if (part.Skipped == 0 && (policy == ContextPolicy.KeepAll || all <= maxTokens))
            return new SessionContext([.. turns.Select(turn => turn.Message), .. added], 0);
        if (policy == ContextPolicy.KeepAll)
        {
            throw new InvalidRequestException(
                "the session has more than 64 MiB of turns, and its policy is to send them all; give it the policy keep-last with PATCH /api/sessions/ID, or fork it at an earlier version");
        }
        if (policy == ContextPolicy.Refuse || always > maxTokens)
            throw new ContextLengthExceededException((int)Math.Min(int.MaxValue, policy == ContextPolicy.Refuse ? all : always), maxTokens);
        var first = FirstKept(part, all - maxTokens, maxTokens - always);
        List<ChatMessage> kept = [];
        for (var i = 0; i < turns.Count; i++)
        {
            if (i >= first || IsSystem(turns[i]))
                kept.Add(turns[i].Message);
        }
        return new SessionContext([.. kept, .. added], part.Skipped + turns.Count - kept.Count);
    }

    /// <summary>
    /// From where on the turns fit. It is one of the user's: an answer without its question, or a tool's result without its call, would mislead the model. What is left out is a multiple of a
    /// quarter of the room: so it is the same for many turns, and an engine finds the beginning of the prompt computed already.
    /// </summary>
    private static int FirstKept(SessionPart part, long excess, long room)
    {
        var step = Math.Max(1, room / 4);
        var left = ((excess + step - 1) / step * step) - part.SkippedTokens;
        var turns = part.Turns;
        for (var i = 0; i < turns.Count; i++)
        {
            if (IsSystem(turns[i]))
                continue;
            if (left <= 0 && turns[i].Message.Role == "user")
                return i;
            left -= turns[i].Tokens;
        }
        return turns.Count;
    }
}
