namespace Chasqui.Gateway.Sessions;

/// <summary>What a write makes of a session: the rules that every store keeps, for those who know the outcome before it does. Pure.</summary>
public static class SessionState
{
    /// <summary>Adds turns to a session as it is.</summary>
    public static WriteOutcome Append(Session session, AppendTurns write)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(write);
        if (write.Expected is { } expected && expected != session.Version)
            return new WriteOutcome(WriteResult.Conflict, session, null);
        var change = new SessionChange { Key = session.Key, Version = session.Version + 1, Kind = ChangeKind.Appended, At = write.At, Messages = write.Messages };
        return new WriteOutcome(WriteResult.Done, session with
        {
            Version = change.Version,
            Messages = session.Messages + write.Messages.Count,
            Tokens = session.Tokens + write.Messages.Sum(message => (long)message.Tokens),
            Bytes = session.Bytes + SessionUsage.OfChange + write.Bytes,
            UpdatedAt = write.At,
        }, change);
    }
}
