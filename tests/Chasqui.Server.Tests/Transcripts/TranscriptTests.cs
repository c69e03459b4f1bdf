using System.Globalization;

namespace Chasqui.Server.Tests;

/// <summary>Replays what was asked of a real Ollama, in the same order, and compares the answers.</summary>
public sealed class TranscriptTests
{
    private const string Folder = "ollama-transcripts";

    private static readonly string[] _outside = ["/v1/messages"];

    private static readonly DeliberateDifference[] _differences = [.. DeliberateDifferences.All, .. OpenAiDifferences.All];

    [Theory]
    [InlineData(EngineProcess.Worker)]
    [InlineData(EngineProcess.Gateway)]
    public async Task The_answers_are_those_of_a_real_Ollama(EngineProcess process)
    {
        var folder = Repository.SharedData(Folder);
        Assert.SkipWhen(folder is null, $"shared/data/{Folder} is not there (set CHASQUI_SHARED_DATA)");
        var cases = TranscriptCase.ReadAll(folder!);
        var applicable = cases.Where(recorded => !_outside.Any(path => recorded.Path.StartsWith(path, StringComparison.Ordinal))).ToList();
        // Empty at the start, as the recorded one was: the recorded requests themselves make the models.
        await using var gateway = await RunningGateway.StartAsync(process, options => options);

        var problems = new List<string>();
        foreach (var recorded in applicable)
        {
            var answer = await TranscriptSender.SendAsync(gateway.Address, recorded);
            if (TranscriptComparer.Compare(recorded, answer, _differences.SingleOrDefault(difference => difference.Case == recorded.Name)) is { } problem)
                problems.Add($"{recorded.Seq} {recorded.Name}: {problem}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{applicable.Count} cases replayed, {applicable.Count - problems.Count} as expected, {_differences.Length} differ on purpose; {cases.Count - applicable.Count} of other APIs left out"));
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    [Fact]
    public void The_table_of_differences_in_the_documents_is_the_one_that_is_tested()
    {
        CompareTable("ollama-api.md", DeliberateDifferences.All, DeliberateDifferences.Unrecorded);
        CompareTable("openai-api.md", OpenAiDifferences.All, OpenAiDifferences.Unrecorded);
    }

    private static void CompareTable(string file, IReadOnlyList<DeliberateDifference> differences, IReadOnlyList<string> unrecorded)
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", file));
        var table = document[document.IndexOf("## Where we differ on purpose", StringComparison.Ordinal)..];
        var rows = table.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(2)
            .Select(line => line.Split(" | ")[0][2..].Trim()).ToList();

        Assert.All(differences, difference => Assert.Contains(difference.Row, rows));
        Assert.Equal(rows.Order(StringComparer.Ordinal), differences.Select(difference => difference.Row)
            .Concat(unrecorded).Distinct().Order(StringComparer.Ordinal));
    }
}
