using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Chasqui.Server.Tests;

/// <summary>Replays what was asked of a real Ollama, in the same order, and compares the answers.</summary>
public sealed class TranscriptTests
{
    private const string Folder = "ollama-transcripts";

    private static readonly string[] _outside = ["/v1/messages"];

    private static readonly DeliberateDifference[] _differences = [.. DeliberateDifferences.All, .. OpenAiDifferences.All];

    /// <summary>Their lines are the same to the letter, but for digests.</summary>
    private static readonly string[] _progress = ["/api/create", "/api/pull", "/api/push"];

    private static readonly string[] _headers =
        ["Content-Type", "Allow", "Location", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Access-Control-Max-Age", "Vary"];

    [Fact]
    public async Task The_answers_are_those_of_a_real_Ollama()
    {
        var folder = Repository.SharedData(Folder);
        Assert.SkipWhen(folder is null, $"shared/data/{Folder} is not there (set CHASQUI_SHARED_DATA)");
        var cases = TranscriptCase.ReadAll(folder!);
        var applicable = cases.Where(recorded => !_outside.Any(path => recorded.Path.StartsWith(path, StringComparison.Ordinal))).ToList();
        // Empty at the start, as the recorded one was: the recorded requests themselves make the models.
        await using var gateway = await RunningGateway.StartAsync(options => options);

        var problems = new List<string>();
        foreach (var recorded in applicable)
        {
            var answer = await SendAsync(gateway.Address, recorded);
            if (Compare(recorded, answer) is { } problem)
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

    private static string? Compare(TranscriptCase recorded, Answer answer)
    {
        var different = _differences.SingleOrDefault(difference => difference.Case == recorded.Name);
        var status = different?.Status ?? recorded.Status;
        if (answer.Status != status)
            return $"status {answer.Status}, expected {status}: {answer.Body}";
        if (different is { Error: { } error })
            return Error(answer.Body.TrimEnd('\n').Split('\n')[^1])?.StartsWith(error, StringComparison.Ordinal) == true ? null : $"error {answer.Body}, expected {error}";
        foreach (var name in _headers)
        {
            if (different is null && answer.Headers.GetValueOrDefault(name, "") != recorded.Header(name))
                return $"{name}: {answer.Headers.GetValueOrDefault(name, "")}, recorded is {recorded.Header(name)}";
        }
        if (recorded.Method == "HEAD" || different is { Only.Count: 0 })
            return null;
        if (different is { Only: { } places })
            return CompareElsewhere(recorded, answer.Body, places);
        if (recorded.Events is { } events)
            return CompareEvents(events, answer.Body);
        if (recorded.Lines is { } progress && _progress.Contains(recorded.Path))
            return CompareProgress(progress, answer.Body);
        return recorded.Lines is { } lines ? CompareLines(lines, answer.Body) : CompareBody(recorded, answer.Body);
    }

    private static string? CompareProgress(IReadOnlyList<string> recorded, string body)
    {
        var expected = string.Concat(recorded.Select(line => line + "\n"));
        return Masked(expected) == Masked(body) ? null : $"{body}, recorded is {expected}";

        static string Masked(string text) => Regex.Replace(text, "sha256:[0-9a-f]{64}", "DIGEST");
    }

    private static string? CompareLines(IReadOnlyList<string> recorded, string body)
    {
        if (!body.EndsWith('\n'))
            return "the last line has no end";
        var lines = body[..^1].Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var last = i == lines.Length - 1;
            var actual = Parse(lines[i]);
            var differences = (last ? recorded.TakeLast(1) : recorded.SkipLast(1)).Select(line => JsonShape.Difference(Parse(line), actual)).ToList();
            if (differences.All(difference => difference is not null))
                return $"line {i + 1} of {lines.Length}: {differences.FirstOrDefault() ?? "unexpected"}";
        }
        return lines.Length > 1 || recorded.Count == 1 ? null : "a stream of one line";
    }

    // Every one of the places must be met: where ours has become as recorded, the row in the document is wrong.
    private static string? CompareElsewhere(TranscriptCase recorded, string body, IReadOnlyList<string> places)
    {
        var expected = JsonNode.Parse(recorded.Body)!.AsObject();
        var actual = JsonNode.Parse(body)!.AsObject();
        foreach (var place in places)
        {
            if (JsonNode.DeepEquals(expected[place], actual[place]))
                return $"{place} is as recorded";
            expected.Remove(place);
            actual.Remove(place);
        }
        return JsonShape.Difference(Parse(expected.ToJsonString()), Parse(actual.ToJsonString()));
    }

    // The first and the last three have their places; between them, each must be like one of the recorded.
    private static string? CompareEvents(IReadOnlyList<string> recorded, string body)
    {
        if (!body.EndsWith("\n\n", StringComparison.Ordinal))
            return "the last event has no end";
        var events = body[..^2].Split("\n\n");
        if (events.Length < Math.Min(recorded.Count, 3))
            return $"{events.Length} events, recorded are {recorded.Count}";
        for (var i = 0; i < events.Length; i++)
        {
            var like = i == 0 ? recorded.Take(1)
                : i >= events.Length - 3 ? recorded.Skip(recorded.Count - (events.Length - i)).Take(1)
                : recorded.Skip(1).SkipLast(3);
            var differences = like.Select(block => EventDifference(block, events[i])).ToList();
            if (differences.All(difference => difference is not null))
                return $"event {i + 1} of {events.Length}: {differences.FirstOrDefault() ?? "unexpected"}";
        }
        return null;
    }

    private static string? EventDifference(string recorded, string actual)
    {
        var (recordedHead, recordedData) = Split(recorded);
        var (head, data) = Split(actual);
        if (head != recordedHead)
            return $"{head}, recorded is {recordedHead}";
        return recordedData == "[DONE]" || data == "[DONE]"
            ? recordedData == data ? null : $"{data}, recorded is {recordedData}"
            : JsonShape.Difference(Parse(recordedData), Parse(data));

        static (string Head, string Data) Split(string block) => (block[..(block.IndexOf("data: ", StringComparison.Ordinal) + 6)], block[(block.IndexOf("data: ", StringComparison.Ordinal) + 6)..]);
    }

    private static string? CompareBody(TranscriptCase recorded, string body)
    {
        if (!recorded.Header("Content-Type").StartsWith("application/json", StringComparison.Ordinal))
            return body == recorded.Body ? null : $"{body}, recorded is {recorded.Body}";
        if (recorded.Path is "/api/version" or "/api/status" && recorded.Status == 200)
            return JsonShape.Difference(Parse(recorded.Body), Parse(body));
        if (recorded.Name.StartsWith("ps-", StringComparison.Ordinal) && Models(body) != Models(recorded.Body))
            return $"{Models(body)} models, recorded are {Models(recorded.Body)}";
        if (!recorded.NeedsSameWeights && Parse(recorded.Body).TryGetProperty("done_reason", out var reason)
            && Parse(body).TryGetProperty("done_reason", out var ours) && reason.GetString() != ours.GetString())
            return $"done_reason {ours}, recorded is {reason}";
        return JsonShape.Difference(Parse(recorded.Body), Parse(body));
    }

    private static int Models(string body) => Parse(body).GetProperty("models").GetArrayLength();

    private static string? Error(string body) => Parse(body).TryGetProperty("error", out var error)
        ? error.ValueKind == JsonValueKind.Object ? error.GetProperty("message").GetString() : error.GetString()
        : null;

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;

    private static async Task<Answer> SendAsync(Uri address, TranscriptCase recorded)
    {
        using var raw = await RawHttp.ConnectAsync(address);
        var head = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{recorded.Method} {recorded.Path} HTTP/1.1\r\nConnection: close\r\n");
        foreach (var (name, value) in recorded.RequestHeaders)
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        var body = recorded.RequestBody();
        var chunked = recorded.RequestHeaders.Any(header => header.Key == "Transfer-Encoding");
        if (body is not null && !chunked)
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n");
        await raw.SendAsync(head.Append("\r\n").ToString());
        if (body is not null && chunked)
            body = [.. Encoding.ASCII.GetBytes($"{body.Length:x}\r\n"), .. body, .. "\r\n0\r\n\r\n"u8];
        if (body is not null)
            await raw.SendAsync(body);

        var (status, headers) = await raw.ReadHeadAsync();
        var text = new StringBuilder();
        if (recorded.Method == "HEAD")
            return new Answer(status, headers, "");
        if (headers.TryGetValue("Content-Length", out var length))
            text.Append(await raw.ReadAsync(int.Parse(length, CultureInfo.InvariantCulture)));
        else if (headers.ContainsKey("Transfer-Encoding"))
        {
            while (await raw.ReadChunkAsync() is { Length: > 0 } chunk)
                text.Append(chunk);
        }
        return new Answer(status, headers, text.ToString());
    }

    private sealed record Answer(int Status, Dictionary<string, string> Headers, string Body);
}
