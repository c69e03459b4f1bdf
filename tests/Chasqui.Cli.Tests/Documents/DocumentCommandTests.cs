using System.Text.RegularExpressions;

namespace Chasqui.Cli.Tests;

/// <summary>Every command and every configuration of README.md and the documents does what a reader expects who types it as it stands.</summary>
public sealed partial class DocumentCommandTests
{
    /// <summary>What cannot be run here, and why.</summary>
    private static readonly (string Beginning, string Why)[] _notRun =
    [
        ("./test", "it runs this test"),
        ("dotnet artifacts/bin/", "it is a test of another project, which ./test runs"),
        ("ANTHROPIC_BASE_URL=http://127.0.0.1:11435 ANTHROPIC_API_KEY=any your-program", "your-program is the reader's"),
    ];

    /// <summary>Blocks of JSON that are no configuration.</summary>
    private static readonly (string Document, string Beginning)[] _noConfiguration =
    [
        ("docs/apis.md", "{\"nodes\": ["),
        ("docs/observability.md", "{\"time\":"),
    ];

    public static TheoryData<string> WithCommands() => [.. DocumentSamples.Documents.Where(document => document != "README.zh-CN.md" && DocumentSamples.Of(document).Any(sample => sample.Commands.Any()))];

    public static TheoryData<string> WithConfigurations() => [.. DocumentSamples.Documents.Where(document => DocumentSamples.Of(document).Any(sample => sample.Language == "json"))];

    [Theory]
    [MemberData(nameof(WithCommands))]
    public async Task Each_command_of_a_document_succeeds(string document)
    {
        await using var shell = new DocumentShell();
        foreach (var sample in DocumentSamples.Of(document))
        {
            foreach (var command in sample.Commands.Where(command => !_notRun.Any(not => command.StartsWith(not.Beginning, StringComparison.Ordinal))))
            {
                var outcome = await shell.TypeAsync(command);

                Assert.True(outcome.ExitCode is 0 or ExitCodes.Cancelled, $"{document} line {sample.Line}: {command}\nended with {outcome.ExitCode}\n{outcome.Out}\n{outcome.Error}");
                Assert.False(outcome.Out.Contains("\"error\"", StringComparison.Ordinal), $"{document} line {sample.Line}: {command}\n{outcome.Out}");
                Assert.DoesNotContain("error: ", outcome.Error);
            }
        }
    }

    [Theory]
    [MemberData(nameof(WithConfigurations))]
    public async Task Each_configuration_of_a_document_is_right(string document)
    {
        await using var shell = new DocumentShell();
        foreach (var sample in DocumentSamples.Of(document).Where(sample => sample.Language == "json"))
        {
            var text = string.Join('\n', sample.Text);
            if (_noConfiguration.Any(not => not.Document == document && text.StartsWith(not.Beginning, StringComparison.Ordinal)))
                continue;
            shell.Write("chasqui.json", text);

            var outcome = await shell.TypeAsync("GPU1_KEY=secret ./run serve --check");

            Assert.True(outcome.ExitCode == 0, $"{document} line {sample.Line}: {outcome.Error}");
            Assert.Contains("chasqui.json is right.", outcome.Error);
            shell.Delete("chasqui.json");
        }
    }

    [Fact]
    public async Task The_configuration_of_the_README_says_which_variable_is_missing_and_serves_once_it_is_set()
    {
        await using var shell = new DocumentShell();
        var sample = DocumentSamples.Of("README.md").First(sample => sample.Language == "json");
        shell.Write("chasqui.json", string.Join('\n', sample.Text));

        var missing = await shell.TypeAsync("env -u GPU2_KEY ./run serve --check");
        Assert.Equal(1, missing.ExitCode);
        Assert.Matches(@"^error: chasqui\.json line \d+: ""Nodes:1:ApiKey"" names an environment variable, and GPU2_KEY is not set;", missing.Error);

        var served = await shell.TypeAsync("./run");
        Assert.Equal(0, served.ExitCode);
        Assert.Contains(" is listening on http://127.0.0.1:", served.Out);
    }

    [Fact]
    public void Both_READMEs_have_the_same_commands_and_samples() => Assert.Equal(
        DocumentSamples.Of("README.md").Where(sample => sample.Language != "text").Select(sample => string.Join('\n', sample.Language == "console" ? sample.Commands : sample.Text)),
        DocumentSamples.Of("README.zh-CN.md").Where(sample => sample.Language != "text").Select(sample => string.Join('\n', sample.Language == "console" ? sample.Commands : sample.Text)));

    /// <summary>Each point of the one is where it is in the other, as its links show, and so are the documents.</summary>
    [Fact]
    public void Both_READMEs_have_the_same_points_and_documents_in_the_same_order()
    {
        var points = Points("README.md");

        Assert.True(points.Count > 10);
        Assert.Equal(points, Points("README.zh-CN.md"));
        Assert.Equal(DocumentsOf("README.md"), DocumentsOf("README.zh-CN.md"));

        static IReadOnlyList<string> Points(string document) =>
            [.. Point().Matches(File.ReadAllText(Path.Combine(Repository.Root, document)).ReplaceLineEndings("\n")).Select(match => Links(match.Value))];

        static string DocumentsOf(string document) =>
            Links(File.ReadLines(Path.Combine(Repository.Root, document)).Single(line => line.Contains("](docs/architecture.md) · [", StringComparison.Ordinal)));

        static string Links(string text) => string.Join(' ', Link().Matches(text).Select(match => match.Groups[1].Value));
    }

    /// <summary>Commands in running text and tables exist, with the options that stand there.</summary>
    [Theory]
    [InlineData("README.md")]
    [InlineData("README.zh-CN.md")]
    public async Task Each_verb_that_a_README_mentions_is_there(string document)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, document), TestContext.Current.CancellationToken);
        var mentioned = Mentioned().Matches(text).Select(match => match.Groups[1].Value).Distinct().ToList();
        Assert.True(mentioned.Count > 10);
        foreach (var command in mentioned.Where(command => !command.StartsWith("install", StringComparison.Ordinal)))
        {
            // Words in capitals stand for the reader's own, and help is asked for in the place of the rest.
            var verb = command.Split(' ').TakeWhile(word => PlainWord().IsMatch(word)).ToArray();
            var outcome = await new CliRun().RunAsync([.. verb, "--help"]);
            Assert.True(outcome.ExitCode == 0 && outcome.Error.Length == 0, $"{document}: ./run {command}\n{outcome.Error}");
            var options = command.Split(' ').Where(word => word.StartsWith("--", StringComparison.Ordinal)).Select(word => word.TrimEnd(',', '.', ';'));
            Assert.All(options, option => Assert.Contains(option, outcome.Out));
        }
    }

    [GeneratedRegex(@"`\./run ([a-z][^`]*)`")]
    private static partial Regex Mentioned();

    [GeneratedRegex(@"^- \*\*.*(\n  .*)*", RegexOptions.Multiline)]
    private static partial Regex Point();

    [GeneratedRegex(@"\]\(([^)]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^[a-z]+$")]
    private static partial Regex PlainWord();
}
