namespace Chasqui.Gateway.Sessions;

/// <summary>What was read of a session: its last turns, and behind whatever was passed over its system turns. Immutable.</summary>
/// <param name="Turns">The turns, oldest first.</param>
/// <param name="Skipped">Turns that were not read; none of them is a system turn.</param>
/// <param name="SkippedTokens">Their tokens.</param>
public sealed record SessionPart(IReadOnlyList<SessionMessage> Turns, int Skipped = 0, long SkippedTokens = 0)
{
    /// <summary>Tokens of the turns that were read, but the system turns.</summary>
    public long Tokens { get; } = Turns.Where(turn => !SessionContext.IsSystem(turn)).Sum(turn => (long)turn.Tokens);

    /// <summary>Whether nothing that was passed over could be sent where there is so much room.</summary>
    public bool IsEnough(long room) => Skipped == 0 || Tokens > room;

    /// <summary>The same with turns that have come since.</summary>
    public SessionPart With(IReadOnlyList<SessionMessage> added) => added.Count == 0 ? this : new([.. Turns, .. added], Skipped, SkippedTokens);
}
