namespace Chasqui.Cli.Tests;

/// <summary>What is wrong with a command line is said in terms of what was typed, with what would be right.</summary>
public sealed class WordingTests
{
    [Theory]
    [InlineData("serve --node", "--node needs a value: --node [NAME=]URL")]
    [InlineData("models show", "MODEL is missing: its name; ':latest' is implied")]
    [InlineData("models rm", "NAME is missing: models to remove")]
    [InlineData("models list --jsn", "there is no option '--jsn'; did you mean '--json'?")]
    [InlineData("keys add a --rmp 5", "there is no option '--rmp'; did you mean '--rpm'?")]
    [InlineData("nodes --frobnicate", "there is no option '--frobnicate' here")]
    [InlineData("nodes now", "'now' is one word too many; a text with spaces stands in quotes")]
    [InlineData("simulate --seed 1 --seed 2", "--seed is given more than once; give it once")]
    public async Task A_command_line_that_cannot_be_read(string line, string said)
    {
        var outcome = await new CliRun().RunAsync(line.Split(' '));

        Assert.Equal((2, $"error: {said}"), (outcome.ExitCode, outcome.Error.Split('\n')[0].TrimEnd()));
    }

    [Theory]
    [InlineData("serve --http nonsense --check", "--http is \"nonsense\", but must be ADDR:PORT")]
    [InlineData("serve --mcp nonsense --check", "--mcp is \"nonsense\", but must be ")]
    [InlineData("serve --node junk --check", "--node is \"junk\", but must be http://HOST:PORT")]
    [InlineData("serve --log-level loud --check", "--log-level is \"loud\", but must be trace, ")]
    [InlineData("engine --listen nonsense", "--listen is \"nonsense\", but must be ")]
    public async Task A_value_that_the_configuration_refuses(string line, string said)
    {
        var outcome = await new CliRun { Serve = new LocalGateway() }.RunAsync(line.Split(' '));

        Assert.Equal(1, outcome.ExitCode);
        Assert.StartsWith($"error: {said}", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_that_is_missing_is_asked_for_with_what_was_typed()
    {
        var run = new CliRun { Environment = { ["CHASQUI_COMMAND"] = "./run" } };

        Assert.Contains("such as './run ask \"A story\"'", (await run.RunAsync("ask")).Error, StringComparison.Ordinal);
    }
}
