using System.Text.RegularExpressions;

namespace Chasqui.Server.Tests.Documents;

/// <summary>docs/security.md says what is so: its limits are those of the configuration, and the tests that it names are there.</summary>
public sealed partial class SecurityDocumentTests
{
    private static readonly string[] _text = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "security.md"));

    [Fact]
    public void Its_limits_have_the_defaults_of_the_configuration()
    {
        var defaults = Rows(File.ReadAllLines(Path.Combine(Repository.Root, "docs", "configuration.md"))).Select(row => (row[0], row[1])).ToHashSet();
        var limits = Rows(_text).Where(row => row.Length == 3 && Key().IsMatch(row[0])).Select(row => (row[0], row[1])).ToList();

        Assert.True(limits.Count > 20);
        Assert.All(limits, limit => Assert.Contains(limit, defaults));
    }

    [Fact]
    public void The_tests_that_it_names_are_there()
    {
        var files = Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories).Select(file => Path.GetFileNameWithoutExtension(file)!).ToHashSet();
        var named = Rows(_text).Where(row => row.Length == 2).SelectMany(row => Test().Matches(row[1])).Select(match => match.Groups[1].Value).Distinct().ToList();

        Assert.True(named.Count > 20);
        Assert.All(named, name => Assert.Contains(name, files));
    }

    private static IEnumerable<string[]> Rows(string[] lines) =>
        lines.Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Select(line => line.Trim('|', ' ').Split(" | ").Select(cell => cell.Trim()).ToArray());

    [GeneratedRegex("^`[A-Z][A-Za-z]+:[A-Za-z:]+`$")]
    private static partial Regex Key();

    [GeneratedRegex("`([A-Z][A-Za-z0-9]*Tests)`")]
    private static partial Regex Test();
}
