namespace Chasqui.Gateway.Telemetry;

/// <summary>What there is to see of a node now.</summary>
public sealed record NodeMeasure
{
    /// <summary>A node that takes requests.</summary>
    public const string Up = "up";

    /// <summary>A node that has come back and does not have its full share yet.</summary>
    public const string Returning = "recovering";

    /// <summary>A node that is not reached, or does not generate.</summary>
    public const string Down = "down";

    /// <summary>A circuit breaker that lets requests through.</summary>
    public const string Closed = "closed";

    /// <summary>A circuit breaker that lets one through, to see.</summary>
    public const string HalfOpen = "half_open";

    /// <summary>A circuit breaker that lets nothing through.</summary>
    public const string Open = "open";

    /// <summary>The node's name, as configured.</summary>
    public required string Name { get; init; }

    /// <summary><see cref="Up"/> (the default), <see cref="Returning"/> or <see cref="Down"/>.</summary>
    public string State { get; init; } = Up;

    /// <summary><see cref="Closed"/> (the default), <see cref="HalfOpen"/> or <see cref="Open"/>.</summary>
    public string Breaker { get; init; } = Closed;

    /// <summary>Requests that run on it.</summary>
    public int Active { get; init; }

    /// <summary>Requests that wait for it.</summary>
    public int Queued { get; init; }

    /// <summary>Requests that it runs at once; null where it does not say.</summary>
    public int? Slots { get; init; }

    /// <summary>Models in its memory; null where it does not say.</summary>
    public int? ResidentModels { get; init; }

    internal static IReadOnlyList<string> States { get; } = [Up, Returning, Down];

    internal static IReadOnlyList<string> Breakers { get; } = [Closed, HalfOpen, Open];
}
