namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>How patient transfers are. Read once.</summary>
internal sealed record RegistryOptions
{
    /// <summary>Bytes of the ranges that a blob is fetched in. Default 64 MiB.</summary>
    public long PartBytes { get; init; } = 64L << 20;

    /// <summary>Ranges of one blob that are fetched at once. Default 4.</summary>
    public int Parallel { get; init; } = 4;

    /// <summary>Attempts in a row that may end without a byte before a transfer fails. Default 6.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>The wait after a first failure; each further one doubles it. Default 500 ms.</summary>
    public TimeSpan Backoff { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest such wait. Default 15 s.</summary>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a registry may be silent before the request counts as failed. Default 30 s.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long between two reports of one blob. Default 60 ms, as Ollama's.</summary>
    public TimeSpan Report { get; init; } = TimeSpan.FromMilliseconds(60);

    /// <summary>Hosts and ports that may be on a private address; see <see cref="ManagedStoreOptions.PrivateRegistries"/>. Default none.</summary>
    public IReadOnlyList<string> Private { get; init; } = [];

    public TimeSpan BackoffAfter(int failures)
    {
        var wait = Backoff * Math.Pow(2, Math.Min(failures - 1, 20));
        return wait < MaxBackoff ? wait : MaxBackoff;
    }
}
