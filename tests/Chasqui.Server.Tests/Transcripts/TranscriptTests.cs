using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Chasqui.Server.Tests;

/// <summary>Replays what was asked of a real Ollama, in the same order, and compares the answers.</summary>
public sealed class TranscriptTests
{
    private const string Folder = "ollama-transcripts";

    private static readonly string[] _outside = ["/api/create", "/api/copy", "/api/delete", "/api/pull", "/api/push", "/api/blobs/", "/v1/"];

    private static readonly string[] _headers =
        ["Content-Type", "Allow", "Location", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Access-Control-Max-Age", "Vary"];

    [Fact]
    public async Task The_answers_are_those_of_a_real_Ollama()
    {
        var folder = Repository.SharedData(Folder);
        Assert.SkipWhen(folder is null, $"shared/data/{Folder} is not there (set CHASQUI_SHARED_DATA)");
        var cases = TranscriptCase.ReadAll(folder!);
        var applicable = cases.Where(recorded => !_outside.Any(path => recorded.Path.StartsWith(path, StringComparison.Ordinal))).ToList();
        using var store = new OllamaStoreFolder();
        await using var gateway = await RunningGateway.StartAsync(options => options with
        {
            Models = new ModelOptions { OllamaStore = store.Folder },
        });

        var problems = new List<string>();
        foreach (var recorded in applicable)
        {
            var answer = await SendAsync(gateway.Address, recorded);
            if (Compare(recorded, answer) is { } problem)
                problems.Add($"{recorded.Seq} {recorded.Name}: {problem}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{applicable.Count} cases replayed, {applicable.Count - problems.Count} as expected, {DeliberateDifferences.All.Count} differ on purpose; {cases.Count - applicable.Count} of other APIs left out"));
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    [Fact]
    public void The_table_of_differences_in_the_documents_is_the_one_that_is_tested()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "ollama-api.md"));
        var table = document[document.IndexOf("## Where we differ on purpose", StringComparison.Ordinal)..];
        var rows = table.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(2)
            .Select(line => line.Split(" | ")[0][2..].Trim()).ToList();

        Assert.All(DeliberateDifferences.All, difference => Assert.Contains(difference.Row, rows));
        Assert.Equal(rows.Order(StringComparer.Ordinal), DeliberateDifferences.All.Select(difference => difference.Row)
            .Concat(DeliberateDifferences.Unrecorded).Distinct().Order(StringComparer.Ordinal));
    }

    private static string? Compare(TranscriptCase recorded, Answer answer)
    {
        var different = DeliberateDifferences.All.SingleOrDefault(difference => difference.Case == recorded.Name);
        var status = different?.Status ?? recorded.Status;
        if (answer.Status != status)
            return $"status {answer.Status}, expected {status}: {answer.Body}";
        if (different is { Error: { } error })
            return Error(answer.Body)?.StartsWith(error, StringComparison.Ordinal) == true ? null : $"error {answer.Body}, expected {error}";
        foreach (var name in _headers)
        {
            if (different is null && answer.Headers.GetValueOrDefault(name, "") != recorded.Header(name))
                return $"{name}: {answer.Headers.GetValueOrDefault(name, "")}, recorded is {recorded.Header(name)}";
        }
        if (recorded.Method == "HEAD" || different is not null)
            return null;
        return recorded.Lines is { } lines ? CompareLines(lines, answer.Body) : CompareBody(recorded, answer.Body);
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

    private static string? Error(string body) => Parse(body).TryGetProperty("error", out var error) ? error.GetString() : null;

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
