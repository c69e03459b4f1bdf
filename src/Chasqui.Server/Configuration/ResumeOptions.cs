namespace Chasqui.Server;

/// <summary>How generations are kept for those who lost their connection.</summary>
public sealed record ResumeOptions
{
    /// <summary>How long a generation runs on whose readers have all left, zero to 1 hour. Default 30 s.</summary>
    public TimeSpan RunOn { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long it is kept after its end, zero to 1 hour. Default 60 s.</summary>
    public TimeSpan KeepFor { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Bytes of an answer that are kept, 4 KiB to 256 MiB; one that is longer cannot be resumed. Default 4 MiB.</summary>
    public int BufferBytes { get; init; } = 4 << 20;

    /// <summary>Generations that are kept at once, 0 to 100,000; more are answered as usual. Default 256.</summary>
    public int MaxKept { get; init; } = 256;

    /// <summary>How many of them one caller may have, 0 to 100,000; callers of one tenant count as one. Default 64.</summary>
    public int MaxKeptPerCaller { get; init; } = 64;

    /// <summary>Bytes of all answers that are kept, 0 to 2^40. Default 128 MiB.</summary>
    public long MaxBytes { get; init; } = 128 << 20;

    /// <summary>Those of one caller, 0 to 2^40; callers of one tenant count as one. Default 32 MiB.</summary>
    public long MaxBytesPerCaller { get; init; } = 32 << 20;
}
