using Chasqui.Engines.Grammars;

namespace Chasqui.Engines.Tests.Grammars;

public sealed class JsonGrammarTests
{
    private static readonly GbnfRecognizer _any = GbnfRecognizer.Parse(JsonGrammar.Any);
    private static readonly GbnfRecognizer _object = GbnfRecognizer.Parse(JsonGrammar.Object);

    [Theory]
    [InlineData("{}")]
    [InlineData("{ }")]
    [InlineData("{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":-1.5e+3}}")]
    [InlineData("{\n  \"a\": \"x\\n\\u00e9\\ud83d\\ude00\\/\",\n  \"b\": [\n    1,\n    2\n  ]\n}")]
    public void An_object_is_accepted(string json)
    {
        Assert.True(_any.Accepts(json));
        Assert.True(_object.Accepts(json));
    }

    [Fact]
    public void An_array_is_accepted_only_where_any_json_is()
    {
        Assert.True(_any.Accepts("[1, \"a\", {}]"));
        Assert.False(_object.Accepts("[1, \"a\", {}]"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("\"a\"")]
    [InlineData("{")]
    [InlineData("{}}")]
    [InlineData("{\"a\":01}")]
    [InlineData("{\"a\":1.}")]
    [InlineData("{\"a\":1,}")]
    [InlineData("{a:1}")]
    [InlineData("{\"a\":\"\t\"}")]
    [InlineData("{\"a\":\"\\x\"}")]
    [InlineData("{\"a\":\"\\ud83d\"}")]
    [InlineData("{\n\n}")]
    [InlineData("{  }")]
    [InlineData("{\"a\":12345678901234567}")]
    [InlineData("{} ")]
    public void What_is_no_json_or_runs_on_is_rejected(string text) => Assert.False(_any.Accepts(text));
}
