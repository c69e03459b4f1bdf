using System.Text.RegularExpressions;

namespace Chasqui.Cli.Tests;

/// <summary>Progress on a terminal.</summary>
public sealed partial class ProgressReportTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_step_whose_size_is_not_known_has_its_name_alone_and_one_whose_size_is_known_has_figures()
    {
        var lines = await ShowAsync(new ModelProgress("pulling manifest"),
            new ModelProgress("pulling 8f72aeff398b", "sha256:8f72", 2_000_000, 1_000_000),
            new ModelProgress("pulling 8f72aeff398b", "sha256:8f72", 2_000_000, 2_000_000), new ModelProgress("verifying"),
                new ModelProgress("success"));

        foreach (var step in (string[])["pulling manifest", "verifying", "success"])
            Assert.All(lines.Where(line => line.Contains(step, StringComparison.Ordinal)), line => Assert.Equal(step, line.Trim()));
        Assert.Contains(lines, line => line.Contains("pulling 8f72aeff398b", StringComparison.Ordinal)
            && line.Contains("100%", StringComparison.Ordinal) && line.Contains('2', StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains("0/1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_part_without_a_total_shows_no_figures()
    {
        var lines = await ShowAsync(new ModelProgress("pulling 8f72aeff398b", "sha256:8f72"), new ModelProgress("success"));

        Assert.Contains(lines, line => line.Trim() == "pulling 8f72aeff398b");
        Assert.DoesNotContain(lines, line => line.Contains('%', StringComparison.Ordinal) || line.Contains("/1", StringComparison.Ordinal));
    }

    private static async Task<IReadOnlyList<string>> ShowAsync(params ModelProgress[] steps)
    {
        var error = new StringWriter();
        var console = new CliConsole
        {
            In = TextReader.Null,
            Out = new StringWriter(),
            Error = error,
            OutputIsTerminal = true,
            ErrorIsTerminal = true,
            UseColor = false,
        };

        await ProgressReport.RunAsync(console, json: false, StepsAsync(), Cancellation);

        return Escapes().Replace(error.ToString(), "").ReplaceLineEndings("\n").Split('\n');

        async IAsyncEnumerable<ModelProgress> StepsAsync()
        {
            foreach (var step in steps)
            {
                await Task.Yield();
                yield return step;
            }
        }
    }

    [GeneratedRegex("\e\\[[0-9;?]*[A-Za-z]|\r")]
    private static partial Regex Escapes();
}
