using System.Text;
using Chasqui.Gateway.Requests;

namespace Chasqui.Gateway.Tests.Requests;

/// <summary>What a request says of its tools that not every node listens to.</summary>
public sealed class ToolScanTests
{
    [Theory]
    [InlineData(Dialects.Anthropic, """{"tool_choice":{"type":"any"}}""", true)]
    [InlineData(Dialects.Anthropic, """{"tool_choice":{"type":"tool","name":"f"}}""", true)]
    [InlineData(Dialects.Anthropic, """{"tool_choice":{"type":"none"}}""", true)]
    [InlineData(Dialects.Anthropic, """{"tool_choice":{"type":"auto"}}""", false)]
    [InlineData(Dialects.Anthropic, """{"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}""", true)]
    [InlineData(Dialects.Anthropic, """{"tool_choice":{"type":"auto","disable_parallel_tool_use":false},"model":"m"}""", false)]
    [InlineData(Dialects.Anthropic, """{"tool_choice":null}""", false)]
    [InlineData(Dialects.OpenAi, """{"tool_choice":"required"}""", true)]
    [InlineData(Dialects.OpenAi, """{"tool_choice":"none"}""", true)]
    [InlineData(Dialects.OpenAi, """{"TOOL_choice":"auto"}""", false)]
    [InlineData(Dialects.OpenAi, """{"tool_choice":{"type":"function","function":{"name":"auto","type":"auto"}}}""", true)]
    [InlineData(Dialects.OpenAi, """{"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}}""", true)]
    [InlineData(Dialects.OpenAi, """{"parallel_tool_calls":false}""", true)]
    [InlineData(Dialects.OpenAi, """{"parallel_tool_calls":true}""", false)]
    [InlineData(Dialects.OpenAiResponses, """{"tool_choice":"required"}""", true)]
    [InlineData(Dialects.Ollama, """{"tool_choice":"required"}""", false)]
    public void A_choice_that_is_not_left_to_the_model(Dialects dialect, string json, bool chooses)
    {
        using var scan = Read(dialect, json);
        Assert.Equal(chooses, scan.ChoosesTools);
    }

    [Theory]
    [InlineData(Dialects.Anthropic, """{"tool_choice":{"type":"any"}}""", true)]
    [InlineData(Dialects.Anthropic, """{"tool_choice":{"name":"f","type":"tool"}}""", true)]
    [InlineData(Dialects.Anthropic, """{"tool_choice":{"type":"none"}}""", false)]
    [InlineData(Dialects.Anthropic, """{"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}""", false)]
    [InlineData(Dialects.OpenAi, """{"tool_choice":"required"}""", true)]
    [InlineData(Dialects.OpenAi, """{"tool_choice":"none"}""", false)]
    [InlineData(Dialects.OpenAi, """{"tool_choice":"auto"}""", false)]
    [InlineData(Dialects.OpenAi, """{"tool_choice":{"type":"function","function":{"name":"none"}}}""", true)]
    [InlineData(Dialects.OpenAi, """{"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}}""", false)]
    [InlineData(Dialects.OpenAi, """{"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[]}}}""", true)]
    [InlineData(Dialects.OpenAiResponses, """{"tool_choice":{"type":"allowed_tools","mode":"required","tools":[]}}""", true)]
    [InlineData(Dialects.OpenAi, """{"parallel_tool_calls":false}""", false)]
    [InlineData(Dialects.Ollama, """{"tool_choice":"required"}""", false)]
    public void A_call_that_must_be_made(Dialects dialect, string json, bool forces)
    {
        using var scan = Read(dialect, json);
        Assert.Equal(forces, scan.ForcesCall);
    }

    [Theory]
    [InlineData("""{"tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"w","input_schema":{"type":"object"}}],"model":"m"}""", true)]
    [InlineData("""{"model":"m","tools":[{"name":"w","input_schema":{"type":"object","properties":{"type":{"type":"string"}}}},{"type":"custom","name":"v","input_schema":{}}]}""", false)]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"bash_20250124","name":"bash"}]}""", true)]
    [InlineData("""{"model":"m","thread":{"type":"create"}}""", true)]
    [InlineData("""{"model":"m","thread":null,"tools":[]}""", false)]
    public void What_only_Anthropic_has(string json, bool asks)
    {
        foreach (var dialect in (Dialects[])[Dialects.Anthropic, Dialects.AnthropicCountTokens])
        {
            using var scan = Read(dialect, json);
            Assert.Equal((asks, "m"), (scan.AsksAnthropic, scan.Model));
        }
        using var other = Read(Dialects.OpenAi, json);
        Assert.False(other.AsksAnthropic);
    }

    [Fact]
    public void A_scan_that_is_used_again_has_forgotten_it()
    {
        using (var scan = Read(Dialects.Anthropic, """{"tool_choice":{"type":"any"},"thread":{}}"""))
            Assert.True(scan.ChoosesTools && scan.ForcesCall && scan.AsksAnthropic);
        using var again = Read(Dialects.Anthropic, "{}");
        Assert.False(again.ChoosesTools || again.ForcesCall || again.AsksAnthropic);
    }

    private static RequestScan Read(Dialects dialect, string json)
    {
        Assert.True(RequestScan.TryRead(Encoding.UTF8.GetBytes(json), dialect, out var scan, out _));
        return scan;
    }
}
