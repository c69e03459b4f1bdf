namespace Chasqui.Gateway.Sessions;

/// <summary>A change that is asked for.</summary>
/// <param name="Key">The session.</param>
/// <param name="At">When.</param>
/// <param name="Expected">The version that its writer saw; null for whatever it is now.</param>
public abstract record SessionWrite(SessionKey Key, DateTimeOffset At, long? Expected);

/// <summary>Makes a session; where one of that name was deleted, its numbers go on from there.</summary>
public sealed record CreateSession(SessionKey Key, DateTimeOffset At, SessionSettings Settings) : SessionWrite(Key, At, null);

/// <summary>Adds turns, together or not at all.</summary>
public sealed record AppendTurns(SessionKey Key, DateTimeOffset At, long? Expected, IReadOnlyList<SessionMessage> Messages) : SessionWrite(Key, At, Expected)
{
    /// <summary>Bytes of the turns as they are stored.</summary>
    public long Bytes { get; } = SessionJson.SizeOf(Messages);
}

/// <summary>Replaces the settings.</summary>
public sealed record UpdateSession(SessionKey Key, DateTimeOffset At, long? Expected, SessionSettings Settings) : SessionWrite(Key, At, Expected);

/// <summary>Makes a session of another's changes up to a version, which keep their numbers, and one change more. The name must never have been used.</summary>
/// <param name="Key">The new session.</param>
/// <param name="At">When.</param>
/// <param name="Source">The other one, of the same tenant.</param>
/// <param name="Version">The last change to take; null for all.</param>
/// <param name="Settings">The new session's; null for the other's as they are now.</param>
public sealed record ForkSession(SessionKey Key, DateTimeOffset At, SessionKey Source, long? Version, SessionSettings? Settings) : SessionWrite(Key, At, null);

/// <summary>Removes a session and all its turns. Its number and its last change stay for a while, for those who follow it.</summary>
public sealed record DeleteSession(SessionKey Key, DateTimeOffset At, long? Expected) : SessionWrite(Key, At, Expected);

/// <summary>How a write ended.</summary>
public enum WriteResult
{
    /// <summary>It is done.</summary>
    Done,

    /// <summary>There is no such session, or none to fork from.</summary>
    NotFound,

    /// <summary>The name is taken.</summary>
    Exists,

    /// <summary>The version that the writer saw, or wants to fork at, is not one that is.</summary>
    Conflict,
}

/// <summary>What became of a write.</summary>
/// <param name="Result">How it ended.</param>
/// <param name="Session">The session as it is now, without its turns: after the change, or for a conflict what it is instead (of a fork: the source). Null where there is none; of a deletion as it was, with its new version.</param>
/// <param name="Change">What was done; null where nothing was.</param>
public sealed record WriteOutcome(WriteResult Result, Session? Session, SessionChange? Change);
