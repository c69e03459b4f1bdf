namespace Chasqui.Gateway.Sessions;

/// <summary>How sessions are kept.</summary>
public sealed record SessionOptions
{
    /// <summary>What a new session has that does not say.</summary>
    public SyncMode Mode { get; init; } = SyncMode.Immediate;

    /// <summary>The same for its context. Default <see cref="ContextPolicy.KeepLast"/>.</summary>
    public ContextPolicy Policy { get; init; } = ContextPolicy.KeepLast;

    /// <summary>Tokens that a session may send to a model at most where neither it nor the request's <c>num_ctx</c> says, 64 to 10,000,000. Default 4,096, as an Ollama's context.</summary>
    public int ContextTokens { get; init; } = 4_096;

    /// <summary>For how long writes of the mode <see cref="SyncMode.Batched"/> are gathered at most, while fewer are there than last time; zero to 1 s. Default 5 ms.</summary>
    public TimeSpan BatchWindow { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>For how long writes of the mode <see cref="SyncMode.Local"/> may be in memory alone, 1 ms to 1 minute. Default 200 ms.</summary>
    public TimeSpan LocalWindow { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Writes that may wait for the store, 1 to 1,000,000; more have to wait before they are taken. Default 4,096.</summary>
    public int MaxPending { get; init; } = 4_096;

    /// <summary>Bytes of turns that are kept in memory, 0 to 1 TiB. Default 64 MiB.</summary>
    public long CacheBytes { get; init; } = 64 << 20;

    /// <summary>For how long the name of a deleted session is remembered, 1 minute to 10 years. Default 30 days.</summary>
    public TimeSpan ForgetAfter { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Sessions that a tenant may have, 0 to 1,000,000,000. Default 10,000.</summary>
    public long MaxSessions { get; init; } = 10_000;

    /// <summary>Turns in all sessions of a tenant, 0 to 1,000,000,000. Default 1,000,000.</summary>
    public long MaxTurns { get; init; } = 1_000_000;

    /// <summary>Bytes of all sessions of a tenant, 0 to 1 TiB. Default 512 MiB.</summary>
    public long MaxBytes { get; init; } = 512 << 20;

    /// <summary>Bytes of the sessions and responses of all tenants together, 0 to 1 PiB. Default 8 GiB.</summary>
    public long MaxStoreBytes { get; init; } = 8L << 30;

    /// <summary>How long a start waits for a PostgreSQL that cannot be reached yet, zero to 1 hour. Default 30 s.</summary>
    public TimeSpan DatabaseWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Responses of OpenAI's responses API that are kept for a tenant, the newest, 0 to 1,000,000; 0 for none at all. Default 1,000.</summary>
    public int MaxResponses { get; init; } = 1_000;

    /// <summary>Bytes of them, with their conversations, for a tenant, 0 to 1 TiB; 0 for none at all. Default 256 MiB.</summary>
    public long ResponseBytes { get; init; } = 256 << 20;

    /// <summary>For how long they are kept, 1 minute to 10 years. Default 30 days, as at OpenAI.</summary>
    public TimeSpan ResponseAge { get; init; } = TimeSpan.FromDays(30);
}
