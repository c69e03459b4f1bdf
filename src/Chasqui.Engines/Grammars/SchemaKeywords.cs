namespace Chasqui.Engines.Grammars;

/// <summary>Which keywords of JSON Schema (drafts 4 to 2020-12) are read, which say nothing of a value, and which are refused.</summary>
internal static class SchemaKeywords
{
    private static readonly HashSet<string> _silent =
    [
        "title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "id",
        "$comment", "$anchor", "$defs", "definitions", "$vocabulary", "contentMediaType", "contentEncoding", "contentSchema",
    ];

    // What is offered in the place of a keyword that a grammar cannot hold.
    private static readonly Dictionary<string, string> _refused = new(StringComparer.Ordinal)
    {
        ["not"] = "say what is allowed instead",
        ["if"] = "use anyOf",
        ["then"] = "use anyOf",
        ["else"] = "use anyOf",
        ["patternProperties"] = "use additionalProperties",
        ["propertyNames"] = "use properties or additionalProperties",
        ["multipleOf"] = "use integer, or enum",
        ["contains"] = "use items or prefixItems",
        ["minContains"] = "use items or prefixItems",
        ["maxContains"] = "use items or prefixItems",
        ["dependencies"] = "use anyOf",
        ["dependentRequired"] = "use anyOf",
        ["dependentSchemas"] = "use anyOf",
        ["unevaluatedProperties"] = "use additionalProperties",
        ["unevaluatedItems"] = "use items",
        ["$dynamicRef"] = "use $ref",
        ["$recursiveRef"] = "use $ref",
    };

    /// <summary>An annotation, which says nothing of the value.</summary>
    public static bool IsSilent(string keyword) => _silent.Contains(keyword);

    /// <summary>What to use instead of a keyword that is not supported; null for one that is, or is unknown and thus means nothing.</summary>
    public static string? Instead(string keyword) => _refused.GetValueOrDefault(keyword);
}
