namespace Chasqui.Server.Tests;

/// <summary>The table of docs/apis.md is held against the routes.</summary>
public sealed class ApiTableTests
{
    private const string Passes = "passes";

    // The columns behind the path, and the languages that such a node takes as they are.
    private static readonly (string Node, Dialects Takes)[] _columns =
    [
        ("Ollama", Dialects.Ollama | Dialects.OpenAi | Dialects.OpenAiResponses | Dialects.Anthropic),
        ("OpenAI-compatible", Dialects.OpenAi | Dialects.OpenAiResponses | Dialects.Anthropic | Dialects.AnthropicCountTokens),
        ("Chasqui over HTTP", All),
        ("Chasqui over MCP", All),
        ("embedded", Dialects.None),
    ];

    private const Dialects All = Dialects.Ollama | Dialects.OpenAi | Dialects.OpenAiResponses | Dialects.Anthropic | Dialects.AnthropicCountTokens;

    [Fact]
    public void Each_route_is_a_row_and_each_row_a_route() =>
        Assert.Equal(ApiRoutes.All.Select(route => route.Path).Order(StringComparer.Ordinal), Rows().Select(row => row[0].Trim('`')).Order(StringComparer.Ordinal));

    [Fact]
    public void The_columns_are_the_kinds_of_nodes() =>
        Assert.Equal(["path", .. _columns.Select(column => column.Node)], Cells(Lines().First(line => line.StartsWith("| path |", StringComparison.Ordinal))));

    [Fact]
    public void What_is_said_to_pass_through_is_what_does()
    {
        foreach (var row in Rows())
        {
            var route = ApiRoutes.All.Single(route => $"`{route.Path}`" == row[0]);
            for (var i = 0; i < _columns.Length; i++)
            {
                var does = (route.Dialect & _columns[i].Takes) != 0;
                Assert.True(row[i + 1].StartsWith(Passes, StringComparison.Ordinal) == does, $"{route.Path}, {_columns[i].Node}: \"{row[i + 1]}\", but it {(does ? "passes" : "does not pass")}");
            }
        }
    }

    private static List<string[]> Rows() => [.. Lines().Where(line => line.StartsWith("| `/", StringComparison.Ordinal)).Select(Cells)];

    private static string[] Cells(string line) => line.Trim('|', ' ').Split(" | ", StringSplitOptions.TrimEntries);

    private static string[] Lines() => File.ReadAllLines(Path.Combine(Repository.Root, "docs", "apis.md"));
}
