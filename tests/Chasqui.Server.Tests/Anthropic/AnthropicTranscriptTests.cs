using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Server.Tests;

/// <summary>Replays what was asked of a real Ollama by way of Anthropic's API, and compares the answers.</summary>
public sealed class AnthropicTranscriptTests
{
    private const string Folder = "ollama-transcripts";
    private const string Heading = "## Where we differ from Ollama on purpose";

    private static readonly string[] _headers = ["Content-Type", "Cache-Control"];

    /// <summary>Members that our answers have beside the recorded ones: the row that says why, the member, and its value; null for any.</summary>
    private static readonly (string Row, string Member, string? Value)[] _added =
    [
        ("`stop_reason` and `stop_sequence` where there is none", "stop_reason", "null"),
        ("`stop_reason` and `stop_sequence` where there is none", "stop_sequence", "null"),
        ("`signature` of thinking", "signature", null),
    ];

    /// <summary>Rows of the table that other tests hold.</summary>
    private static readonly string[] _unrecorded =
    [
        "Fields, blocks and tools that it does not know", "`tool_choice`", "The result of a call that there was not", "`output_config.format`", "A tool's name in its result",
        "`count_tokens`", "An engine that fails midway", "A silent engine", "A request body above 64 MiB", "`request-id`", "`caller` of a call", "Tools for a model that knows none",
    ];

    [Theory]
    [InlineData(EngineProcess.Worker)]
    [InlineData(EngineProcess.Gateway)]
    public async Task The_answers_are_those_of_a_real_Ollama(EngineProcess process)
    {
        var folder = Repository.SharedData(Folder);
        Assert.SkipWhen(folder is null, $"shared/data/{Folder} is not there (set CHASQUI_SHARED_DATA)");
        var cases = TranscriptCase.ReadAll(folder!).Where(recorded => recorded.Path.StartsWith("/v1/messages", StringComparison.Ordinal)).ToList();
        using var store = new OllamaStoreFolder();
        await using var gateway = await RunningGateway.StartAsync(process, options => options with
        {
            Models = new ModelOptions { OllamaStore = store.Folder },
        });

        var problems = new List<string>();
        var used = new HashSet<string>();
        foreach (var recorded in cases)
        {
            if (await CompareAsync(gateway.Address, recorded, used) is { } problem)
                problems.Add($"{recorded.Seq} {recorded.Name}: {problem}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{cases.Count} cases replayed, {cases.Count - problems.Count} as expected, with {used.Count} members added on purpose"));
        Assert.True(problems.Count == 0, string.Join('\n', problems));
        Assert.NotEmpty(cases);
        Assert.Equal(_added.Select(added => added.Member).Order(), used.Order());
    }

    [Fact]
    public void The_table_of_differences_in_the_documents_is_the_one_that_is_tested()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "anthropic-api.md"));
        var table = document[document.IndexOf(Heading, StringComparison.Ordinal)..];
        var rows = table.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(2)
            .Select(line => line.Split(" | ")[0][2..].Trim()).ToList();

        Assert.Equal(_added.Select(added => added.Row).Distinct().Concat(_unrecorded).Order(StringComparer.Ordinal), rows.Order(StringComparer.Ordinal));
    }

    private static async Task<string?> CompareAsync(Uri address, TranscriptCase recorded, HashSet<string> used)
    {
        using var raw = await RawHttp.ConnectAsync(address);
        await raw.PostAsync(recorded.Path, recorded.RequestBody()!);
        var (status, headers) = await raw.ReadHeadAsync();
        if (status != recorded.Status)
            return $"status {status}, recorded is {recorded.Status}";
        foreach (var name in _headers)
        {
            // That an error before the first event may be kept is of no use to anybody.
            if (headers.GetValueOrDefault(name, "") != recorded.Header(name) && !(name == "Cache-Control" && status != 200))
                return $"{name}: {headers.GetValueOrDefault(name, "")}, recorded is {recorded.Header(name)}";
        }
        return recorded.Events is { } events
            ? CompareEvents(events, await ReadEventsAsync(raw), used)
            : Compare(recorded.Body, await raw.ReadAsync(int.Parse(headers["Content-Length"], CultureInfo.InvariantCulture)), used);
    }

    /// <summary>One event a chunk, as recorded.</summary>
    private static async Task<List<string>> ReadEventsAsync(RawHttp raw)
    {
        var events = new List<string>();
        while (await raw.ReadChunkAsync() is { Length: > 0 } chunk)
            events.Add(chunk);
        return events;
    }

    private static string? CompareEvents(IReadOnlyList<string> recorded, List<string> chunks, HashSet<string> used)
    {
        if (chunks.FirstOrDefault(chunk => !chunk.EndsWith("\n\n", StringComparison.Ordinal) || chunk.Trim().Contains("\n\n", StringComparison.Ordinal)) is { } odd)
            return $"a chunk that is not one event: {odd}";
        var (theirs, ours) = (recorded.Select(Event).ToList(), chunks.Select(chunk => Event(chunk.TrimEnd('\n'))).ToList());
        if (!Sequence(theirs).SequenceEqual(Sequence(ours)))
            return $"events {string.Join(", ", Sequence(ours))}, recorded are {string.Join(", ", Sequence(theirs))}";
        foreach (var (name, data) in ours)
        {
            // The signature comes as an event of its own.
            if (data.Contains("\"signature_delta\"", StringComparison.Ordinal))
                continue;
            var differences = theirs.Where(like => like.Name == name).Select(like => Compare(like.Data, data, used)).ToList();
            if (differences.All(difference => difference is not null))
                return $"{name}: {differences[0]}";
        }
        return null;
    }

    /// <summary>The names of events, those that repeat once.</summary>
    private static IEnumerable<string> Sequence(List<(string Name, string Data)> events) =>
        events.Select(one => one.Name).Where((name, i) => i == 0 || name != events[i - 1].Name);

    private static (string Name, string Data) Event(string block)
    {
        var lines = block.Split('\n');
        Assert.Equal(2, lines.Length);
        return (lines[0]["event: ".Length..], lines[1]["data: ".Length..]);
    }

    private static string? Compare(string recorded, string ours, HashSet<string> used)
    {
        var theirs = JsonNode.Parse(recorded)!;
        var without = JsonNode.Parse(ours)!;
        Strip(without, theirs, used);
        // Where an answer ends is a matter of the weights.
        if (theirs["stop_reason"] is not null && (string?)without["stop_reason"] is not ("end_turn" or "max_tokens"))
            return $"stop_reason {without["stop_reason"]}";
        return JsonShape.Difference(Element(theirs), Element(without));
    }

    /// <summary>Takes out of our answer what is added on purpose.</summary>
    private static void Strip(JsonNode? ours, JsonNode? theirs, HashSet<string> used)
    {
        if (ours is JsonArray items)
        {
            foreach (var item in items)
                Strip(item, (theirs as JsonArray)?.FirstOrDefault(), used);
        }
        if (ours is not JsonObject members)
            return;
        foreach (var (_, name, value) in _added)
        {
            if (!members.TryGetPropertyValue(name, out var node) || (theirs as JsonObject)?.ContainsKey(name) != false || (value is not null && (node?.ToJsonString() ?? "null") != value))
                continue;
            members.Remove(name);
            used.Add(name);
        }
        foreach (var (name, node) in members)
            Strip(node, (theirs as JsonObject)?[name], used);
    }

    private static JsonElement Element(JsonNode node) => JsonSerializer.SerializeToElement(node);
}
