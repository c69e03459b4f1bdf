using System.Text.Json;

namespace Chasqui.Cli.Tests;

public sealed class ChatTests
{
    [Fact]
    public async Task Each_line_is_a_turn_and_the_turns_before_go_along()
    {
        var run = new CliRun { Input = "One\n\nTwo\n" };

        var outcome = await run.RunAsync("chat", "--system", "Be brief");

        Assert.Equal((0, "Hello there\nHello there\n"), (outcome.ExitCode, outcome.Out.ReplaceLineEndings("\n")));
        Assert.Equal(
            ["system: Be brief", "user: One", "assistant: Hello there", "user: Two"],
            run.Engine.Asked[1].Messages.Select(m => $"{m.Role}: {m.Content}"));
    }

    [Fact]
    public async Task Clear_forgets_and_system_and_model_change_what_follows()
    {
        var run = new CliRun { Input = "One\n/clear\n/system Be kind\n/model other\nTwo\n/exit\nThree\n" };
        run.Engine.Models.Add(ScriptedEngine.Summary("other:latest"));

        await run.RunAsync("chat");

        Assert.Equal(2, run.Engine.Asked.Count);
        Assert.Equal("other", run.Engine.Asked[1].Model);
        Assert.Equal(["system: Be kind", "user: Two"], run.Engine.Asked[1].Messages.Select(m => $"{m.Role}: {m.Content}"));
    }

    [Fact]
    public async Task An_unknown_model_leaves_the_old_one()
    {
        var run = new CliRun { Input = "/model nope\nOne\n" };

        var outcome = await run.RunAsync("chat");

        Assert.Contains("error: model 'nope' not found", outcome.Error);
        Assert.Equal("mini", Assert.Single(run.Engine.Asked).Model);
    }

    [Fact]
    public async Task A_failed_answer_is_told_and_its_question_forgotten()
    {
        var run = new CliRun { Input = "One\nTwo\n" };
        var count = 0;
        run.Engine.Answer = (_, cancellationToken) =>
            count++ == 0 ? throw new EngineOverloadedException("busy") : ScriptedEngine.SayAsync(cancellationToken, "Yes");

        var outcome = await run.RunAsync("chat");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("error: busy", outcome.Error);
        Assert.Equal("Two", Assert.Single(run.Engine.Asked[1].Messages).Content);
    }

    [Fact]
    public async Task Ctrl_C_stops_the_answer_and_not_the_program()
    {
        var run = new CliRun { Input = "One\nTwo\n" };
        var count = 0;
        run.Engine.Answer = (_, cancellationToken) => count++ == 0
            ? ScriptedEngine.SayAndHangAsync("Half", () => run.Interrupts.Raise(), cancellationToken)
            : ScriptedEngine.SayAsync(cancellationToken, "Yes");

        var outcome = await run.RunAsync("chat");

        Assert.Equal((0, "Half\nYes\n"), (outcome.ExitCode, outcome.Out.ReplaceLineEndings("\n")));
        Assert.Equal(["One", "Half", "Two"], run.Engine.Asked[1].Messages.Select(m => m.Content));
    }

    [Fact]
    public async Task SIGTERM_ends_the_program_in_the_middle_of_an_answer()
    {
        var run = new CliRun { Input = "One\nTwo\n" };
        run.Engine.Answer = (_, cancellationToken) =>
            ScriptedEngine.SayAndHangAsync("Half", () => run.Interrupts.Raise(terminate: true), cancellationToken);

        var outcome = await run.RunAsync("chat");

        Assert.Equal(130, outcome.ExitCode);
        Assert.Single(run.Engine.Asked);
    }

    [Theory]
    [InlineData(".json")]
    [InlineData(".md")]
    public async Task The_conversation_is_saved(string ending)
    {
        var folder = Directory.CreateTempSubdirectory("chasqui chat ");
        try
        {
            var file = Path.Combine(folder.FullName, "talk" + ending);

            var outcome = await new CliRun { Input = $"One\n/save {file}\n" }.RunAsync("chat");

            Assert.Contains("Saved 2 turns", outcome.Error);
            var text = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
            if (ending == ".json")
            {
                using var json = JsonDocument.Parse(text);
                Assert.Equal("Hello there", json.RootElement.GetProperty("messages")[1].GetProperty("content").GetString());
            }
            else
            {
                Assert.Contains("**assistant**\n\nHello there\n", text);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("/save", "needs the name of a file")]
    [InlineData("/save /no/such/folder/file", "cannot be written")]
    [InlineData("/frobnicate", "there is no command /frobnicate")]
    public async Task A_wrong_command_is_told_and_the_conversation_goes_on(string command, string expected)
    {
        var run = new CliRun { Input = command + "\nOne\n" };

        var outcome = await run.RunAsync("chat");

        Assert.Contains(expected, outcome.Error);
        Assert.Single(run.Engine.Asked);
    }

    [Fact]
    public async Task With_json_each_answer_is_an_object_on_a_line()
    {
        var outcome = await new CliRun { Input = "One\nTwo\n" }.RunAsync("chat", "--json");

        var lines = outcome.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.All(lines, line => Assert.Equal("Hello there", JsonElement.Parse(line).GetProperty("text").GetString()));
    }

    [Fact]
    public async Task A_terminal_is_greeted_and_prompted()
    {
        var outcome = await new CliRun { Terminal = true, Input = "One\n/help\n" }.RunAsync("chat", "--no-color");

        Assert.Contains("Ctrl-D ends", outcome.Error);
        Assert.Contains(">>> ", outcome.Error);
        Assert.Contains("/save FILE", outcome.Error);
        Assert.DoesNotContain(">>>", outcome.Out);
    }
}
