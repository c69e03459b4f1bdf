using System.Text.RegularExpressions;
using CsCheck;

namespace Chasqui.Cli.Tests;

/// <summary>What stands under tables fits the terminal.</summary>
public sealed partial class ParagraphTests
{
    [Fact]
    public void A_sentence_is_wrapped_at_words_and_what_is_copied_stays_whole()
    {
        var lines = Paragraph.Wrap(
            "There are no keys in /tmp/a/very/long/path/to/the/data/folder/of/a/gateway/that/does/not/fit/keys.json, so make one with './run keys add NAME'.", 60).Split('\n');

        Assert.Equal(
            ["There are no keys in", "/tmp/a/very/long/path/to/the/data/folder/of/a/gateway/that/does/not/fit/keys.json,",
                "so make one with './run keys add NAME'."], lines);
        Assert.Equal("  /system [TEXT]   set the system text; without\n                   TEXT, show it",
            Paragraph.Wrap("  /system [TEXT]   set the system text; without TEXT, show it", 48, 19));
        Assert.Equal("a text that fits   stays", Paragraph.Wrap("a text that fits   stays", 60));
        Assert.Equal("It may be made with\n'chasqui keys add laptop --scopes infer'.",
            Paragraph.Wrap("It may be made with 'chasqui keys add laptop --scopes infer'.", 42));
    }

    [Fact]
    public void Nothing_is_lost_and_no_line_is_longer_than_its_words_ask() =>
        Gen.Select(Gen.Int[40, 120], Gen.String[Gen.Char["ab漢'. "], 1, 300]).Sample((width, text) =>
    {
        var lines = Paragraph.Wrap(text, width).Split('\n');
        Assert.Equal(Spaces().Replace(text, ""), Spaces().Replace(string.Concat(lines), ""));
        if (lines.Length > 1)
            Assert.All(lines, line => Assert.True(Cells.Of(line) <= width || !line.Contains(' ', StringComparison.Ordinal), line));
    });

    [Fact]
    public async Task Verbs_fit_80_columns()
    {
        await using var gateway = await HttpGateway.StartAsync();
        foreach (var args in (string[][])
            [
                ["simulate"], ["nodes"], ["models", "list"], ["models", "ps"], ["models", "show", "mini"], ["sessions", "list"],
                    ["sessions", "rm", "nope"],
                ["keys", "list", "--data", gateway.Data], ["keys", "add", "laptop", "--data", gateway.Data],
                    ["keys", "list", "--data", gateway.Data],
                ["keys", "rm", "laptop", "--data", gateway.Data], ["queue"], ["--help"], ["serve", "--help"], ["engine", "--help"],
                    ["ask", "--help"], ["chat", "--help"], ["nodes", "--help"], ["simulate", "--help"], ["bench", "--help"],
                .. Verbs("models", "list", "ps", "show", "load", "unload", "pull", "push", "create", "cp", "rm"),
                    .. Verbs("keys", "add", "list", "rm"),
                .. Verbs("sessions", "list", "show", "fork", "export", "rm", "follow"),
            ])
        {
            var outcome = await new CliRun { Server = gateway.Address, Terminal = true, Width = 80 }.RunAsync(args);
            var lines = Colours().Replace(outcome.Out + outcome.Error, "").ReplaceLineEndings("\n").Split('\n')
                .Select(line => line.Split('\r')[^1]);
            Assert.All(lines, line => Assert.True(Cells.Of(line) <= 80 || !line.Contains(' ', StringComparison.Ordinal),
                $"{string.Join(' ', args)}: {line}"));
        }
    }

    private static IEnumerable<string[]> Verbs(string group, params string[] verbs) =>
        verbs.Select(verb => new[] { group, verb, "--help" });

    [GeneratedRegex("\\s")]
    private static partial Regex Spaces();

    [GeneratedRegex("\e\\[[0-9;?]*[A-Za-z]")]
    private static partial Regex Colours();
}
