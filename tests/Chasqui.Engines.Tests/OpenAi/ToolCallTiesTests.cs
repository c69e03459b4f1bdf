using System.Text.Json;
using Chasqui.Engines.OpenAi;

namespace Chasqui.Engines.Tests.OpenAi;

/// <summary>Which call a result of a tool answers.</summary>
public sealed class ToolCallTiesTests
{
    [Fact]
    public void A_result_answers_the_earliest_call_of_its_tool_that_has_none()
    {
        var ties = new ToolCallTies([Calls("a", "b", "a", "c"), Result("a"), Result(null), Result("a"), Result("b"), Result(null), Result("d")]);

        string[] ids = [.. ties.CallsOf(0).Select(call => call.Id)];
        Assert.Equal(["a", "b", "a", "c", "d", "d"], [.. ties.CallsOf(0).Take(4).Select(call => call.Name), .. ties.CallsOf(0).Skip(5).Select(call => call.Name), "d"]);
        // The nameless one took b, so its own result answers a call that was made up.
        Assert.Equal([ids[0], ids[1], ids[2], ids[4], ids[3], ids[5]], Enumerable.Range(1, 6).Select(turn => ties.AnsweredBy(turn).Id));
        Assert.Equal(6, ids.Distinct().Count());
    }

    /// <summary>As many as fit in a request: where each looks at all others this does not end.</summary>
    [Fact]
    public void Hundreds_of_thousands_of_results_are_tied_one_by_one()
    {
        const int count = 400_000;
        var names = Enumerable.Range(0, count).Select(i => i % 2 == 0 ? "a" : "b").ToArray();
        var ties = new ToolCallTies([Calls(names), .. Enumerable.Range(0, count).Select(i => Result(i % 3 == 0 ? null : "a")), .. Enumerable.Range(0, count).Select(_ => Result("none"))]);

        Assert.Equal(ties.CallsOf(0)[0], ties.AnsweredBy(1));
        Assert.Equal(count, Enumerable.Range(count + 1, count).Select(turn => ties.AnsweredBy(turn).Id).Distinct().Count());
    }

    private static ChatMessage Calls(params string[] names) => new()
    {
        Role = "assistant",
        ToolCalls = JsonSerializer.SerializeToElement(names.Select(name => new { function = new { name, arguments = new { } } })),
    };

    private static ChatMessage Result(string? tool) => new() { Role = "tool", Content = "x", ToolName = tool };
}
