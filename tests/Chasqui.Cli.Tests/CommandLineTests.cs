namespace Chasqui.Cli.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("works on the data folder, which --data DIR names", "keys", "list")]
    [InlineData("works on the data folder, which --data DIR names", "keys", "add", "a")]
    [InlineData("is the gateway itself, which listens where --http and --mcp say", "serve")]
    [InlineData("is the engine itself, which listens where --listen says", "engine")]
    [InlineData("asks no gateway", "simulate")]
    public async Task A_verb_that_talks_to_no_gateway_offers_none_and_refuses_one(string why, params string[] verb)
    {
        foreach (var option in new[] { "--server", "--key" })
        {
            var outcome = await new CliRun().RunAsync([.. verb, option, "a:1"]);
            Assert.Equal((2, $"error: {option} is for verbs that talk to a gateway; '{verb[0]}' {why}\n"), (outcome.ExitCode, outcome.Error.ReplaceLineEndings("\n")));
        }
        var help = await new CliRun { Terminal = true, Width = 80 }.RunAsync([verb[0], .. verb.Skip(1).Take(1), "--help"]);
        Assert.DoesNotContain("--server", help.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("--key ", help.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("CHASQUI_SERVER", help.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("CHASQUI_KEY,", help.Out, StringComparison.Ordinal);
        Assert.Contains("--no-color", help.Out, StringComparison.Ordinal);
        Assert.Contains("--server", (await new CliRun().RunAsync("ask", "--help")).Out, StringComparison.Ordinal);
    }

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

    [Theory]
    [InlineData("")]
    [InlineData("--node http://10.0.0.5:11434")]
    [InlineData("--node=http://10.0.0.5:11434 --node b=tcp://10.0.0.6:11436")]
    [InlineData("--allow-anonymous")]
    [InlineData("--config models.json")]
    [InlineData("--json --http 127.0.0.1:0")]
    [InlineData("--no-color --data=/tmp/models")]
    public async Task Without_a_verb_it_serves(string line)
    {
        var serve = new RecordingServe();

        var outcome = await new CliRun { Serve = serve }.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var settings = Assert.Single(serve.Settings);
        Assert.Equal(line.Contains("--allow-anonymous", StringComparison.Ordinal), settings.AllowAnonymous);
        Assert.Equal(line.Split("--node").Length - 1, settings.Nodes.Count);
        Assert.Equal(line.Contains("--json", StringComparison.Ordinal), settings.Json);
    }

    [Theory]
    [InlineData("--server http://127.0.0.1:1 models list")]
    [InlineData("--no-color --json models list")]
    public async Task A_verb_may_follow_the_options_that_all_take(string line)
    {
        var serve = new RecordingServe();

        await new CliRun { Serve = serve }.RunAsync(line.Split(' '));

        Assert.Empty(serve.Settings);
    }

    [Theory]
    [InlineData("./run", "ask --help", "\n  ./run ask [", "\n  ./run ask \"Tell me a story\" --seed 7 --stats", "cat notes.txt | ./run ask \"What is open?\"")]
    [InlineData("./run", "keys add --help", "CHASQUI_KEY=$(./run keys add shell)")]
    [InlineData("./run", "--help", "\n  ./run [", "\n  ./run serve ", "'./run install' makes the command 'chasqui'")]
    [InlineData("/opt/chasqui/run", "serve --help", "/opt/chasqui/run keys add laptop && /opt/chasqui/run serve --http 0.0.0.0:8080")]
    public async Task Help_shows_what_was_typed(string typed, string line, params string[] expected)
    {
        var run = new CliRun { Environment = { ["CHASQUI_COMMAND"] = typed } };

        var outcome = await run.RunAsync(line.Split(' '));

        Assert.All(expected, text => Assert.Contains(text, outcome.Out));
        Assert.DoesNotMatch(@"(?<![./'\w~])chasqui [a-z\[]", outcome.Out);
    }

    [Theory]
    [InlineData("nodes", "start one with './run serve'")]
    [InlineData("frobnicate", "See './run --help'.")]
    [InlineData("models lsit", "See './run models --help'.")]
    public async Task Hints_show_what_was_typed(string line, string expected)
    {
        var run = new CliRun { Environment = { ["CHASQUI_COMMAND"] = "./run" } };

        var outcome = await run.RunAsync(line.Split(' '));

        Assert.Contains(expected, outcome.Error);
        Assert.DoesNotContain("'chasqui ", outcome.Error);
    }

    /// <summary>What is shown as an example of a verb is a command of that verb, or leads to it.</summary>
    [Fact]
    public async Task Examples_are_of_the_verb_that_they_stand_at_and_can_be_read()
    {
        string[] verbs =
        [
            "serve", "ask", "chat", "simulate", "nodes", "models list", "models load", "models show", "models pull", "models push", "models cp", "models rm", "models create",
            "keys add", "keys list", "keys rm", "sessions list", "sessions show", "sessions fork", "sessions export", "sessions rm", "sessions follow",
        ];
        foreach (var verb in verbs)
        {
            var outcome = await new CliRun().RunAsync([.. verb.Split(' '), "--help"]);
            var examples = outcome.Out[outcome.Out.IndexOf("Examples:", StringComparison.Ordinal)..].Split('\n').Where(line => line.Contains("chasqui ", StringComparison.Ordinal)).ToList();

            Assert.NotEmpty(examples);
            Assert.All(examples, example => Assert.Contains($"chasqui {verb}", example));
        }
    }

    [Fact]
    public async Task The_version_is_one_line()
    {
        var outcome = await new CliRun().RunAsync("--version");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Matches(@"^chasqui \d+\.\d+\.\d+\S*\n$", outcome.Out.ReplaceLineEndings("\n"));
    }

    [Theory]
    [InlineData("--bogus", "'--bogus'")]
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
