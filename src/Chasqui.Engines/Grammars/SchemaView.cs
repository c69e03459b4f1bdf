using System.Text.Json;

namespace Chasqui.Engines.Grammars;

[Flags]
internal enum SchemaTypes
{
    None = 0,
    Object = 1,
    Array = 2,
    String = 4,
    Integer = 8,
    Fractional = 16,
    Number = Integer | Fractional,
    Boolean = 32,
    Null = 64,
    All = 127,
}

/// <summary>What several schemas demand together: each member is the narrowest of what they say.</summary>
internal sealed class SchemaView
{
    /// <summary>The schemas, references and <c>allOf</c> followed.</summary>
    public List<SchemaPart> Parts { get; } = [];

    /// <summary>Where to point for a refusal.</summary>
    public required SchemaPart Place { get; init; }

    /// <summary>The types that are said; null where none is.</summary>
    public SchemaTypes? Types { get; set; }

    /// <summary>The values of <c>enum</c> and <c>const</c>; null for any.</summary>
    public List<JsonElement>? Values { get; set; }

    /// <summary>Says that no value will do.</summary>
    public bool Never { get; set; }

    /// <summary>Lists of alternatives of which one still has to be chosen.</summary>
    public List<(SchemaPart Part, string Keyword)> Alternatives { get; } = [];

    /// <summary>The schemas of each property, in the order of declaration.</summary>
    public OrderedDictionary<string, List<SchemaPart>> Properties { get; } = new(StringComparer.Ordinal);

    /// <summary>For each schema that speaks of properties: the names it declares, and what it says of others (null: nothing).</summary>
    public List<(HashSet<string> Declared, SchemaPart? Additional)> PropertyRules { get; } = [];

    /// <summary>The names that must be there, in the order in which they were said.</summary>
    public OrderedDictionary<string, bool> Required { get; } = new(StringComparer.Ordinal);

    public int MinProperties { get; set; }
    public int? MaxProperties { get; set; }

    /// <summary>For each schema that speaks of items: those with a place of their own, and that of the rest (null: not said).</summary>
    public List<(List<SchemaPart> Prefix, SchemaPart? Others)> ItemRules { get; } = [];

    public int MinItems { get; set; }
    public int? MaxItems { get; set; }
    public int MinLength { get; set; }
    public int? MaxLength { get; set; }
    public string? Pattern { get; set; }
    public string? Format { get; set; }
    public NumberBound? Min { get; set; }
    public NumberBound? Max { get; set; }

    public bool SaysObject => PropertyRules.Count > 0 || Required.Count > 0 || MinProperties > 0 || MaxProperties is not null;
    public bool SaysArray => ItemRules.Count > 0 || MinItems > 0 || MaxItems is not null;
    public bool SaysString => MinLength > 0 || MaxLength is not null || Pattern is not null || Format is not null;
    public bool SaysNumber => Min is not null || Max is not null;

    /// <summary>The types that count: those said or, where none is, those whose constraints are.</summary>
    public SchemaTypes Effective
    {
        get
        {
            if (Types is { } said)
                return said;
            var meant = (SaysObject ? SchemaTypes.Object : 0) | (SaysArray ? SchemaTypes.Array : 0)
                | (SaysString ? SchemaTypes.String : 0) | (SaysNumber ? SchemaTypes.Number : 0);
            return meant == SchemaTypes.None ? SchemaTypes.All : meant;
        }
    }

    /// <summary>Names the set of schemas that this is the view of.</summary>
    public string Key => string.Join('\n', Parts.Where(Speaks).Select(part => part.Key).Order(StringComparer.Ordinal));

    /// <summary>Whether the part says anything itself. One that only leads to others adds nothing to the key, so that all ways
    /// to one schema share its rule.</summary>
    public static bool Speaks(SchemaPart part) => part.Element.ValueKind != JsonValueKind.Object
        || part.Element.EnumerateObject().Any(keyword => !SchemaKeywords.IsSilent(keyword.Name)
            && keyword.Name is not ("$ref" or "allOf")
            && !(keyword.Name == "anyOf" && part.AnyOfChosen) && !(keyword.Name == "oneOf" && part.OneOfChosen));
}
