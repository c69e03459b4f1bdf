namespace Chasqui.Gateway;

/// <summary>How requests find their node, and what happens when one fails.</summary>
public sealed record RoutingOptions
{
    /// <summary>How often each node is asked what it has, 100 ms to 1 hour. Default 2 s.</summary>
    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Nodes that one request may be sent to before it has an answer, 1 to 10. Default 3.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>Whether another node with the same weights goes on with an answer whose node fails in the middle. Default true.</summary>
    public bool Continue { get; init; } = true;

    /// <summary>Second attempts allowed for each first one, averaged over ten seconds, 0 to 10, beside ten that are always allowed. Default 0.5.</summary>
    public double RetryBudget { get; init; } = 0.5;

    /// <summary>Failures in a row that close a node off, 1 to 1,000. Default 3.</summary>
    public int FailureThreshold { get; init; } = 3;

    /// <summary>How long a node stays closed off the first time, doubled each further time up to a minute; 10 ms to 10 minutes. Default 1 s.</summary>
    public TimeSpan BreakerPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a node that returned takes to get its full share again, 0 to 10 minutes. Default 10 s.</summary>
    public TimeSpan RampUp { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a model in memory may say nothing at all before requests that have no answer yet are moved to another node that has it; 100 ms to 1 hour.
    /// Long prompts are given four times the time that they usually take. Default 20 s.</summary>
    public TimeSpan StallAfter { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>An idle node that has generated nothing for this long is asked for one token, if it has a model in memory; 1 s to 24 hours, or zero for never. Default 60 s.</summary>
    public TimeSpan CanaryAfter { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long that one token may take, 100 ms to 10 minutes. Default 10 s.</summary>
    public TimeSpan CanaryTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Tokens of a prompt, as estimated, up to which a generation is a short request.</summary>
    public const int ShortPrompt = 512;

    /// <summary>How long an embedding or a request with a prompt of at most <see cref="ShortPrompt"/> tokens may wait before it is sent to a second node too; 10 ms to 10 minutes, or zero, the default, for never.</summary>
    public TimeSpan HedgeAfter { get; init; }

    /// <summary>Whether conversations go back to the node that has computed their beginning, within the bounds of its load. Default true.</summary>
    public bool PrefixAffinity { get; init; } = true;

    /// <summary>How long a load may be silent before the client hears something valid in its protocol, 100 ms to 10 minutes. Default 10 s.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(10);
}
