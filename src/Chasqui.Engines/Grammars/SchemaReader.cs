using System.Globalization;
using System.Text.Json;

namespace Chasqui.Engines.Grammars;

/// <summary>Reads schemas into one view: follows references and <c>allOf</c>, and narrows what several schemas say of one value.</summary>
internal sealed class SchemaReader(SchemaReferences references)
{
    private const int MaxDepth = 64;
    private const int MaxParts = 60_000;
    private const long MaxComparisons = 1_000_000;
    private int _parts;

    /// <exception cref="InvalidFormatException">A keyword is malformed or not supported.</exception>
    public SchemaView Read(IReadOnlyList<SchemaPart> parts, SchemaPart place)
    {
        var view = new SchemaView { Place = place };
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var part in parts)
            Add(view, part, seen, []);
        return view;
    }

    private void Add(SchemaView view, SchemaPart part, HashSet<string> seen, List<string> path)
    {
        if (path.Contains(part.Key))
            throw part.Fail("the schema refers to itself with nothing between; put the reference inside properties or items");
        if (path.Count >= MaxDepth)
            throw part.Fail(string.Create(CultureInfo.InvariantCulture, $"$ref and allOf follow each other more than {MaxDepth} deep"));
        if (!seen.Add(part.Key))
            return;
        if (++_parts > MaxParts)
            throw part.Fail("the schema is too complex: its allOf and anyOf combine in too many ways");
        view.Parts.Add(part);
        path.Add(part.Key);
        switch (part.Element.ValueKind)
        {
            case JsonValueKind.True:
                break;
            case JsonValueKind.False:
                view.Never = true;
                break;
            case JsonValueKind.Object:
                AddKeywords(view, part, seen, path);
                break;
            default:
                throw part.Fail("expected a schema: an object, true or false");
        }

        path.RemoveAt(path.Count - 1);
    }

    private void AddKeywords(SchemaView view, SchemaPart part, HashSet<string> seen, List<string> path)
    {
        bool properties = false;
        foreach (var keyword in part.Element.EnumerateObject())
        {
            var value = keyword.Value;
            switch (keyword.Name)
            {
                case "$ref" when !part.Followed:
                    Add(view, references.Resolve(part, Text(part, keyword)), seen, path);
                    break;
                case "allOf" when !part.Followed:
                    Schemas(part, keyword);
                    foreach (var one in part.Children("allOf"))
                        Add(view, one, seen, path);
                    break;
                case "anyOf" when !part.AnyOfChosen:
                case "oneOf" when !part.OneOfChosen:
                    Schemas(part, keyword);
                    view.Alternatives.Add((part, keyword.Name));
                    break;
                case "type":
                    view.Types = (view.Types ?? SchemaTypes.All) & TypesOf(part, value);
                    break;
                case "const":
                    Narrow(view, part, [value]);
                    break;
                case "enum":
                    if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0)
                        throw part.Fail("enum must be an array of at least one value");
                    Narrow(view, part, [.. value.EnumerateArray()]);
                    break;
                case "minimum": view.Min = Higher(view.Min, Bound(part, keyword, exclusive: false)); break;
                case "exclusiveMinimum": view.Min = Higher(view.Min, Bound(part, keyword, exclusive: true)); break;
                case "maximum": view.Max = Lower(view.Max, Bound(part, keyword, exclusive: false)); break;
                case "exclusiveMaximum": view.Max = Lower(view.Max, Bound(part, keyword, exclusive: true)); break;
                case "minLength": view.MinLength = Math.Max(view.MinLength, AtLeast(part, keyword)); break;
                case "maxLength": view.MaxLength = Least(view.MaxLength, Count(part, keyword)); break;
                case "minItems": view.MinItems = Math.Max(view.MinItems, AtLeast(part, keyword)); break;
                case "maxItems": view.MaxItems = Least(view.MaxItems, Count(part, keyword)); break;
                case "minProperties": view.MinProperties = Math.Max(view.MinProperties, AtLeast(part, keyword)); break;
                case "maxProperties": view.MaxProperties = Least(view.MaxProperties, Count(part, keyword)); break;
                case "pattern": view.Pattern = Same(part, "pattern", view.Pattern, Text(part, keyword)); break;
                case "format": view.Format = Same(part, "format", view.Format, Text(part, keyword)); break;
                case "required": AddRequired(view, part, value); break;
                // At its place among the keywords, because the order of properties is that of their declaration.
                case "properties" or "additionalProperties":
                    if (!properties)
                        AddProperties(view, part);
                    properties = true;
                    break;
                case "uniqueItems":
                    if (value.ValueKind != JsonValueKind.False)
                        throw part.Fail("uniqueItems is not supported; use enum for a fixed choice");
                    break;
                default:
                    if (SchemaKeywords.Instead(keyword.Name) is { } instead)
                        throw part.Fail($"{keyword.Name} is not supported; {instead}");
                    break;
            }
        }

        AddItems(view, part);
    }

    private static void AddProperties(SchemaView view, SchemaPart part)
    {
        bool declares = part.Element.TryGetProperty("properties", out var properties);
        bool others = part.Element.TryGetProperty("additionalProperties", out _);
        var declared = new HashSet<string>(StringComparer.Ordinal);
        if (declares)
        {
            if (properties.ValueKind != JsonValueKind.Object)
                throw part.Fail("properties must be an object of schemas");
            foreach (var property in properties.EnumerateObject())
            {
                if (!view.Properties.TryGetValue(property.Name, out var schemas))
                    view.Properties.Add(property.Name, schemas = []);
                declared.Add(property.Name);
                schemas.Add(part.Child("properties", property.Name, property.Value));
            }

            if (declared.Count > GrammarBuilder.MaxRules)
                throw TooMany(part, "properties");
        }

        view.PropertyRules.Add((declared, others ? part.Child("additionalProperties") : null));
    }

    private static void AddRequired(SchemaView view, SchemaPart part, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(name => name.ValueKind != JsonValueKind.String))
            throw part.Fail("required must be an array of property names");
        foreach (var name in value.EnumerateArray())
        {
            view.Required.TryAdd(name.GetString()!, true);
        }
    }

    private static void AddItems(SchemaView view, SchemaPart part)
    {
        var prefix = new List<SchemaPart>();
        SchemaPart? rest = null;
        bool prefixed = part.Element.TryGetProperty("prefixItems", out var places);
        bool says = part.Element.TryGetProperty("items", out var items);
        // Before draft 2020-12 the places stood under items, and the rest under additionalItems.
        bool older = says && items.ValueKind == JsonValueKind.Array;
        if (older)
            (prefixed, places) = (true, items);
        if (prefixed)
        {
            if (places.ValueKind != JsonValueKind.Array)
                throw part.Fail("prefixItems must be an array of schemas");
            if (places.GetArrayLength() > GrammarBuilder.MaxRules)
                throw TooMany(part, "prefixItems");
            prefix.AddRange(part.Children(older ? "items" : "prefixItems"));
        }

        if (older && part.Element.TryGetProperty("additionalItems", out _))
            rest = part.Child("additionalItems");
        else if (says && !older)
            rest = part.Child("items");
        if (prefixed || says)
            view.ItemRules.Add((prefix, rest));
    }

    private static SchemaTypes TypesOf(SchemaPart part, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => TypeOf(part, value),
        JsonValueKind.Array when value.GetArrayLength() > 0 => value.EnumerateArray()
            .Aggregate(SchemaTypes.None, (types, item) => types | TypeOf(part, item)),
        _ => throw part.Fail("type must be the name of a type or an array of names"),
    };

    private static SchemaTypes TypeOf(SchemaPart part, JsonElement value) => value.ValueKind != JsonValueKind.String
        ? throw part.Fail("type must be the name of a type or an array of names")
        : value.GetString() switch
        {
            "object" => SchemaTypes.Object,
            "array" => SchemaTypes.Array,
            "string" => SchemaTypes.String,
            "number" => SchemaTypes.Number,
            "integer" => SchemaTypes.Integer,
            "boolean" => SchemaTypes.Boolean,
            "null" => SchemaTypes.Null,
            var other => throw part.Fail($"unrecognized type \"{Shown(other!)}\"; expected object, array, string, number, integer, boolean or null"),
        };

    private static void Narrow(SchemaView view, SchemaPart part, List<JsonElement> values)
    {
        if (values.Count > GrammarBuilder.MaxRules || (long)values.Count * (view.Values?.Count ?? 0) > MaxComparisons)
        {
            throw part.Fail(string.Create(CultureInfo.InvariantCulture,
                $"enum may hold at most {GrammarBuilder.MaxRules} values, and fewer where allOf joins it to another"));
        }

        view.Values = view.Values is null
            ? values
            : [.. view.Values.Where(value => values.Any(other => JsonElement.DeepEquals(value, other)))];
    }

    private static string Text(SchemaPart part, JsonProperty keyword) => keyword.Value.ValueKind == JsonValueKind.String
        ? keyword.Value.GetString()!
        : throw part.Fail($"{keyword.Name} must be a string");

    private static int Schemas(SchemaPart part, JsonProperty keyword)
    {
        if (keyword.Value.ValueKind != JsonValueKind.Array || keyword.Value.GetArrayLength() == 0)
            throw part.Fail($"{keyword.Name} must be an array of at least one schema");
        int count = keyword.Value.GetArrayLength();
        return count <= GrammarBuilder.MaxRules ? count : throw TooMany(part, keyword.Name);
    }

    private static InvalidFormatException TooMany(SchemaPart part, string keyword) => part.Fail(string.Create(
        CultureInfo.InvariantCulture, $"{keyword} may hold at most {GrammarBuilder.MaxRules} schemas"));

    private static int Count(SchemaPart part, JsonProperty keyword)
    {
        if (keyword.Value.ValueKind == JsonValueKind.Number && keyword.Value.TryGetDouble(out double count)
            && count >= 0 && Math.Floor(count) == count)
        {
            return (int)Math.Min(count, int.MaxValue);
        }

        throw part.Fail($"{keyword.Name} must be a whole number of at least 0");
    }

    private static int AtLeast(SchemaPart part, JsonProperty keyword)
    {
        int count = Count(part, keyword);
        return count <= GrammarBuilder.MaxCount
            ? count
            : throw part.Fail(string.Create(CultureInfo.InvariantCulture, $"{keyword.Name} may be at most {GrammarBuilder.MaxCount}"));
    }

    private static NumberBound? Bound(SchemaPart part, JsonProperty keyword, bool exclusive)
    {
        if (keyword.Value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            throw part.Fail($"{keyword.Name} must be a number (as a boolean it belongs to draft 4, which is not supported)");
        if (keyword.Value.ValueKind != JsonValueKind.Number)
            throw part.Fail($"{keyword.Name} must be a number");
        if (keyword.Value.TryGetDecimal(out decimal value))
            return new NumberBound(value, exclusive);
        // Beyond what is generated anyway: no bound on that side, and no number at all on the other.
        bool negative = keyword.Value.GetRawText()[0] == '-';
        return new NumberBound(negative ? decimal.MinValue : decimal.MaxValue, exclusive);
    }

    private static NumberBound? Higher(NumberBound? a, NumberBound? b) => a is not { } x ? b : b is not { } y ? a
        : x.Value > y.Value || (x.Value == y.Value && x.Exclusive) ? x : y;

    private static NumberBound? Lower(NumberBound? a, NumberBound? b) => a is not { } x ? b : b is not { } y ? a
        : x.Value < y.Value || (x.Value == y.Value && x.Exclusive) ? x : y;

    private static int Least(int? a, int b) => a is { } x ? Math.Min(x, b) : b;

    private static string Same(SchemaPart part, string keyword, string? known, string value) => known is null || known == value
        ? value
        : throw part.Fail($"two values of {keyword} cannot be combined; say one");

    private static string Shown(string text) => text.Length > 40 ? text[..40] + "…" : text;
}
