using System.Text.Json;
using Chasqui.Engines.Tools;
using CsCheck;

namespace Chasqui.Engines.Tests.Tools;

public sealed class ToolCallReaderTests
{
    private static readonly JsonElement _tools = JsonDocument.Parse("""
        [{"type":"function","function":{"name":"get_weather"}},{"type":"function","function":{"name":"get"}}]
        """).RootElement;

    [Theory]
    [InlineData("""{"name": "get_weather", "arguments": {"city": "Paris"}}""", "", """get_weather {"city":"Paris"}""")]
    [InlineData("""{"name": "get_weather", "parameters": {}}""", "", "get_weather {}")]
    [InlineData("""[{"name":"get","arguments":{"a":1}},{"name":"get_weather","arguments":{"b":[{}]}}]""", "", """get {"a":1};get_weather {"b":[{}]}""")]
    [InlineData("""Let me see. <tool_call>{"name":"get","arguments":{"x":"}[tool"}}</tool_call>""", "Let me see. ", """get {"x":"}[tool"}""")]
    [InlineData("""[TOOL_CALLS] [{"name":"get","arguments":{}}]""", "", "get {}")]
    [InlineData("""{"name":"get","arguments":{"a":"x\ud800y\udc00","b":"\ud83d\ude00\\ud800","\uD800":1}}""", "", """get {"a":"x\uFFFDy\uFFFD","b":"\uD83D\uDE00\\ud800","\uFFFD":1}""")]
    [InlineData("Hello <tool and more", "Hello <tool and more", "")]
    [InlineData("""{"name": "rm", "arguments": {}}""", """{"name": "rm", "arguments": {}}""", "")]
    [InlineData("""{"name": "get", "arguments": "x"}""", """{"name": "get", "arguments": "x"}""", "")]
    [InlineData("""{"answer": 42}""", """{"answer": 42}""", "")]
    [InlineData("""{"name": "get", "argu""", """{"name": "get", "argu""", "")]
    [InlineData("""I said {"name":"get","arguments":{}}""", """I said {"name":"get","arguments":{}}""", "")]
    public void Calls_are_found_however_the_text_is_cut(string text, string content, string calls) =>
        Gen.Int[1, text.Length].Array[0, 6].Sample(sizes => Assert.Equal((content, calls), Read(text, sizes)));

    [Fact]
    public void No_text_is_lost_and_no_text_makes_it_throw() => Gen.String["{}[]\"name:getrulsTOC_<|>/ \\,"].Sample(text =>
    {
        var (content, calls) = Read(text, [3, 1, 7]);
        Assert.True(calls.Length > 0 || content == text);
    });

    [Fact]
    public void Without_tools_there_is_no_reader() => Assert.Null(ToolCallReader.For(null));

    private static (string Content, string Calls) Read(string text, int[] sizes)
    {
        var reader = ToolCallReader.For(_tools)!;
        var content = "";
        foreach (var size in sizes)
        {
            var taken = Math.Min(size, text.Length);
            content += reader.Read(text[..taken]);
            text = text[taken..];
        }
        content += reader.Read(text);
        content += reader.Finish();
        var calls = reader.Calls?.Select(call => $"{call!["function"]!["name"]} {call["function"]!["arguments"]!.ToJsonString()}") ?? [];
        return (content, string.Join(';', calls));
    }
}
