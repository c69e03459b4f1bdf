using System.Text.Json;
using Chasqui.Engines.LlamaCpp.Native;
using Chasqui.Engines.LlamaCpp.Prompts;
using Chasqui.Engines.Tools;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Engines.Tests.Tools;

/// <summary>The order of results in prompts that show no ids of calls.</summary>
public sealed class ToolResultsTests
{
    [Theory]
    [InlineData("x", "y")]
    [InlineData("y", "x")]
    public void Results_with_ids_stand_in_the_order_of_the_calls(string first, string second)
    {
        var turns = ToolResults.InOrderOfCalls([User(), Calls(("x", "f"), ("y", "f")), Result(first), Result(second), User()]);

        Assert.Equal([null, null, "x", "y", null], turns.Select(turn => turn.ToolCallId));
        Assert.Equal(["", "", "x", "y", ""], turns.Select(turn => turn.Content));
        Assert.Equal([null, null, "f", "f", null], turns.Select(turn => turn.ToolName));
    }

    [Fact]
    public void Others_keep_their_place_and_results_never_leave_their_turn()
    {
        var turns = ToolResults.InOrderOfCalls(
        [
            Result("early"), Calls(("x", "f"), ("y", "g")), Result("y") with { ToolName = "own" }, Result(null), Result("unknown"), Result("x"), Result("y"),
            Calls(("x", "h"), ("a", "f")), Result("a"), Result("x"),
        ]);

        Assert.Equal(["early", "", "x", "none", "unknown", "y", "y", "", "x", "a"], turns.Select(turn => turn.Content));
        Assert.Equal([null, null, "f", null, null, "own", "g", null, "h", "f"], turns.Select(turn => turn.ToolName));
    }

    [Fact]
    public void Turns_without_ids_are_given_back_as_they_are()
    {
        ChatMessage[] turns = [Calls(("x", "f"), ("y", "f")), Result(null) with { ToolName = "f" }];

        Assert.Same(turns, ToolResults.InOrderOfCalls(turns));
    }

    [Fact]
    public void Calls_that_no_text_can_hold_have_no_id()
    {
        var calls = new ChatMessage { Role = "assistant", ToolCalls = JsonElement.Parse("""[{"id":"\ud800"},7,{"id":1},{"id":"x"}]""") };

        Assert.Equal(["", "x"], ToolResults.InOrderOfCalls([calls, Result("x")]).Select(turn => turn.Content));
    }

    [Fact]
    public void The_prompt_of_the_embedded_engine_has_them_in_that_order_with_their_ids()
    {
        LlamaLibrary.EnsureLoaded(NullLogger.Instance);
        var model = new ModelDescription
        {
            Path = "none.gguf",
            TemplateIsGo = true,
            Template = "{{ range .Messages }}[{{ .Role }} {{ .ToolName }} {{ .ToolCallID }} {{ .Content }}]{{ end }}",
            Summary = new ModelSummary { Name = "m:latest", Digest = "0", Details = new ModelDetails(), Capabilities = ["completion", "tools"] },
        };
        var request = new ChatRequest { Model = "m", Messages = [User(), Calls(("x", "f"), ("y", "f")), Result("y"), Result("x")] };

        Assert.EndsWith("[tool f x x][tool f y y]", new PromptRenderer(NullLogger.Instance).Render(request, PromptRenderer.Turns(request, model), model), StringComparison.Ordinal);
    }

    private static ChatMessage User() => new() { Role = "user" };

    private static ChatMessage Result(string? id) => new() { Role = "tool", Content = id ?? "none", ToolCallId = id };

    private static ChatMessage Calls(params (string Id, string Name)[] calls) => new()
    {
        Role = "assistant",
        ToolCalls = JsonSerializer.SerializeToElement(calls.Select(call => new { id = call.Id, function = new { name = call.Name, arguments = new { } } })),
    };
}
