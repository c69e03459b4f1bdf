namespace Chasqui.Gateway.Sessions;

/// <summary>One exchange with a model: what the session knows is sent along, and what is asked and answered is recorded together, or not at all. Thread-safe.</summary>
public sealed class SessionTurns(SessionLog log)
{
    // As good as every answer is shorter.
    private const int RoomForAnswer = 64 << 10;

    /// <summary>Finds the session, or makes it where nobody expects one, and what of it is sent to the model.</summary>
    /// <param name="key">The session.</param>
    /// <param name="expected">The version that the client saw; 0 for a session that must not be there yet, null for whatever it is.</param>
    /// <param name="added">The turns that are new.</param>
    /// <param name="contextTokens">Tokens that the model's context has room for; null where nobody knows.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="SessionNotFoundException">There is none, and a version was named.</exception>
    /// <exception cref="SessionConflictException">The version is another.</exception>
    /// <exception cref="SessionQuotaException">There is no room for what would be recorded.</exception>
    /// <exception cref="ContextLengthExceededException">It is too long, and its policy is to refuse.</exception>
    public async Task<SessionTurn> BeginAsync(SessionKey key, long? expected, IReadOnlyList<ChatMessage> added, int? contextTokens, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(added);
        // A model shall not work for an answer that cannot be recorded.
        await log.EnsureRoomAsync(
            key.Tenant, new SessionUsage(0, added.Count + 1, SessionUsage.OfChange + RoomForAnswer + SessionJson.SizeOf([.. added.Select(message => new SessionMessage(message, 0))])), cancellationToken)
            .ConfigureAwait(false);
        var (session, part) = await FindAsync(key, expected, contextTokens, cancellationToken).ConfigureAwait(false);
        // Clients say it each time, as APIs without sessions want it.
        var system = part.Turns.LastOrDefault(turn => turn.Message.Role == "system")?.Message.Content;
        added = [.. added.Where(message => message.Role != "system" || message.Content != system)];
        var context = SessionContext.Of(part, added, session.Settings.Policy, MostOf(session, contextTokens));
        return new SessionTurn(session, context, added);
    }

    /// <summary>Records what was asked and answered.</summary>
    /// <param name="turn">What was begun.</param>
    /// <param name="answer">The answer, whole.</param>
    /// <param name="tokens">Its tokens.</param>
    /// <param name="cancellationToken">Gives up waiting; what is being written is written all the same.</param>
    /// <returns>The new version.</returns>
    /// <exception cref="SessionConflictException">Somebody else has written meanwhile; nothing was recorded.</exception>
    public async Task<long> EndAsync(SessionTurn turn, ChatMessage answer, int tokens, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(turn);
        ArgumentNullException.ThrowIfNull(answer);
        IReadOnlyList<SessionMessage> messages = [.. turn.Added.Select(message => new SessionMessage(message, SessionContext.Estimate(message))), new SessionMessage(answer, tokens)];
        var outcome = await log.WriteAsync(new AppendTurns(turn.Session.Key, log.Now, turn.Session.Version, messages), cancellationToken).ConfigureAwait(false);
        return outcome.Change!.Version;
    }

    private async Task<(Session Session, SessionPart Part)> FindAsync(SessionKey key, long? expected, int? contextTokens, CancellationToken cancellationToken)
    {
        if (expected is null or 0 && await log.FindAsync(key, cancellationToken).ConfigureAwait(false) is null)
        {
            try
            {
                var made = await log.WriteAsync(
                    new CreateSession(key, log.Now, new SessionSettings { Mode = log.Options.Mode, Policy = log.Options.Policy }), cancellationToken).ConfigureAwait(false);
                return (made.Session!, new SessionPart([]));
            }
            catch (SessionExistsException) when (expected is null)
            {
                // Somebody else was faster.
                return await log.LoadAsync(key, RoomOf, cancellationToken).ConfigureAwait(false);
            }
        }
        var (session, part) = await log.LoadAsync(key, RoomOf, cancellationToken).ConfigureAwait(false);
        return expected is null || expected == session.Version ? (session, part) : throw new SessionConflictException(key.Id, expected, session.Version);

        long RoomOf(Session session) => session.Settings.Policy == ContextPolicy.KeepAll ? long.MaxValue : MostOf(session, contextTokens);
    }

    private int MostOf(Session session, int? contextTokens) => session.Settings.MaxTokens ?? contextTokens ?? log.Options.ContextTokens;
}

/// <summary>An exchange that was begun.</summary>
/// <param name="Session">The session as it was then.</param>
/// <param name="Context">What is sent to the model.</param>
/// <param name="Added">The turns that are new.</param>
public sealed record SessionTurn(Session Session, SessionContext Context, IReadOnlyList<ChatMessage> Added);
