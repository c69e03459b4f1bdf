namespace Chasqui.Gateway;

/// <summary>How answers that are always the same are kept.</summary>
public sealed record CacheOptions
{
    /// <summary>Whether they are. Default true.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Bytes that are kept in memory, 1 MiB to 1 TiB. Default 64 MiB.</summary>
    public long MaxBytes { get; init; } = 64 << 20;

    /// <summary>How long an answer is kept, 1 s to 30 days. Default 1 hour.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Where Redis is, e.g. <c>127.0.0.1:6379</c>; empty, the default, for memory alone.</summary>
    public string Redis { get; init; } = "";
}
