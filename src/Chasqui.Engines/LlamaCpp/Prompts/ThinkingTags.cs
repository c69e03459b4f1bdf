using System.Text.RegularExpressions;

namespace Chasqui.Engines.LlamaCpp.Prompts;

/// <summary>What a model writes around its thinking, e.g. <c>&lt;think&gt;</c> and <c>&lt;/think&gt;</c>.</summary>
internal sealed partial record ThinkingTags(string Open, string Close)
{
    internal static ThinkingTags Default { get; } = new("<think>", "</think>");

    /// <summary>Reads the tags from the place where a Go template prints <c>.Thinking</c>; the default where it has none.</summary>
    internal static ThinkingTags Of(string template) =>
        AroundThinking().Match(template) is { Success: true } match
            ? new ThinkingTags(match.Groups["open"].Value, match.Groups["close"].Value)
            : Default;

    [GeneratedRegex(@"(?<open>[^\s{}]+)\s*\{\{-?\s*(\$?[\w.]*)\.Thinking\s*-?\}\}\s*(?<close>[^\s{}]+)", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex AroundThinking();
}
