using Chasqui.Protocol;

namespace Chasqui.Client;

/// <summary>What one request wants besides its message.</summary>
public sealed record CallOptions
{
    /// <summary>Nothing special.</summary>
    public static CallOptions Default { get; } = new();

    /// <summary>Time within which the answer must have ended, 1 ms to 24 hours, kept by both sides; null for the client's own.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>Which share of the connection's turns it has. Default normal.</summary>
    public StreamPriority Priority { get; init; }

    /// <summary>A name for logs; null for none.</summary>
    public string? RequestId { get; init; }

    /// <summary>A W3C trace parent; null for none.</summary>
    public string? TraceParent { get; init; }

    internal static bool IsDeadline(TimeSpan span) => span >= TimeSpan.FromMilliseconds(1) && span <= TimeSpan.FromHours(24);
}
