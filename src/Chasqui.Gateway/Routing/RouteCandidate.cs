namespace Chasqui.Gateway.Routing;

/// <summary>A node as the choice sees it.</summary>
public readonly record struct RouteCandidate
{
    /// <summary>Its place in the caller's list.</summary>
    public required int Index { get; init; }

    /// <summary>Requests it runs or keeps waiting now, of whomever.</summary>
    public int InFlight { get; init; }

    /// <summary>Requests it runs at once, at least 1.</summary>
    public int Slots { get; init; }

    /// <summary>How much it can do beside the others, times the share that it gets while it returns; above 0.</summary>
    public double Weight { get; init; }

    /// <summary>Seconds until the model is in its memory; 0 when it is there.</summary>
    public double LoadSeconds { get; init; }

    /// <summary>Seconds that a request holds a slot, in the mean.</summary>
    public double ServiceSeconds { get; init; }

    /// <summary>Prompt tokens it computes in a second.</summary>
    public double PromptTokensPerSecond { get; init; }

    /// <summary>Prompt tokens of other requests that it has yet to compute.</summary>
    public long PendingTokens { get; init; }

    /// <summary>Tokens of this prompt that it has probably computed before.</summary>
    public int WarmTokens { get; init; }

    /// <summary>Failures among its last outcomes, 0 to 1.</summary>
    public double FailureRate { get; init; }
}
