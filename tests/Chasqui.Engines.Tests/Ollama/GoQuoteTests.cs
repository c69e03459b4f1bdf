using Chasqui.Engines.Ollama;
using CsCheck;

namespace Chasqui.Engines.Tests.Ollama;

/// <summary>Texts in Go's quotes come back as they were, and the parameters of a model with them.</summary>
public sealed class GoQuoteTests
{
    [Fact]
    public void What_was_put_in_quotes_comes_out_again() =>
        Gen.String[Gen.OneOf(Gen.Char[" ab\"\\\n\t\a\b\f\r\v\u0001\u007f\u00a0\u2028ß€"], Gen.Char.AlphaNumeric), 0, 20].Sample(text =>
            GoQuote.TryUnquote(GoQuote.Quote(text), out var back) && back == text);

    [Theory]
    [InlineData("\"a\\U0001F600\\xc3\\x9f\"", "a😀ß")]
    [InlineData("\"😀\"", "😀")]
    [InlineData("\"", null)]
    [InlineData("a", null)]
    [InlineData("\"a\"b\"", null)]
    [InlineData("\"\\\"", null)]
    [InlineData("\"\\x4\"", null)]
    [InlineData("\"\\q\"", null)]
    [InlineData("\"\\ud800\"", null)]
    public void Other_texts(string quoted, string? expected)
    {
        Assert.Equal(expected is not null, GoQuote.TryUnquote(quoted, out var text));
        Assert.Equal(expected ?? "", expected is null ? "" : text);
    }

    [Fact]
    public void Parameters_keep_their_order_and_their_types()
    {
        var parameters = OllamaModels.Parameters("temperature                    0.5\nstop                           \"<|im_end|>\"\nstop                           \"a \\\"b\\\"\"\nnum_ctx                        4096\nodd                            x y\nbroken");
        Assert.Equal(
            ["temperature=0.5", "stop=[\"<|im_end|>\",\"a \\u0022b\\u0022\"]", "num_ctx=4096", "odd=\"x y\""],
            parameters.Select(p => $"{p.Key}={p.Value.ToJsonString().Replace("\\u003C", "<", StringComparison.Ordinal).Replace("\\u003E", ">", StringComparison.Ordinal)}"));
    }
}
