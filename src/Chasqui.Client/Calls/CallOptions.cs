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

    /// <summary>A name for logs on both sides, 1 to 128 characters of visible ASCII; null for one that the gateway makes.</summary>
    public string? RequestId { get; init; }

    /// <summary>A W3C trace parent; null for none.</summary>
    public string? TraceParent { get; init; }

    /// <summary>The W3C trace state that goes with <see cref="TraceParent"/>; null for none.</summary>
    public string? TraceState { get; init; }

    /// <summary>The node that the request is for, by its name, or <c>all</c>; null to leave that to the gateway.</summary>
    public string? Node { get; init; }

    /// <summary>The session that a chat is a turn of: an id of 1 to 64 characters <c>a-z 0-9 _ -</c>, or <c>new</c> for one that is made for it; null for none. Its result says where the
    /// exchange was recorded.</summary>
    public string? Session { get; init; }

    /// <summary>The version of <see cref="Session"/> that the caller saw, 0 for one that must not be there yet; null for whatever it is. Where it is another one by now, the chat is
    /// refused with <c>session_conflict</c>.</summary>
    public long? SessionVersion { get; init; }

    /// <summary>Whether a generation outlives a lost connection; null for the client's own <see cref="ChasquiClientOptions.Resume"/>. For generate, chat and infer.</summary>
    public bool? Resume { get; init; }

    /// <summary>With <see cref="Resume"/>: the id under which the gateway keeps the generation, 16 to 64 characters <c>a-z 0-9 -</c> that no other one has, so that others can follow it
    /// with <see cref="ChasquiClient.ResumeAsync"/>; null for one that is made up.</summary>
    public string? GenerationId { get; init; }

    internal static bool IsDeadline(TimeSpan span) => span >= TimeSpan.FromMilliseconds(1) && span <= TimeSpan.FromHours(24);
}
