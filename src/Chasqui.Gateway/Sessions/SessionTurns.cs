namespace Chasqui.Gateway.Sessions;

/// <summary>One exchange with a model: what the session knows is sent along, and what is asked and answered is recorded together, or not at all. Thread-safe.</summary>
public sealed class SessionTurns(SessionLog log)
{
    /// <summary>Finds the session, or makes it where nobody expects one, and what of it is sent to the model.</summary>
    /// <param name="key">The session.</param>
    /// <param name="expected">The version that the client saw; 0 for a session that must not be there yet, null for whatever it is.</param>
    /// <param name="added">The turns that are new.</param>
    /// <param name="contextTokens">Tokens that the model's context has room for; null where nobody knows.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="SessionNotFoundException">There is none, and a version was named.</exception>
    /// <exception cref="SessionConflictException">The version is another.</exception>
    /// <exception cref="ContextLengthExceededException">It is too long, and its policy is to refuse.</exception>
    public async Task<SessionTurn> BeginAsync(SessionKey key, long? expected, IReadOnlyList<ChatMessage> added, int? contextTokens, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(added);
        var (session, turns) = await FindAsync(key, expected, cancellationToken).ConfigureAwait(false);
        // Clients say it each time, as APIs without sessions want it.
        var system = turns.LastOrDefault(turn => turn.Message.Role == "system")?.Message.Content;
        added = [.. added.Where(message => message.Role != "system" || message.Content != system)];
        var settings = session.Settings;
        var context = SessionContext.Of(turns, added, settings.Policy, settings.MaxTokens ?? contextTokens ?? log.Options.ContextTokens);
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

    private async Task<(Session Session, IReadOnlyList<SessionMessage> Turns)> FindAsync(SessionKey key, long? expected, CancellationToken cancellationToken)
    {
        if (expected is null or 0 && await log.FindAsync(key, cancellationToken).ConfigureAwait(false) is null)
        {
            try
            {
                var made = await log.WriteAsync(
                    new CreateSession(key, log.Now, new SessionSettings { Mode = log.Options.Mode, Policy = log.Options.Policy }), cancellationToken).ConfigureAwait(false);
                return (made.Session!, []);
            }
            catch (SessionExistsException) when (expected is null)
            {
                // Somebody else was faster.
                return await log.LoadAsync(key, cancellationToken).ConfigureAwait(false);
            }
        }
        var (session, turns) = await log.LoadAsync(key, cancellationToken).ConfigureAwait(false);
        return expected is null || expected == session.Version ? (session, turns) : throw new SessionConflictException(key.Id, expected, session.Version);
    }
}

/// <summary>An exchange that was begun.</summary>
/// <param name="Session">The session as it was then.</param>
/// <param name="Context">What is sent to the model.</param>
/// <param name="Added">The turns that are new.</param>
public sealed record SessionTurn(Session Session, SessionContext Context, IReadOnlyList<ChatMessage> Added);
