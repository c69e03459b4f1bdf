namespace Chasqui.Gateway;

/// <summary>A key as it is kept: who has it, and how it is known again. Immutable.</summary>
public sealed record AccessKey
{
    /// <summary>The SHA-256 of its text, 32 bytes.</summary>
    public required ReadOnlyMemory<byte> Hash { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>From when on it is not taken any more; null for never.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>Who asks with it.</summary>
    public required Caller Caller { get; init; }

    /// <summary>Its id, which is no secret.</summary>
    public string Id => Caller.Id;
}
