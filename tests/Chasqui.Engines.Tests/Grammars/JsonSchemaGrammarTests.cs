using System.Text.Json;
using Chasqui.Engines.Grammars;

namespace Chasqui.Engines.Tests.Grammars;

public sealed class JsonSchemaGrammarTests
{
    private static GbnfRecognizer Compile(string schema)
    {
        using var document = JsonDocument.Parse(schema);
        return GbnfRecognizer.Parse(JsonSchemaGrammar.Compile(document.RootElement));
    }

    private static string Refusal(string schema)
    {
        using var document = JsonDocument.Parse(schema, new JsonDocumentOptions { MaxDepth = 200 });
        return Assert.Throws<InvalidFormatException>(() => JsonSchemaGrammar.Compile(document.RootElement)).Message;
    }

    /// <summary>Schemas, each with what it accepts and what it does not, both parted by ¦.</summary>
    public static TheoryData<string, string, string> Cases { get; } = new()
    {
        { "{}", "1¦\"a\"¦[]¦{}¦null¦{\"a\":[1]}", "¦a¦1 2" },
        { "true", "{}¦1", "x" },
        { """{"type":"string"}""", "\"\"¦\"a\\n\"", "1¦\"¦a" },
        { """{"type":["string","null"]}""", "\"\"¦null", "1¦true" },
        { """{"type":"boolean"}""", "true¦false", "null¦\"true\"" },
        { """{"type":"integer"}""", "0¦-5¦12", "1.5¦01¦1e2" },
        { """{"type":"number"}""", "0¦-5.25¦1e2", "a¦1." },
        { """{"enum":["a","b\"c",1,null,{"x":[1,2]},1.50]}""", "\"a\"¦\"b\\\"c\"¦1¦null¦{\"x\":[1,2]}¦1.50", "\"c\"¦2¦{}" },
        { """{"type":"string","enum":["a",1]}""", "\"a\"", "1" },
        { """{"const":"é<"}""", "\"é<\"", "\"e\"" },
        { """{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["a","b"]}""",
            "{\"a\":1,\"b\":\"\"}¦{ \"a\": 1, \"b\": \"x\" }¦{\n  \"a\": 1,\n  \"b\": \"x\"\n}", "{}¦{\"a\":1}¦{\"b\":\"\",\"a\":1}¦{\"a\":1,\"b\":\"\",\"c\":1}" },
        { """{"properties":{"a":{"type":"integer"},"b":{"type":"integer"},"c":{"type":"integer"}},"required":["b"]}""",
            "{\"b\":1}¦{\"a\":1,\"b\":1}¦{\"b\":1,\"c\":1}¦{\"a\":1,\"b\":1,\"c\":1}", "{}¦{\"a\":1}¦{\"a\":1,\"c\":1}¦{,\"b\":1}¦{\"b\":1,}" },
        { """{"properties":{"a":{"type":"integer"},"b":{"type":"integer"},"c":{"type":"integer"}}}""",
            "{}¦{\"a\":1}¦{\"b\":1}¦{\"c\":1}¦{\"a\":1,\"c\":1}¦{\"b\":1,\"c\":1}¦{\"a\":1,\"b\":1,\"c\":1}", "{\"c\":1,\"a\":1}¦{\"d\":1}" },
        { """{"properties":{"ab":{"type":"integer"},"a":{"type":"integer"}},"additionalProperties":{"type":"boolean"}}""",
            "{}¦{\"ab\":1}¦{\"x\":true}¦{\"a\":1,\"abc\":true,\"b\":false}¦{\"\":true}", "{\"ab\":true}¦{\"a\":true}¦{\"x\":1}¦{\"x\":true,\"a\":1}" },
        { """{"type":"object","additionalProperties":{"type":"integer"},"minProperties":1,"maxProperties":2}""",
            "{\"a\":1}¦{\"a\":1,\"b\":2}", "{}¦{\"a\":1,\"b\":2,\"c\":3}¦{\"a\":\"\"}" },
        { """{"type":"object"}""", "{}¦{\"a\":[]}", "[]" },
        { """{"type":"object","additionalProperties":false}""", "{}¦{ }", "{\"a\":1}" },
        { """{"type":"object","required":["x"]}""", "{\"x\":1}¦{\"x\":[],\"y\":2}", "{}¦{\"y\":2}" },
        { """{"type":"object","properties":{"a":true,"b":true},"minProperties":1}""", "{\"a\":1}¦{\"b\":1}¦{\"a\":1,\"b\":1}", "{}" },
        { """{"type":"array","items":{"type":"integer"}}""", "[]¦[1]¦[1, 2]¦[\n  1,\n  2\n]", "[\"\"]¦[1,]¦{}" },
        { """{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3}""", "[1,2]¦[1,2,3]", "[]¦[1]¦[1,2,3,4]" },
        { """{"type":"array","maxItems":0}""", "[]", "[1]" },
        { """{"type":"array","maxItems":1}""", "[]¦[1]¦[{}]", "[1,2]" },
        { """{"prefixItems":[{"type":"integer"},{"type":"string"}],"minItems":2}""", "[1,\"\"]", "[1]¦[\"\",1]¦[1,\"\",2]" },
        { """{"prefixItems":[{"type":"integer"},{"type":"string"}],"items":{"type":"boolean"}}""", "[]¦[1]¦[1,\"\"]¦[1,\"\",true,false]", "[true]¦[1,\"\",1]" },
        { """{"items":[{"type":"integer"}],"additionalItems":false}""", "[]¦[1]", "[1,1]" },
        { """{"anyOf":[{"type":"integer"},{"type":"object","properties":{"a":{"type":"null"}},"required":["a"]}]}""", "1¦{\"a\":null}", "{}¦null" },
        { """{"properties":{"k":{"type":"string"}},"required":["k"],"oneOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"integer"}},"required":["b"]}]}""",
            "{\"k\":\"\",\"a\":1}¦{\"k\":\"\",\"b\":1}", "{\"k\":\"\"}¦{\"a\":1}" },
        { """{"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"integer"},"a":{"maximum":5}}}]}""",
            "{\"a\":5}¦{\"a\":-1,\"b\":2}", "{\"a\":6}¦{\"b\":2}¦{}" },
        { """{"allOf":[{"type":["string","integer"]},{"type":["integer","null"]}]}""", "1", "\"\"¦null" },
        { """{"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["v","next"]}}}""",
            "{\"v\":1,\"next\":null}¦{\"v\":1,\"next\":{\"v\":2,\"next\":{\"v\":3,\"next\":null}}}", "{\"v\":1}¦{\"v\":1,\"next\":{}}" },
        { """{"type":"array","items":{"$ref":"#"}}""", "[]¦[[],[[]]]", "[1]" },
        { """{"definitions":{"a/b~c d":{"type":"null"}},"$ref":"#/definitions/a~1b~0c%20d"}""", "null", "1" },
        { """{"type":"string","minLength":2,"maxLength":3}""", "\"ab\"¦\"abc\"¦\"\\n\\u00e9\"¦\"😀😀\"¦\"\\ud83d\\ude00a\"", "\"a\"¦\"abcd\"¦\"😀\"" },
        { """{"type":"string","pattern":"^[a-c]+(-\\d{2,3})?$"}""", "\"a\"¦\"abc-12\"¦\"c-123\"", "\"\"¦\"d\"¦\"a-1\"¦\"a-1234\"" },
        { """{"type":"string","pattern":"b.d"}""", "\"bad\"¦\"xxbxdyy\"", "\"bd\"¦\"b\\nd\"" },
        { """{"type":"string","pattern":"^(ab|c)*\\\\\"[^\"\\s]$|^z"}""", "\"\\\\\\\"x\"¦\"abc\\\\\\\"y\"¦\"zzz\\n\"", "\"ab\"¦\"\\\\\\\" \"¦\"az\"" },
        { """{"type":"string","pattern":"^(a*b?)*$"}""", "\"\"¦\"aab\"¦\"bbaab\"", "\"c\"" },
        { """{"type":"string","pattern":"^\\u00e9[\\u{1F600}-\\u{1F610}]$"}""", "\"é😀\"", "\"e😀\"" },
        { """{"type":"string","format":"date"}""", "\"2024-02-29\"", "\"2024-13-01\"¦\"24-01-01\"" },
        { """{"type":"string","format":"date-time"}""", "\"2024-02-29T12:30:00Z\"¦\"2024-02-29T12:30:00.123+01:00\"", "\"2024-02-29\"" },
        { """{"type":"string","format":"uuid"}""", "\"123e4567-e89b-12d3-a456-426614174000\"", "\"123\"" },
        { """{"type":"string","format":"email"}""", "\"a.b@c-d.org\"", "\"ab\"" },
        { """{"type":"string","format":"ipv4"}""", "\"192.168.0.255\"", "\"256.0.0.1\"" },
        { """{"type":"string","format":"whatever"}""", "\"x\"", "1" },
        { """{"type":"integer","minimum":-12,"maximum":105}""", "-12¦-1¦0¦9¦10¦99¦100¦105", "-13¦106¦200¦-20¦00" },
        { """{"type":"integer","exclusiveMinimum":0}""", "1¦10¦9999999999999999", "0¦-1" },
        { """{"type":"integer","maximum":-10}""", "-10¦-11¦-100", "-9¦0¦5" },
        { """{"type":"integer","minimum":1.5,"exclusiveMaximum":4}""", "2¦3", "1¦4" },
        { """{"type":"number","minimum":0.25,"exclusiveMaximum":3.5}""", "0.25¦0.3¦1¦1.99¦3.49¦3.4¦3", "0¦0.2¦0.249¦3.5¦3.51¦-1¦4" },
        { """{"type":"number","exclusiveMinimum":-1,"maximum":0}""", "-0.5¦0¦-0¦0.0¦-0.99", "-1¦-1.0¦0.1¦-2" },
        { """{"type":"number","exclusiveMinimum":0}""", "0.001¦1¦99.5", "0¦0.0¦-1" },
        { """{"type":"number","minimum":2,"maximum":2}""", "2¦2.0", "2.1¦1.9" },
        { """{"minimum":3,"description":"x","title":"y","default":1,"examples":[]}""", "3¦3.5", "2¦\"a\"" },
        { """{"enum":[1,2,3],"minimum":2}""", "2¦3", "1" },
        { """{"anyOf":[{"type":"string"},false,{"allOf":[{"type":"integer"},{"type":"null"}]}]}""", "\"\"", "1¦null" },
        { """{"properties":{"a":false,"b":{"type":"integer"}},"uniqueItems":false}""", "{}¦{\"b\":1}", "{\"a\":1}" },
        { """{"properties":{"a\"\n":{"type":"integer"}}}""", "{\"a\\\"\\n\":1}", "{\"a\":1}" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_grammar_accepts_what_the_schema_allows_and_nothing_else(string schema, string accepted, string rejected)
    {
        var grammar = Compile(schema);
        Assert.All(accepted.Split('¦'), text => Assert.True(grammar.Accepts(text), $"{schema} must accept {text}"));
        Assert.All(rejected.Split('¦'), text => Assert.False(grammar.Accepts(text), $"{schema} must reject {text}"));
    }

    [Theory]
    [InlineData("3", "format: at #: expected a schema: an object, true or false")]
    [InlineData("false", "format: at #: no value satisfies the schema")]
    [InlineData("""{"type":"wat"}""", "format: at #: unrecognized type \"wat\"; expected object, array, string, number, integer, boolean or null")]
    [InlineData("""{"properties":{"a":{"type":"wat"}}}""", "format: at #/properties/a: unrecognized type \"wat\"; expected object, array, string, number, integer, boolean or null")]
    [InlineData("""{"properties":{"a/b":{"items":{"not":{}}}}}""", "format: at #/properties/a~1b/items: not is not supported; say what is allowed instead")]
    [InlineData("""{"patternProperties":{}}""", "format: at #: patternProperties is not supported; use additionalProperties")]
    [InlineData("""{"type":"number","multipleOf":2}""", "format: at #: multipleOf is not supported; use integer, or enum")]
    [InlineData("""{"uniqueItems":true}""", "format: at #: uniqueItems is not supported; use enum for a fixed choice")]
    [InlineData("""{"if":{},"then":{}}""", "format: at #: if is not supported; use anyOf")]
    [InlineData("""{"$ref":"https://x"}""", "format: at #: $ref \"https://x\" is not supported; only references inside the schema are, e.g. \"#/$defs/name\"")]
    [InlineData("""{"$ref":"#/$defs/x"}""", "format: at #: $ref \"#/$defs/x\" leads nowhere; define it under $defs")]
    [InlineData("""{"$ref":"#"}""", "format: at #: the schema refers to itself with nothing between; put the reference inside properties or items")]
    [InlineData("""{"anyOf":[{"$ref":"#"},{"type":"null"}]}""", "format: at #: a schema refers to itself with nothing between (through $ref, anyOf, oneOf or allOf alone); put the reference inside properties or items")]
    [InlineData("""{"type":"integer","minimum":5,"maximum":4}""", "format: at #: no value satisfies the schema")]
    [InlineData("""{"required":["a"],"properties":{},"additionalProperties":false}""", "format: at #: property \"a\" is required, but no value satisfies its schema; declare it in properties")]
    [InlineData("""{"pattern":"(?=a)"}""", "format: at #: pattern \"(?=a)\" is not supported: it looks ahead or behind, or sets flags, which a grammar cannot")]
    [InlineData("""{"pattern":"(a"}""", "format: at #: pattern \"(a\" is not supported: it has an unmatched \"(\"")]
    [InlineData("""{"pattern":"\\ba"}""", "format: at #: pattern \"\\ba\" is not supported: it has \"\\b\", which is not supported; use classes, groups, alternatives and quantifiers")]
    [InlineData("""{"pattern":"^a+$","maxLength":3}""", "format: at #: pattern and a length cannot be combined; say the length within the pattern, e.g. \"^[a-z]{1,3}$\"")]
    [InlineData("""{"minLength":-1}""", "format: at #: minLength must be a whole number of at least 0")]
    [InlineData("""{"enum":[]}""", "format: at #: enum must be an array of at least one value")]
    [InlineData("""{"anyOf":{}}""", "format: at #: anyOf must be an array of at least one schema")]
    [InlineData("""{"required":"a"}""", "format: at #: required must be an array of property names")]
    [InlineData("""{"allOf":[{}],"allOf":{}}""", "format: at #: an object of the schema has two members named \"allOf\"; name each once")]
    [InlineData("""{"title":"\ud800"}""", "format: at #: the schema holds a text that is not valid Unicode")]
    public void What_cannot_be_compiled_is_refused_with_the_place_and_what_would_be_right(string schema, string message) =>
        Assert.StartsWith(message, Refusal(schema), StringComparison.Ordinal);

    [Fact]
    public void Long_texts_and_arrays_keep_their_exact_bounds()
    {
        var text = Compile("""{"type":"string","minLength":2500,"maxLength":4100}""");
        Assert.All([2500, 3000, 3001, 4100], n => Assert.True(text.Accepts($"\"{new string('a', n)}\""), $"{n}"));
        Assert.All([2499, 4101], n => Assert.False(text.Accepts($"\"{new string('a', n)}\""), $"{n}"));
        var array = Compile("""{"type":"array","items":{"type":"null"},"minItems":1001,"maxItems":2100}""");
        Assert.All([1001, 2100], n => Assert.True(array.Accepts($"[{string.Join(',', Enumerable.Repeat("null", n))}]"), $"{n}"));
        Assert.All([1000, 2101], n => Assert.False(array.Accepts($"[{string.Join(',', Enumerable.Repeat("null", n))}]"), $"{n}"));
    }

    [Fact]
    public void A_schema_that_would_take_too_much_is_refused()
    {
        string many = string.Join(',', Enumerable.Range(0, 6000).Select(i => $"\"p{i}\":{{\"type\":\"null\"}}"));
        Assert.Contains("at most 5000", Refusal($"{{\"properties\":{{{many}}}}}"), StringComparison.Ordinal);
        Assert.Contains("nests deeper", Refusal(string.Concat(Enumerable.Repeat("{\"items\":", 60)) + "{\"items\":[[[[[[1]]]]]]}" + new string('}', 60)), StringComparison.Ordinal);
        Assert.Contains("longer than", Refusal($"{{\"title\":\"{new string('x', 300_000)}\"}}"), StringComparison.Ordinal);
        Assert.Contains("repetitions", Refusal($"{{\"prefixItems\":[{string.Join(',', Enumerable.Range(0, 200).Select(i => $"{{\"type\":\"string\",\"maxLength\":{900 + i}}}"))}]}}"), StringComparison.Ordinal);
        Assert.Contains("enum may hold", Refusal($"{{\"enum\":[{string.Join(',', Enumerable.Range(0, 5001))}]}}"), StringComparison.Ordinal);
        string two = string.Join(',', Enumerable.Range(0, 2000));
        Assert.Contains("enum may hold", Refusal($"{{\"allOf\":[{{\"enum\":[{two}]}},{{\"enum\":[{two}]}}]}}"), StringComparison.Ordinal);
        // Each definition refers twice to the next one: two to the power of 40 ways from the first to the last.
        string twice = string.Join(',', Enumerable.Range(0, 40).Select(i =>
            $"\"d{i}\":{{\"anyOf\":[{{\"$ref\":\"#/$defs/d{i + 1}\"}},{{\"anyOf\":[{{\"$ref\":\"#/$defs/d{i + 1}\"}},{{\"const\":{i}}}]}}]}}"));
        Assert.Contains("too many ways", Refusal($"{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{twice},\"d40\":{{\"type\":\"object\"}}}}}}"), StringComparison.Ordinal);
    }
}
