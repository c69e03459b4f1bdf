namespace Chasqui.Gateway.Sessions;

/// <summary>When a write is acknowledged.</summary>
public enum SyncMode
{
    /// <summary>Once it is committed, alone.</summary>
    Immediate,

    /// <summary>Once it is committed, together with those of the same few milliseconds.</summary>
    Batched,

    /// <summary>At once; it is committed a moment later, and a crash before that loses it.</summary>
    Local,
}

/// <summary>What becomes of a conversation that is longer than the model's context.</summary>
public enum ContextPolicy
{
    /// <summary>All of it is sent to the model, whatever that makes of it.</summary>
    KeepAll,

    /// <summary>The system's turns and the last that fit are sent; what was left out is told.</summary>
    KeepLast,

    /// <summary>The request is refused.</summary>
    Refuse,
}

/// <summary>What the owner of a session decides. Immutable.</summary>
public sealed record SessionSettings
{
    /// <summary>What people call it, up to 1,000 characters. Default empty.</summary>
    public string Title { get; init; } = "";

    /// <summary>The model of requests that name none. Default empty.</summary>
    public string Model { get; init; } = "";

    /// <summary>When writes are acknowledged; for as long as the session is there. Default <see cref="SyncMode.Immediate"/>.</summary>
    public SyncMode Mode { get; init; } = SyncMode.Immediate;

    /// <summary>What is done when it is too long. Default <see cref="ContextPolicy.KeepLast"/>.</summary>
    public ContextPolicy Policy { get; init; } = ContextPolicy.KeepLast;

    /// <summary>Tokens, as estimated, that are sent to the model at most, 64 to 10,000,000; null for what the model's context leaves.</summary>
    public int? MaxTokens { get; init; }
}
