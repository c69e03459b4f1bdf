namespace Chasqui.Gateway.Sessions;

/// <summary>A session without its turns. Immutable.</summary>
public sealed record Session
{
    /// <summary>Its name.</summary>
    public required SessionKey Key { get; init; }

    /// <summary>What its owner decided.</summary>
    public SessionSettings Settings { get; init; } = new();

    /// <summary>The number of the last change, from 1, without gaps.</summary>
    public long Version { get; init; }

    /// <summary>Turns in it.</summary>
    public int Messages { get; init; }

    /// <summary>Tokens of all turns, as counted or estimated.</summary>
    public long Tokens { get; init; }

    /// <summary>Bytes that it takes in its store, counted as <see cref="SessionUsage.Bytes"/>; where it was deleted, those of its last change.</summary>
    public long Bytes { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was changed last.</summary>
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>The session that it was forked from; null for none.</summary>
    public SessionOrigin? Origin { get; init; }
}

/// <summary>Where a fork begins.</summary>
/// <param name="Id">The other session, of the same tenant.</param>
/// <param name="Version">The last change that both have.</param>
public sealed record SessionOrigin(string Id, long Version);

/// <summary>A turn of a session.</summary>
/// <param name="Message">What was said.</param>
/// <param name="Tokens">Its tokens, as counted by the engine or estimated.</param>
public sealed record SessionMessage(ChatMessage Message, int Tokens);
