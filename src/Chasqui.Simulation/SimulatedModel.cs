namespace Chasqui.Simulation;

/// <summary>What a model costs a node.</summary>
public sealed record SimulatedModel
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes that it takes in a node's memory. Default 5 GB.</summary>
    public long Bytes { get; init; } = 5_000_000_000;

    /// <summary>Seconds that a load takes. Default 8.</summary>
    public double LoadSeconds { get; init; } = 8;

    /// <summary>Prompt tokens that a slot computes in a second. Default 2,000.</summary>
    public double PromptRate { get; init; } = 2_000;

    /// <summary>Tokens that a slot generates in a second, however many run beside it. Default 30.</summary>
    public double DecodeRate { get; init; } = 30;

    /// <summary>Its share of the requests that name no model. Default 1.</summary>
    public double Share { get; init; } = 1;

    /// <summary>Seconds until the first token, of a request that has a slot and whose model is there.</summary>
    public double FirstTokenSeconds(int promptTokens) => (promptTokens / PromptRate) + (1 / DecodeRate);

    /// <summary>Seconds for which a request holds its slot.</summary>
    public double ServiceSeconds(int promptTokens, int outputTokens) => (promptTokens / PromptRate) + (Math.Max(1, outputTokens) / DecodeRate);
}
