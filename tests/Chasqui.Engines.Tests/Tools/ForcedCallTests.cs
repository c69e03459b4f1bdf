using System.Text.Json;
using Chasqui.Engines.Grammars;
using Chasqui.Engines.Tests.Grammars;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.Tests.Tools;

/// <summary>What holds an answer to the call of a tool: a grammar, or a schema for nodes that know formats.</summary>
public sealed class ForcedCallTests
{
    private const string Tools = """
        [{"type":"function","function":{"name":"weather","parameters":{"$defs":{"town":{"enum":["Lima","Cusco"]}},"type":"object","properties":{"city":{"$ref":"#/$defs/town"}},"required":["city"],"additionalProperties":false}}},
         {"type":"function","function":{"name":"now"}}]
        """;

    [Theory]
    [InlineData("", """{"name": "weather", "arguments": {"city":"Lima"}}""", true)]
    [InlineData("", """{"name": "now", "arguments": {}}""", true)]
    [InlineData("", """{"name": "now", "arguments": {"x":1}}""", false)]
    [InlineData("", """{"name": "weather", "arguments": {"city":"Paris"}}""", false)]
    [InlineData("", """{"name": "other", "arguments": {}}""", false)]
    [InlineData("", "Lima", false)]
    [InlineData("", "", false)]
    [InlineData("", "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", false)]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", true)]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", true)]
    [InlineData("<tool_call>", """{"name": "now", "arguments": {}}""", true)]
    [InlineData("[TOOL_CALLS]", """[TOOL_CALLS][{"name": "now", "arguments": {}}, {"name": "weather", "arguments": {"city":"Cusco"}}]""", true)]
    [InlineData("{\"name\": x, \"parameters\": y}", """{"name": "now", "parameters": {}}""", true)]
    public void A_grammar_takes_calls_in_the_form_that_the_template_teaches(string template, string text, bool accepted) =>
        Assert.Equal(accepted, GbnfRecognizer.Parse(Grammar(template)).Accepts(text));

    [Fact]
    public void Where_one_call_is_all_a_grammar_takes_no_second()
    {
        var two = GbnfRecognizer.Parse(ToolCallGrammar.Compile(Forced(), "<tool_call>", single: true, null));

        Assert.True(two.Accepts("<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"));
        Assert.False(two.Accepts("<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"));
    }

    [Theory]
    [InlineData(true, "I </thin</think>\n\n", true)]
    [InlineData(true, "<<//think></think>", true)]
    [InlineData(true, "", false)]
    [InlineData(true, "no end ", false)]
    [InlineData(false, "", true)]
    [InlineData(false, "<think>Well.</think>\n", true)]
    [InlineData(false, "Well.</think>\n", false)]
    public void Thoughts_come_before_the_call_and_are_free(bool begun, string before, bool accepted)
    {
        var grammar = GbnfRecognizer.Parse(ToolCallGrammar.Compile(Forced(), "", single: false, new ThinkingPlace("<think>", "</think>", begun)));

        Assert.Equal(accepted, grammar.Accepts(before + """{"name": "now", "arguments": {}}"""));
        Assert.False(grammar.Accepts(before + "Hello"));
    }

    [Theory]
    [InlineData(null, """{"name":"weather","arguments":{"city":"Lima"}}""", true)]
    [InlineData(null, """{"name":"now","arguments":{}}""", true)]
    [InlineData(null, """{"name":"weather","arguments":{"city":"Paris"}}""", false)]
    [InlineData("weather", """{"name":"weather","arguments":{"city":"Lima"}}""", true)]
    [InlineData("weather", """{"name":"now","arguments":{}}""", false)]
    public void A_schema_takes_the_same_calls_its_references_led_to_where_they_stand(string? name, string text, bool accepted)
    {
        var shape = ForcedCallShape.Of(ForcedTool.Of(Request(Tools, new ToolChoice { Required = true, Name = name })));

        Assert.Equal(accepted, GbnfRecognizer.Parse(JsonSchemaGrammar.Compile(shape.Schema!.Value)).Accepts(text));
    }

    [Fact]
    public void A_schema_that_no_grammar_holds_becomes_any_object_unless_the_tool_is_strict()
    {
        const string Odd = """[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"not":{"type":"string"}}}}}}]""";
        var choice = new ToolChoice { Required = true };

        Assert.Equal("""{"type":"object"}""", Assert.Single(ForcedTool.Of(Request(Odd, choice))).Parameters.GetRawText());
        var refused = Assert.Throws<InvalidRequestException>(() => ForcedTool.Of(Request(Odd.Replace("\"name\":\"f\"", "\"strict\":true,\"name\":\"f\"", StringComparison.Ordinal), choice)));
        Assert.StartsWith("the arguments of the tool \"f\" cannot be held to its schema", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"array\"", "array")]
    [InlineData("\"string\"", "string")]
    [InlineData("[\"string\",\"null\"]", "[\"string\",\"null\"]")]
    public void Arguments_that_are_no_object_are_refused_by_name(string type, string said)
    {
        var request = Request($$$$"""[{"type":"function","function":{"name":"f","parameters":{"type":{{{{type}}}}}}}]""", new ToolChoice { Required = true });

        Assert.Equal($"the parameters of the tool \"f\" must be a schema of type \"object\", not \"{said}\"", Assert.Throws<InvalidRequestException>(() => ForcedTool.Of(request)).Message);
        Assert.Throws<InvalidRequestException>(() => ForcedTool.Check(request));
    }

    [Theory]
    [InlineData("""{"type":["object","null"],"properties":{"a":{"const":1}},"required":["a"],"additionalProperties":false}""")]
    [InlineData("""{"properties":{"a":{"const":1}},"required":["a"],"additionalProperties":false}""")]
    [InlineData("""{"anyOf":[{"type":"string"},{"type":"object","properties":{"a":{"const":1}},"required":["a"],"additionalProperties":false}]}""")]
    public void Arguments_that_may_be_something_else_too_are_an_object(string parameters)
    {
        var request = Request($$$"""[{"type":"function","function":{"name":"f","parameters":{{{parameters}}}}}]""", new ToolChoice { Required = true });
        var grammar = GbnfRecognizer.Parse(ToolCallGrammar.Compile(ForcedTool.Of(request).Select(tool => (tool.Name, tool.Parameters)), "", single: true, null));

        Assert.True(grammar.Accepts("""{"name": "f", "arguments": {"a":1}}"""));
        Assert.False(grammar.Accepts("""{"name": "f", "arguments": null}"""));
        Assert.False(grammar.Accepts("""{"name": "f", "arguments": "x"}"""));
    }

    [Fact]
    public async Task A_call_keeps_the_models_characters()
    {
        var updates = await Nodes.AllAsync(ToolCallStream.Extract(SayAsync("""{"name": "now", "arguments": {"c": "a<b && é中"}}"""), JsonElement.Parse(Tools)));

        Assert.Contains("a<b && é中", updates[^1].ToolCalls!.Value.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_several_calls_the_first_is_told_where_one_is_all()
    {
        var said = SayAsync("""[{"name": "now", "arguments": {}},{"name": "now", "arguments": {"x":1}}]""");

        var updates = await Nodes.AllAsync(ToolCallStream.Extract(said, JsonElement.Parse(Tools), new ToolChoice { Single = true }));

        Assert.Equal("{}", Assert.Single(updates[^1].ToolCalls!.Value.EnumerateArray()).GetProperty("function").GetProperty("arguments").GetRawText());
    }

    private static async IAsyncEnumerable<GenerationUpdate> SayAsync(string text)
    {
        await Task.Yield();
        foreach (var character in text)
            yield return new GenerationUpdate { Text = character.ToString() };
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop } };
    }

    private static string Grammar(string template) => ToolCallGrammar.Compile(Forced(), template, single: false, null);

    private static IEnumerable<(string, JsonElement)> Forced() =>
        ForcedTool.Of(Request(Tools, new ToolChoice { Required = true })).Select(tool => (tool.Name, tool.Parameters));

    private static ChatRequest Request(string tools, ToolChoice choice) => new() { Model = "m", Tools = JsonElement.Parse(tools), ToolChoice = choice };
}
