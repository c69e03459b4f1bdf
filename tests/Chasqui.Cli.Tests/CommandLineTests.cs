namespace Chasqui.Cli.Tests;

public sealed class CommandLineTests
{
    [Fact]
    public async Task Help_lists_the_verbs_examples_and_exit_codes()
    {
        var outcome = await new CliRun().RunAsync("--help");

        Assert.Equal(0, outcome.ExitCode);
        Assert.All(["serve", "ask", "chat", "models", "bench"], verb => Assert.Contains($"\n  {verb}", outcome.Out));
        Assert.Contains("Examples:", outcome.Out);
        Assert.All([0, 1, 2, 3, 130], code => Assert.Matches($@"\n  {code}\s+\w", outcome.Out));
        Assert.Empty(outcome.Error);
    }

    [Theory]
    [InlineData("serve --help", "--http")]
    [InlineData("ask --help", "--num-predict")]
    [InlineData("chat --help", "--system")]
    [InlineData("models --help", "unload")]
    [InlineData("models load -h", "--keep-alive")]
    [InlineData("keys --help", "chasqui keys rm laptop")]
    [InlineData("keys add --help", "--tpm")]
    [InlineData("keys add --help", "CHASQUI_KEY=$(chasqui keys add shell)")]
    [InlineData("keys list --help", "jq -r '.[].name'")]
    [InlineData("bench --help", "--rounds")]
    public async Task Each_verb_explains_itself(string line, string mentioned)
    {
        var outcome = await new CliRun().RunAsync(line.Split(' '));

        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains(mentioned, outcome.Out);
    }

    [Fact]
    public async Task The_version_is_one_line()
    {
        var outcome = await new CliRun().RunAsync("--version");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Matches(@"^chasqui \d+\.\d+\.\d+\S*\n$", outcome.Out.ReplaceLineEndings("\n"));
    }

    [Theory]
    [InlineData("", "a verb is missing: serve, engine, ask, chat, models, nodes, simulate, keys, sessions, bench")]
    [InlineData("asj", "did you mean 'ask'?")]
    [InlineData("models lsit", "did you mean 'list'?")]
    [InlineData("models", "a verb is missing: list")]
    [InlineData("frobnicate", "the verbs are serve, engine, ask, chat, models, nodes, simulate, keys, sessions, bench")]
    [InlineData("models show", "MODEL")]
    [InlineData("models list extra", "extra")]
    [InlineData("ask hi --bogus", "nothing to ask", false)]
    [InlineData("ask hi --seed x", "--seed is 'x', but must be a whole number")]
    [InlineData("ask hi --temperature warm", "--temperature is 'warm', but must be a number")]
    [InlineData("ask hi --temperature -3", "from 0 to 100")]
    [InlineData("ask hi --format xml", "--format is 'xml'")]
    [InlineData("ask hi --format @/no/such/schema.json", "/no/such/schema.json cannot be read")]
    [InlineData("models list --server ftp://x", "--server is 'ftp://x'")]
    [InlineData("models load mini --keep-alive soon", "--keep-alive is 'soon'")]
    [InlineData("bench nope", "no scenario 'nope'")]
    [InlineData("bench x --rounds 0", "from 1 to 1000")]
    [InlineData("bench x --seconds NaN", "from 0.2 to 3600")]
    public async Task Wrong_use_ends_with_2_and_says_what_would_be_right(string line, string expected, bool isWrong = true)
    {
        var outcome = await new CliRun().RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        if (!isWrong)
        {
            // Words of a prompt may look like options.
            Assert.NotEqual(2, outcome.ExitCode);
            return;
        }
        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith("error: ", outcome.Error);
        Assert.Contains(expected, outcome.Error);
        Assert.Empty(outcome.Out);
    }

    [Fact]
    public async Task The_environment_names_the_server_too()
    {
        var run = new CliRun { Environment = { ["CHASQUI_SERVER"] = "not a url" } };

        var outcome = await run.RunAsync("models", "list");

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("CHASQUI_SERVER is 'not a url'", outcome.Error);
    }

    [Theory]
    [InlineData(true, null, true)]
    [InlineData(true, "1", false)]
    [InlineData(true, "", true)]
    [InlineData(false, null, false)]
    public async Task Only_a_terminal_without_NO_COLOR_is_coloured(bool terminal, string? noColor, bool coloured)
    {
        var run = new CliRun { Terminal = terminal };
        if (noColor is not null)
            run.Environment["NO_COLOR"] = noColor;

        var outcome = await run.RunAsync("nonsense");

        Assert.Equal(coloured, outcome.Error.Contains("\e[31m", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_option_no_color_works_anywhere()
    {
        var outcome = await new CliRun { Terminal = true }.RunAsync("models", "show", "nope", "--no-color");

        Assert.DoesNotContain("\e[3", outcome.Error);
        Assert.Contains("error: model 'nope' not found", outcome.Error);
    }
}
