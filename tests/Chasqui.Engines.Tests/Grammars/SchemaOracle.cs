using System.Text.Json;
using System.Text.RegularExpressions;

namespace Chasqui.Engines.Tests.Grammars;

/// <summary>Tells whether a document satisfies a schema of those that <see cref="SampleSchema"/> makes: plainly, keyword by keyword.</summary>
internal sealed class SchemaOracle(JsonElement root)
{
    public bool Satisfies(JsonElement schema, JsonElement value)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return schema.GetBoolean();
        return schema.EnumerateObject().All(keyword => Holds(schema, keyword.Name, keyword.Value, value));
    }

    private bool Holds(JsonElement schema, string keyword, JsonElement said, JsonElement value) => keyword switch
    {
        "type" => said.ValueKind == JsonValueKind.Array
            ? said.EnumerateArray().Any(type => Is(type.GetString()!, value))
            : Is(said.GetString()!, value),
        "enum" => said.EnumerateArray().Any(allowed => JsonElement.DeepEquals(allowed, value)),
        "$ref" => Satisfies(root.GetProperty("$defs").GetProperty("node"), value),
        "anyOf" => said.EnumerateArray().Any(alternative => Satisfies(alternative, value)),
        "allOf" => said.EnumerateArray().All(part => Satisfies(part, value)),
        "minimum" => value.ValueKind != JsonValueKind.Number || value.GetDecimal() >= said.GetDecimal(),
        "exclusiveMinimum" => value.ValueKind != JsonValueKind.Number || value.GetDecimal() > said.GetDecimal(),
        "maximum" => value.ValueKind != JsonValueKind.Number || value.GetDecimal() <= said.GetDecimal(),
        "exclusiveMaximum" => value.ValueKind != JsonValueKind.Number || value.GetDecimal() < said.GetDecimal(),
        "minLength" => value.ValueKind != JsonValueKind.String || Length(value) >= said.GetInt32(),
        "maxLength" => value.ValueKind != JsonValueKind.String || Length(value) <= said.GetInt32(),
        "pattern" => value.ValueKind != JsonValueKind.String
            || Regex.IsMatch(value.GetString()!, said.GetString()!, RegexOptions.ECMAScript, TimeSpan.FromSeconds(5)),
        "minItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= said.GetInt32(),
        "maxItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() <= said.GetInt32(),
        "prefixItems" => value.ValueKind != JsonValueKind.Array
            || said.EnumerateArray().Zip(value.EnumerateArray()).All(pair => Satisfies(pair.First, pair.Second)),
        "items" => value.ValueKind != JsonValueKind.Array || value.EnumerateArray()
            .Skip(schema.TryGetProperty("prefixItems", out var prefix) ? prefix.GetArrayLength() : 0).All(item => Satisfies(said, item)),
        "required" => value.ValueKind != JsonValueKind.Object
            || said.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _)),
        "properties" => value.ValueKind != JsonValueKind.Object || value.EnumerateObject()
            .All(property => !said.TryGetProperty(property.Name, out var own) || Satisfies(own, property.Value)),
        "additionalProperties" => value.ValueKind != JsonValueKind.Object || value.EnumerateObject()
            .All(property => schema.GetProperty("properties").TryGetProperty(property.Name, out _) || Satisfies(said, property.Value)),
        "$defs" => true,
        _ => throw new InvalidOperationException($"the oracle does not know {keyword}"),
    };

    private static int Length(JsonElement text) => text.GetString()!.EnumerateRunes().Count();

    private static bool Is(string type, JsonElement value) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        "integer" => value.ValueKind == JsonValueKind.Number && decimal.IsInteger(value.GetDecimal()),
        _ => value.ValueKind == JsonValueKind.Number,
    };
}
