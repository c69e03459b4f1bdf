namespace Chasqui;

/// <summary>What a completion and a chat have in common.</summary>
public abstract record GenerationRequest
{
    /// <summary>The model's name; <c>:latest</c> is implied.</summary>
    public required string Model { get; init; }

    /// <summary>Sampling and run-time options; what is unset comes from the model, then from the engine.</summary>
    public GenerationOptions Options { get; init; } = GenerationOptions.Default;

    /// <summary>The shape that the answer must have; null for free text.</summary>
    public OutputFormat? Format { get; init; }

    /// <summary>
    /// Whether a thinking model thinks first: null for the model's default, <c>true</c>, <c>false</c>,
    /// or a level (<c>low</c>, <c>medium</c>, <c>high</c>, <c>max</c>).
    /// </summary>
    public string? Think { get; init; }

    /// <summary>How long the model stays in memory after this request: null for the default,
    /// zero for not at all, <see cref="Timeout.InfiniteTimeSpan"/> for ever.</summary>
    public TimeSpan? KeepAlive { get; init; }

    /// <summary>Return the log-probability of each token.</summary>
    public bool Logprobs { get; init; }

    /// <summary>How many alternatives to return for each token, 0 to 20; needs <see cref="Logprobs"/>.</summary>
    public int TopLogprobs { get; init; }

    /// <summary>Cut a prompt that is longer than the context (default); otherwise refuse it with <see cref="ContextLengthExceededException"/>.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>Drop the oldest tokens and go on when the context is full (default); otherwise the answer ends there.</summary>
    public bool Shift { get; init; } = true;

    /// <summary>
    /// Decode this request in steps of its own, sharing neither batches nor cached prefixes. Slower, and the text for a
    /// seed then depends on nothing else that runs.
    /// </summary>
    public bool Alone { get; init; }

    /// <summary>
    /// Whose request it is, for the computed beginnings of prompts: an engine that keeps them shares them only among requests of the same
    /// scope. Null, the default, is a scope of
    /// its own, that of all requests without one. A gateway sets it by who asks, whatever the request said.
    /// </summary>
    public string? PrefixScope { get; init; }

    /// <summary>Go on on another engine when the one that answers fails in the middle (default); otherwise the answer ends there with an error.</summary>
    public bool Continue { get; init; } = true;

    /// <summary>What was generated already by an engine that has failed since; null for nothing. An engine that cannot go on from there refuses with <see cref="UnsupportedCapabilityException"/>.</summary>
    public GenerationSoFar? SoFar { get; init; }

    /// <summary>Return the ids of the tokens in <see cref="GenerationUpdate.Tokens"/>, where the engine knows them.</summary>
    public bool WithTokens { get; init; }

    /// <summary>Return only the prompt that the template makes, in <see cref="GenerationUpdate.RenderedPrompt"/>, and run nothing.</summary>
    public bool RenderOnly { get; init; }
}
