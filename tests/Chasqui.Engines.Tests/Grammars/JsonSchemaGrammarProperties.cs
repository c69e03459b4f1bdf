using System.Text;
using System.Text.Json;
using Chasqui.Engines.Grammars;
using CsCheck;

namespace Chasqui.Engines.Tests.Grammars;

public sealed class JsonSchemaGrammarProperties
{
    private const string Letters = "abz019-.,:\"\\{}[] \ntruefalsn";

    [Fact]
    public void A_document_made_to_conform_is_accepted() => Gen.Int.Sample(seed =>
    {
        var random = new Random(seed);
        var sample = SampleSchema.Random(random);
        var grammar = Compile(sample);
        for (int i = 0; i < 5; i++)
        {
            string document = sample.Document(random);
            Assert.True(grammar.Accepts(document), $"{sample.Schema.ToJsonString()} must accept {document}");
        }
    }, iter: 400, print: Shown);

    [Fact]
    public void A_text_that_is_accepted_is_json_and_satisfies_the_schema() => Gen.Int.Sample(seed =>
    {
        var random = new Random(seed);
        var sample = SampleSchema.Random(random);
        var grammar = Compile(sample);
        using var schema = JsonDocument.Parse(sample.Schema.ToJsonString());
        var oracle = new SchemaOracle(schema.RootElement);
        for (int i = 0; i < 20; i++)
        {
            string text = Mutated(random, sample.Document(random));
            if (!grammar.Accepts(text))
                continue;
            using var document = JsonDocument.Parse(text);
            Assert.True(oracle.Satisfies(schema.RootElement, document.RootElement), $"{sample.Schema.ToJsonString()} must reject {text}");
        }
    }, iter: 400, print: Shown);

    [Fact]
    public void Any_json_is_compiled_or_refused_as_a_format() => Gen.Int.Sample(seed =>
    {
        var random = new Random(seed);
        string text = Scrambled(random, 0);
        using var document = JsonDocument.Parse(text);
        try
        {
            string grammar = JsonSchemaGrammar.Compile(document.RootElement);
            Assert.InRange(grammar.Length, 1, 2 * GrammarBuilder.MaxLength);
            GbnfRecognizer.Parse(grammar);
        }
        catch (InvalidFormatException error)
        {
            Assert.StartsWith("format: at #", error.Message, StringComparison.Ordinal);
        }
    }, iter: 3000);

    [Fact]
    public void Any_pattern_is_compiled_or_refused_as_a_format() => Gen.String[Gen.Char["ab^$.|()[]{}*+?\\dwsuxb0123,-:<=!é"], 0, 25].Sample(pattern =>
    {
        using var document = JsonDocument.Parse(JsonSerializer.Serialize(new { type = "string", pattern }));
        try
        {
            GbnfRecognizer.Parse(JsonSchemaGrammar.Compile(document.RootElement));
        }
        catch (InvalidFormatException error)
        {
            Assert.StartsWith("format: at #", error.Message, StringComparison.Ordinal);
        }
    }, iter: 3000);

    private static GbnfRecognizer Compile(SampleSchema sample)
    {
        using var schema = JsonDocument.Parse(sample.Schema.ToJsonString());
        return GbnfRecognizer.Parse(JsonSchemaGrammar.Compile(schema.RootElement));
    }

    private static string Shown(int seed) => $"seed {seed}: {SampleSchema.Random(new Random(seed)).Schema.ToJsonString()}";

    private static string Mutated(Random random, string document)
    {
        var text = new StringBuilder(document);
        for (int i = random.Next(1, 4); i > 0 && text.Length > 0; i--)
        {
            int at = random.Next(text.Length);
            switch (random.Next(4))
            {
                case 0: text.Remove(at, 1); break;
                case 1: text.Insert(at, Letters[random.Next(Letters.Length)]); break;
                case 2: text[at] = Letters[random.Next(Letters.Length)]; break;
                default:
                    int length = random.Next(1, Math.Min(12, text.Length - at + 1));
                    string piece = text.ToString(at, length);
                    text.Insert(random.Next(text.Length), piece);
                    break;
            }
        }

        // Half a pair may be left of a character beyond 16 bits; a model's tokens cannot make one.
        return string.Concat(text.ToString().EnumerateRunes());
    }

    /// <summary>JSON that looks like a schema, with keywords that hold anything.</summary>
    private static string Scrambled(Random random, int depth)
    {
        string[] keywords =
        [
            "type", "properties", "required", "additionalProperties", "items", "prefixItems", "minItems", "maxItems", "enum", "const",
            "anyOf", "oneOf", "allOf", "$ref", "$defs", "minLength", "maxLength", "pattern", "format", "minimum", "maximum",
            "exclusiveMinimum", "exclusiveMaximum", "minProperties", "maxProperties", "uniqueItems", "title", "a", "not",
        ];
        string[] scalars =
        [
            "true", "false", "null", "0", "1", "-3", "2.5", "1e400", "99999999999999999999", "\"string\"", "\"object\"", "\"array\"", "\"integer\"",
            "\"number\"", "\"#\"", "\"#/$defs/a\"", "\"#/items\"", "\"#/properties/a\"", "\"^a*$\"", "\"date\"", "\"\\ud800\"", "\"\"",
        ];
        return random.Next(depth > 5 ? 1 : 5) switch
        {
            0 => scalars[random.Next(scalars.Length)],
            1 => $"[{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => Scrambled(random, depth + 1)))}]",
            _ => $"{{{string.Join(',', Enumerable.Range(0, random.Next(5)).Select(_ => $"\"{keywords[random.Next(keywords.Length)]}\":{Scrambled(random, depth + 1)}"))}}}",
        };
    }
}
