namespace Chasqui.Gateway;

/// <summary>How much may be asked for. Null stands for no limit, 0 for nothing at all. Immutable.</summary>
public sealed record TrafficLimit
{
    /// <summary>The largest number of any of them.</summary>
    public const long Max = 1_000_000_000;

    /// <summary>No limit.</summary>
    public static TrafficLimit None { get; } = new();

    /// <summary>Requests a minute, 0 to 10^9. Default null.</summary>
    public long? RequestsPerMinute { get; init; }

    /// <summary>Tokens of prompts and answers a minute, 0 to 10^9. Default null.</summary>
    public long? TokensPerMinute { get; init; }

    /// <summary>Requests at once after a pause, 1 to 10^9. Default null: those of a minute.</summary>
    public long? RequestBurst { get; init; }

    /// <summary>Tokens at once after a pause, 1 to 10^9. Default null: those of a minute.</summary>
    public long? TokenBurst { get; init; }

    /// <summary>Whether it limits nothing.</summary>
    public bool IsNone => RequestsPerMinute is null && TokensPerMinute is null;
}

/// <summary>A limit that models share.</summary>
/// <param name="Models">Patterns of the models.</param>
/// <param name="Limit">How much may be asked of all of them together.</param>
public sealed record ModelLimit(IReadOnlyList<string> Models, TrafficLimit Limit);

/// <summary>How traffic is shaped.</summary>
public sealed record LimitOptions
{
    /// <summary>How much may be asked for by all callers together. Default no limit.</summary>
    public TrafficLimit Overall { get; init; } = TrafficLimit.None;

    /// <summary>Limits of models; the first that names a model holds for it. Default none.</summary>
    public IReadOnlyList<ModelLimit> Models { get; init; } = [];

    /// <summary>How long a request may wait for its turn instead of being refused, 0 to 10 minutes. Default 1 second.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many requests may wait so at a time, 0 to 100,000. Default 256.</summary>
    public int MaxWaiting { get; init; } = 256;

    /// <summary>Tokens of an answer that are counted beforehand where a request does not say how many it wants, 0 to 1,000,000. Default 256.</summary>
    public int DefaultOutputTokens { get; init; } = 256;

    /// <summary>What requests may hold of the gateway while they come and run.</summary>
    public LoadOptions Load { get; init; } = new();
}
