namespace Chasqui.Gateway.Merging;

/// <summary>What requests for vectors must have in common to go together.</summary>
/// <param name="Shape">The request without its texts: model, dimensions, truncation, options and stay in memory.</param>
/// <param name="Node">The only node that may be asked; null for all.</param>
/// <param name="Priority">How urgent they are, so that nobody waits in the line of a less urgent one.</param>
/// <param name="MaxWait">How long they may wait for a slot, so that nobody is refused for another's haste.</param>
internal sealed record MergeKey(EmbedRequest Shape, string? Node, PriorityClass? Priority, TimeSpan? MaxWait)
{
    // Records compare lists by reference, so that all shapes have the same one.
    private static readonly IReadOnlyList<string> _noInputs = [];
    private static readonly IReadOnlyList<IReadOnlyList<int>> _noTokens = [];

    public static MergeKey Of(EmbedRequest request, string? node, PriorityClass? priority, TimeSpan? maxWait) =>
        new(request with { Inputs = _noInputs, TokenInputs = _noTokens }, node, priority, maxWait);
}
