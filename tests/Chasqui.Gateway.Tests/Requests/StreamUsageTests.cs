using System.Text;
using Chasqui.Gateway.Requests;

namespace Chasqui.Gateway.Tests.Requests;

/// <summary>Requests of OpenAI's API that are made to ask for the count of tokens.</summary>
public sealed class StreamUsageTests
{
    [Theory]
    [InlineData("""{"model":"m","stream":true}""", """{"stream_options":{"include_usage":true},"model":"m","stream":true}""")]
    [InlineData(""" { "stream" : true , "model":"m"} x""", """ {"stream_options":{"include_usage":true}, "stream" : true , "model":"m"} x""")]
    [InlineData("""{"stream_options":null,"model":"m","stream":true}""", """{"stream_options":{"include_usage":true},"model":"m","stream":true}""")]
    [InlineData("""{"Stream_Options" : { } ,"model":"m","stream":true}""", """{"Stream_Options" : {"include_usage":true} ,"model":"m","stream":true}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"include_usage":false}}""", """{"model":"m","stream":true,"stream_options":{"include_usage":true}}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"a":[1, {"include_usage":false}],"include_\u0075sage": null, "b":"\ud800"}}""",
        """{"model":"m","stream":true,"stream_options":{"include_usage":true,"a":[1, {"include_usage":false}],"b":"\ud800"}}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"continuous_usage_stats":false}}""", """{"model":"m","stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":false}}""")]
    public void It_asks_and_says_all_else_as_before(string json, string expected)
    {
        using var scan = RequestScanTests.Read(Dialects.OpenAi, json);
        Assert.True(scan.LacksUsage);

        using var asked = RequestRewriter.Rewrite(scan, null, null, countsTokens: true);
        using var plain = RequestRewriter.Rewrite(scan, null, null);
        using var renamed = RequestRewriter.Rewrite(scan, "other", null, countsTokens: true);

        Assert.Equal(expected, Encoding.UTF8.GetString(asked.Body.Span));
        Assert.Equal(json, Encoding.UTF8.GetString(plain.Body.Span));
        Assert.Equal(expected.Replace("\"m\"", "\"other\"", StringComparison.Ordinal), Encoding.UTF8.GetString(renamed.Body.Span));
        Assert.Empty(asked.Changes);
        using var again = RequestScanTests.Read(Dialects.OpenAi, expected);
        Assert.False(again.LacksUsage);
    }

    [Theory]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"include_usage":true}}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"INCLUDE_usage":true}}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"include_usage":"yes"}}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"include_usage":true,"include_usage":false}}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"continuous_usage_stats":true}}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":[]}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{},"stream_options":{}}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"include_usage":true},"stream_options":{}}""")]
    [InlineData("""{"model":"m","stream":false}""")]
    [InlineData("""{"model":"m"}""")]
    [InlineData("""{"stream":true}""")]
    public void What_asks_already_or_is_no_stream_or_cannot_be_told_is_left_alone(string json)
    {
        using var scan = RequestScanTests.Read(Dialects.OpenAi, json);
        Assert.False(scan.LacksUsage);
    }

    [Theory]
    [InlineData(Dialects.Ollama)]
    [InlineData(Dialects.OpenAiResponses)]
    [InlineData(Dialects.Anthropic)]
    public void Other_APIs_count_unasked(Dialects dialect)
    {
        using var scan = RequestScanTests.Read(dialect, """{"model":"m","stream":true}""");
        Assert.False(scan.LacksUsage);
    }
}
