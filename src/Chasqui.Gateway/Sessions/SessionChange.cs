namespace Chasqui.Gateway.Sessions;

/// <summary>What a change did.</summary>
public enum ChangeKind
{
    /// <summary>The session was made.</summary>
    Created,

    /// <summary>Turns were added.</summary>
    Appended,

    /// <summary>Its settings are others now.</summary>
    Updated,

    /// <summary>It was made from another; the changes before are that one's.</summary>
    Forked,

    /// <summary>It is gone, and all changes before this one.</summary>
    Deleted,
}

/// <summary>One change of a session; all of them in order are the session. Immutable.</summary>
public sealed record SessionChange
{
    /// <summary>The session.</summary>
    public required SessionKey Key { get; init; }

    /// <summary>Its number, from 1, without gaps.</summary>
    public required long Version { get; init; }

    /// <summary>What it did.</summary>
    public required ChangeKind Kind { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Turns that were added, together or not at all.</summary>
    public IReadOnlyList<SessionMessage> Messages { get; init; } = [];

    /// <summary>The settings from then on; null where they stayed.</summary>
    public SessionSettings? Settings { get; init; }

    /// <summary>Of a fork.</summary>
    public SessionOrigin? Origin { get; init; }
}
