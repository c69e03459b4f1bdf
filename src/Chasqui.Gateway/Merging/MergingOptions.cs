namespace Chasqui.Gateway;

/// <summary>When requests for vectors go to a node together.</summary>
public enum MergeStrategy
{
    /// <summary>Never: each goes by itself, as soon as it has come.</summary>
    Realtime,

    /// <summary>Those that come within the window go together, or as soon as there are enough.</summary>
    Fixed,

    /// <summary>At once while nothing of the kind is under way; else together once something returns, the window ends or there are enough.</summary>
    Dynamic,
}

/// <summary>How requests for vectors are merged, and how equal generations are shared.</summary>
public sealed record MergingOptions
{
    /// <summary>When requests for vectors go together. Default <see cref="MergeStrategy.Dynamic"/>.</summary>
    public MergeStrategy Strategy { get; init; } = MergeStrategy.Dynamic;

    /// <summary>How long the first request of a call waits for others, 1 ms to 1 s. Default 5 ms.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Most texts of a call, 1 to 10,000; a request with more is sent in parts. Default 64.</summary>
    public int MaxInputs { get; init; } = 64;

    /// <summary>
    /// Most characters of a call's texts, 1 KiB to 64 Mi; a request with more is sent in parts, and a text with more goes by itself.
    /// Default 256 Ki.
    /// </summary>
    public int MaxCharacters { get; init; } = 256 << 10;

    /// <summary>Whether equal deterministic generations that run at the same time are one. Default true.</summary>
    public bool Share { get; init; } = true;

    /// <summary>Bytes of a shared generation that are kept for those who join or fall behind, 4 KiB to 64 MiB. Default 1 MiB.</summary>
    public int ShareBuffer { get; init; } = 1 << 20;
}
