using System.Collections.Immutable;

namespace Chasqui.Gateway.Policies;

/// <summary>What a policy made of one option.</summary>
/// <param name="Option">The option, e.g. <c>num_ctx</c>.</param>
/// <param name="From">What the client said; null where it is not worth telling.</param>
/// <param name="To">What is said instead; null when it was left out.</param>
public sealed record OptionChange(string Option, string? From, string? To)
{
    /// <summary>The header of an answer that tells what was changed.</summary>
    public const string HeaderName = "X-Chasqui-Options";

    /// <summary>E.g. <c>num_ctx 131072 -> 32768</c> or <c>num_batch stripped</c>.</summary>
    public override string ToString() => To is null ? $"{Option} stripped" : $"{Option} {From} -> {To}";

    /// <summary>The value of the header: <c>num_ctx 131072 -> 32768, num_batch stripped</c>. ASCII alone.</summary>
    public static string Header(IEnumerable<OptionChange> changes) => string.Join(", ", changes);

    internal static IReadOnlyList<OptionChange> None { get; } = ImmutableArray<OptionChange>.Empty;
}
