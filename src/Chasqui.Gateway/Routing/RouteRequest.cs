namespace Chasqui.Gateway;

/// <summary>What the choice of a node depends on.</summary>
public sealed record RouteRequest
{
    /// <summary>Bytes of UTF-8 in a token, as estimated where nobody has counted.</summary>
    public const int CharactersPerToken = 4;

    /// <summary>The model's canonical name.</summary>
    public required string Model { get; init; }

    /// <summary>The name as the caller gave it; null for the canonical one.</summary>
    public string? AskedFor { get; init; }

    /// <summary>The node that was asked for by name; null for any.</summary>
    public string? Node { get; init; }

    /// <summary>Tokens of the prompt, as estimated.</summary>
    public int PromptTokens { get; init; }

    /// <summary>The most tokens of an answer that are wanted; null or less than 1 for as many as come.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Hashes of the prompt's beginning, block after block: equal beginnings have equal first hashes.</summary>
    public ReadOnlyMemory<ulong> Blocks { get; init; }

    /// <summary>Tokens in each block.</summary>
    public int BlockTokens { get; init; } = 128;

    /// <summary>The language of the request; nodes that speak it are as good as those for which it is translated.</summary>
    public Dialects Dialect { get; init; }

    /// <summary>Whether the node brings the model into memory for it. Default true.</summary>
    public bool Loads { get; init; } = true;

    /// <summary>Silence that is no cause for worry.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>Why a node was chosen. Its text is made when it is asked for.</summary>
/// <param name="Kind">In one word: <c>only</c>, <c>named</c>, <c>prefix</c>, <c>resident</c>, <c>equal</c>, <c>soonest</c>, <c>retry</c>, <c>hedge</c>.</param>
/// <param name="ExpectedSeconds">Expected time to the first token.</param>
/// <param name="LoadSeconds">Of it, for bringing the model into memory.</param>
/// <param name="WaitSeconds">Of it, for a free slot.</param>
/// <param name="WarmTokens">Prompt tokens that the node has probably computed before.</param>
/// <param name="Candidates">Nodes there were to choose from.</param>
/// <param name="Attempt">Which attempt of the request it is, from 1.</param>
public readonly record struct RouteReason(string Kind, double ExpectedSeconds, double LoadSeconds, double WaitSeconds, int WarmTokens, int Candidates, int Attempt)
{
    /// <summary>E.g. <c>resident; ttft=0.120s; load=0s; wait=0.1s; warm=512; candidates=3; attempt=1</c>.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{Kind}; ttft={ExpectedSeconds:0.###}s; load={LoadSeconds:0.###}s; wait={WaitSeconds:0.###}s; warm={WarmTokens}; candidates={Candidates}; attempt={Attempt}");
}
