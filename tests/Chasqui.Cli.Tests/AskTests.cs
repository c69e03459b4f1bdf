using System.Text.Json;

namespace Chasqui.Cli.Tests;

public sealed class AskTests
{
    [Theory]
    [InlineData("Why?", "", "Why?")]
    [InlineData("", "From a pipe\n", "From a pipe")]
    [InlineData("Summarise", "line one\nline two\n", "Summarise\n\nline one\nline two")]
    [InlineData("Tell me more", "", "Tell me more")]
    [InlineData("@not-a-file", "", "@not-a-file")]
    public async Task The_prompt_is_the_arguments_and_what_is_piped(string arguments, string piped, string expected)
    {
        var run = new CliRun { Input = piped };

        var outcome = await run.RunAsync(["ask", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

        Assert.Equal((0, "Hello there\n"), (outcome.ExitCode, outcome.Out.ReplaceLineEndings("\n")));
        var message = Assert.Single(Assert.Single(run.Engine.Asked).Messages);
        Assert.Equal(("user", expected), (message.Role, message.Content));
        Assert.True(run.Engine.IsDisposed);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" \n")]
    public async Task Nothing_to_ask_is_wrong_use(string? input)
    {
        var outcome = await new CliRun { Input = input }.RunAsync("ask");

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("nothing to ask", outcome.Error);
    }

    [Fact]
    public async Task The_options_reach_the_engine()
    {
        var run = new CliRun();

        await run.RunAsync("ask", "Hi", "--system", "Be brief", "-t", "0.5", "--seed", "-1", "--num-predict", "9", "--format", "json");

        var request = Assert.Single(run.Engine.Asked);
        Assert.Equal(["system", "user"], request.Messages.Select(m => m.Role));
        Assert.Equal(new GenerationOptions { Temperature = 0.5f, Seed = -1, NumPredict = 9 }, request.Options);
        Assert.Same(OutputFormat.Json, request.Format);
    }

    [Fact]
    public async Task A_schema_is_read_from_a_file()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, """{"type":"object"}""", TestContext.Current.CancellationToken);
            var run = new CliRun();

            await run.RunAsync("ask", "Hi", "--format", "@" + file);

            Assert.Equal("object", Assert.Single(run.Engine.Asked).Format!.Schema!.Value.GetProperty("type").GetString());

            await File.WriteAllTextAsync(file, "{", TestContext.Current.CancellationToken);
            var outcome = await run.RunAsync("ask", "Hi", "--format", "@" + file);
            Assert.Equal(2, outcome.ExitCode);
            Assert.Contains("is no JSON", outcome.Error);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Json_is_one_object_with_text_and_metrics()
    {
        var outcome = await new CliRun().RunAsync("ask", "Hi", "--json");

        using var json = JsonDocument.Parse(outcome.Out);
        Assert.Equal("Hello there", json.RootElement.GetProperty("text").GetString());
        Assert.Equal("stop", json.RootElement.GetProperty("done_reason").GetString());
        Assert.Equal(20, json.RootElement.GetProperty("eval_count").GetInt32());
        Assert.Equal(2_000_000_000, json.RootElement.GetProperty("eval_duration").GetInt64());
        Assert.Equal(10, json.RootElement.GetProperty("tokens_per_second").GetDouble());
    }

    [Fact]
    public async Task Stats_go_to_standard_error()
    {
        var outcome = await new CliRun().RunAsync("ask", "Hi", "--stats");

        Assert.Equal("Hello there\n", outcome.Out.ReplaceLineEndings("\n"));
        Assert.Contains("7 prompt tokens in 500 ms; 20 tokens in 2 s (10.0 tokens/s); total 4 s; ended by stop", outcome.Error);
    }

    [Fact]
    public async Task Without_mini_the_only_model_is_asked()
    {
        var run = new CliRun();
        run.Engine.Models[0] = ScriptedEngine.Summary("other:7b");

        await run.RunAsync("ask", "Hi");

        Assert.Equal("other:7b", Assert.Single(run.Engine.Asked).Model);
    }

    [Fact]
    public async Task Without_mini_and_with_several_models_one_must_be_named()
    {
        var run = new CliRun();
        run.Engine.Models[0] = ScriptedEngine.Summary("one:latest");
        run.Engine.Models.Add(ScriptedEngine.Summary("two:latest"));

        var outcome = await run.RunAsync("ask", "Hi");

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("--model: one:latest, two:latest", outcome.Error);
    }

    [Fact]
    public async Task An_unknown_model_fails_with_the_nearest_names()
    {
        var outcome = await new CliRun().RunAsync("ask", "Hi", "--model", "mimi");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("error: model 'mimi' not found; the nearest names are mini:latest", outcome.Error);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task The_text_of_an_error_has_no_escape_sequences(bool foreseen, bool terminal)
    {
        const string text = "a\r\nb\e[2Jc\u009bd\a";
        var run = new CliRun { Terminal = terminal };
        run.Engine.Answer = (_, _) => throw (foreseen ? new EngineFailedException(text) : new InvalidOperationException(text));

        var outcome = await run.RunAsync("ask", "Hello", "--no-color");

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("a b [2Jc d", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(outcome.Error.ReplaceLineEndings("\n"), c => c != '\n' && char.IsControl(c));
    }

    [Theory]
    [InlineData(true, "ab")]
    [InlineData(false, "a\e[2Jb")]
    public async Task A_terminal_is_kept_from_escape_sequences_of_a_model(bool terminal, string expected)
    {
        var run = new CliRun { Terminal = terminal };
        run.Engine.Answer = (_, cancellationToken) => ScriptedEngine.SayAsync(cancellationToken, "a\e", terminal ? "b" : "[2Jb");

        var outcome = await run.RunAsync("ask", "Hi");

        Assert.Equal(expected, outcome.Out.TrimEnd());
    }

    [Fact]
    public async Task An_engine_that_fails_midway_leaves_its_text_and_one_line()
    {
        var run = new CliRun();
        run.Engine.Answer = (_, _) => FailAsync();

        var outcome = await run.RunAsync("ask", "Hi");

        Assert.Equal((1, "Half\n"), (outcome.ExitCode, outcome.Out.ReplaceLineEndings("\n")));
        Assert.EndsWith("error: the engine broke\n", outcome.Error.ReplaceLineEndings("\n"));

        static async IAsyncEnumerable<GenerationUpdate> FailAsync()
        {
            yield return new GenerationUpdate { Text = "Half" };
            await Task.Yield();
            throw new EngineFailedException("the engine\nbroke");
        }
    }

    [Fact]
    public async Task Ctrl_C_cancels_the_generation_and_ends_with_130()
    {
        var run = new CliRun();
        run.Engine.Answer = (_, cancellationToken) =>
            ScriptedEngine.SayAndHangAsync("Half", () => run.Interrupts.Raise(), cancellationToken);

        var outcome = await run.RunAsync("ask", "Hi");

        Assert.Equal((130, "Half\n"), (outcome.ExitCode, outcome.Out.ReplaceLineEndings("\n")));
        Assert.True(run.Engine.IsDisposed);
    }

    [Fact]
    public async Task A_reader_that_has_gone_ends_it_quietly()
    {
        var run = new CliRun { Out = new ClosedWriter() };

        var outcome = await run.RunAsync("ask", "Hi");

        Assert.Equal(0, outcome.ExitCode);
        Assert.DoesNotContain("error", outcome.Error);
        Assert.True(run.Engine.IsDisposed);
    }

    private sealed class ClosedWriter : StringWriter
    {
        public override void Write(string? value) => throw new OutputClosedException(new IOException("Broken pipe"));

        public override void Write(char value) => Write("");

        public override void WriteLine(string? value) => Write("");
    }
}
