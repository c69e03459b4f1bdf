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

    /// <summary>Two calls of one tool: only their ids tell which result is whose.</summary>
    [Theory]
    [InlineData("x", "y")]
    [InlineData("y", "x")]
    public void A_result_with_an_id_answers_the_call_of_that_id_in_any_order(string first, string second)
    {
        var ties = new ToolCallTies([CallsWithIds(("x", "f"), ("y", "f")), Result("f", first), Result(null, second)]);

        Assert.Equal([first, second], [ties.AnsweredBy(1).Id, ties.AnsweredBy(2).Id]);
        Assert.Equal(2, ties.CallsOf(0).Count);
    }

    [Fact]
    public void A_result_without_an_id_never_takes_the_call_that_another_one_names()
    {
        var ties = new ToolCallTies([CallsWithIds(("x", "f"), ("y", "f"), ("z", "g")), Result("f"), Result(null), Result("f", "x"), Result("g", "x")]);

        // The last one says an id that has its result already: it stays that call's.
        Assert.Equal(["y", "z", "x", "x"], Enumerable.Range(1, 4).Select(turn => ties.AnsweredBy(turn).Id));
    }

    [Fact]
    public void An_id_that_is_used_again_means_the_call_of_the_last_turn()
    {
        var ties = new ToolCallTies([CallsWithIds(("x", "f")), CallsWithIds(("x", "g"), ("y", "f")), Result(null, "y"), Result(null, "x")]);

        Assert.Equal(["f", "g"], [ties.AnsweredBy(2).Name, ties.AnsweredBy(3).Name]);
    }

    [Fact]
    public void An_id_that_no_call_has_is_tied_by_the_tool_or_to_a_call_without_an_id_or_made_up()
    {
        var ties = new ToolCallTies(
        [
            CallsWithIds(("x", "f"), ("", "g"), ("y", "h")), Result(null, "p"), Result("h", "q"), Result(null, "r"), Result("other", "r"), Result("k", "call_1"),
        ]);

        Assert.Equal(["call_1", "y", "r", "r", "call_2"], Enumerable.Range(1, 5).Select(turn => ties.AnsweredBy(turn).Id));
        Assert.Equal([("x", "f"), ("call_1", "g"), ("y", "h"), ("r", "tool"), ("call_2", "k")], ties.CallsOf(0).Select(call => (call.Id, call.Name)));
    }

    private static ChatMessage CallsWithIds(params (string Id, string Name)[] calls) => new()
    {
        Role = "assistant",
        ToolCalls = JsonSerializer.SerializeToElement(calls.Select(call => new { id = call.Id, function = new { name = call.Name, arguments = new { } } })),
    };

    private static ChatMessage Calls(params string[] names) => new()
    {
        Role = "assistant",
        ToolCalls = JsonSerializer.SerializeToElement(names.Select(name => new { function = new { name, arguments = new { } } })),
    };

    private static ChatMessage Result(string? tool, string? id = null) => new() { Role = "tool", Content = "x", ToolName = tool, ToolCallId = id };
}
