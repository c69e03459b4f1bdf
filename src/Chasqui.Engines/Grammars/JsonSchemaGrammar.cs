using System.Globalization;
using System.Text.Json;

namespace Chasqui.Engines.Grammars;

/// <summary>
/// Turns a JSON schema into a grammar for llama.cpp (GBNF, root rule <c>root</c>): what the grammar accepts satisfies the
/// schema, and a model held to it can produce nothing else. It is narrower than the schema in these points: properties come in
/// the order of their declaration; where <c>additionalProperties</c> says nothing, only declared properties are written, and
/// where <c>items</c> says nothing, only those of <c>prefixItems</c>; a schema without a type has the type its constraints speak
/// of; blanks and digits are bounded. Two keywords are looser: <c>oneOf</c> is read as <c>anyOf</c>, and formats other than date,
/// time, date-time, uuid, ipv4 and email are any text. A keyword that cannot be held to is refused by name.
/// </summary>
public static class JsonSchemaGrammar
{
    /// <summary>The longest schema, in characters of JSON (256 Ki).</summary>
    public const int MaxLength = 256 * 1024;

    /// <summary>How deep a schema may nest.</summary>
    public const int MaxDepth = 64;

    /// <summary>Compiles a schema.</summary>
    /// <returns>The grammar's text, at most 1 Mi characters and 5,000 rules.</returns>
    /// <exception cref="InvalidFormatException">The schema is malformed, too large or not supported, or no value satisfies it;
    /// the message names the place as a JSON pointer and says what would be right.</exception>
    public static string Compile(JsonElement schema) => Of(schema).Build();

    /// <summary>Compiles a schema to a grammar that is ready to be followed.</summary>
    /// <exception cref="InvalidFormatException">As of <see cref="Compile"/>.</exception>
    internal static GrammarGraph CompileGraph(JsonElement schema) => Of(schema).BuildGraph();

    private static GrammarBuilder Of(JsonElement schema)
    {
        if (schema.ValueKind is not (JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False))
            throw new InvalidFormatException("format: at #: expected a schema: an object, true or false");
        if (schema.GetRawText().Length > MaxLength)
        {
            throw new InvalidFormatException(string.Create(CultureInfo.InvariantCulture,
                $"format: at #: the schema is longer than {MaxLength} characters"));
        }

        Check(schema, 0);
        return SchemaCompiler.Compile(schema);
    }

    private static void Check(JsonElement element, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new InvalidFormatException(string.Create(CultureInfo.InvariantCulture,
                $"format: at #: the schema nests deeper than {MaxDepth} levels"));
        }

        try
        {
            if (element.ValueKind == JsonValueKind.String)
                _ = element.GetString();
            else if (element.ValueKind == JsonValueKind.Object)
                CheckNames(element);
        }
        catch (InvalidOperationException error)
        {
            // An escape may name half a surrogate pair, which no text can hold.
            throw new InvalidFormatException($"format: at #: the schema holds a text that is not valid Unicode: {error.Message}");
        }

        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in element.EnumerateObject())
                Check(property.Value, depth + 1);
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
                Check(item, depth + 1);
        }
    }

    // Which of two members of one name counts depends on the reader, so neither does here.
    private static void CheckNames(JsonElement element)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject())
        {
            if (!names.Add(property.Name))
            {
                string name = property.Name.Length > 100 ? property.Name[..100] + "…" : property.Name;
                throw new InvalidFormatException($"format: at #: an object of the schema has two members named \"{name}\"; name each once");
            }
        }
    }
}
