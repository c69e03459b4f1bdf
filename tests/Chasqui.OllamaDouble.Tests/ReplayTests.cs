using System.Text;
using System.Text.Json.Nodes;

namespace Chasqui.OllamaDouble.Tests;

/// <summary>Replays what was asked of a real Ollama, in the same order, and compares statuses, content types, error texts and shapes.</summary>
public sealed class ReplayTests
{
    private const string Folder = "ollama-transcripts";
    private const string NoFile = "the GGUF files are not part of the recordings";
    private const string Render = "the double renders no templates";
    private const string Schema = "the text is llama-server's grammar compiler's";
    private const string Http = "CORS and redirects of gin, for which no gateway asks a node";
    private const string Show = "the double keeps no MESSAGE of a model";

    /// <summary>What the double does not claim, and why.</summary>
    private static readonly Dictionary<string, string> _notClaimed = new(StringComparer.Ordinal)
    {
        ["blob-post-new"] = NoFile,
        ["blob-post-f16"] = NoFile,
        ["blob-post-embed"] = NoFile,
        ["chat-role-uppercase"] = Render,
        ["chat-system-model"] = Render,
        ["chat-system-model-override"] = Render,
        ["generate-format-bad-schema"] = Schema,
        ["http-trailing-slash-post"] = Http,
        ["http-double-slash"] = Http,
        ["http-options-cors"] = Http,
        ["http-cors-get-denied"] = Http,
        ["show-sys"] = Show,
    };

    private static readonly DoubleScript _store = new()
    {
        Models = [],
        Blobs =
        [
            new("sha256:fd53328b159250f8e63e0a877f91f272892a87ea3d7dcd3ba677b79bca91fced"),
            new("sha256:99f14f9b4aafaaec882ca29a51b1d9506ffe62c5a6a1a474757066cd22fccb54", Quantization: "F16"),
            new("sha256:e91d147b2b6454a7578694aeff7df86b743497e1956d98c9c553579667730472", ["embedding"], "F16"),
        ],
    };

    [Fact]
    public async Task The_answers_have_the_shapes_of_a_real_Ollama()
    {
        var folder = Repository.SharedData(Folder);
        Assert.SkipWhen(folder is null, $"shared/data/{Folder} is not there (set CHASQUI_SHARED_DATA)");
        var cases = TranscriptCase.ReadAll(folder!);
        await using var node = await Node.StartAsync(_store);
        var problems = new List<string>();
        foreach (var recorded in cases.Where(recorded => !_notClaimed.ContainsKey(recorded.Name)))
        {
            if (await CompareAsync(node, recorded, folder!) is { } problem)
                problems.Add($"{recorded.Seq} {recorded.Name}: {problem}");
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{cases.Count - _notClaimed.Count} cases replayed; not claimed:\n{string.Join('\n', _notClaimed.Select(pair => $"{pair.Key}: {pair.Value}"))}");
        Assert.True(problems.Count == 0, string.Join('\n', problems));
        Assert.All(_notClaimed.Keys, name => Assert.Contains(cases, recorded => recorded.Name == name));
    }

    private static async Task<string?> CompareAsync(Node node, TranscriptCase recorded, string folder)
    {
        using var request = new HttpRequestMessage(new HttpMethod(recorded.Method), new Uri(node.Double.Address, recorded.Path));
        if (Body(recorded) is { } sent)
            request.Content = new ByteArrayContent(sent) { Headers = { ContentType = new("application/json") } };
        using var answer = await node.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        if ((int)answer.StatusCode != recorded.Status)
            return $"status {(int)answer.StatusCode}, recorded is {recorded.Status}: {body}";
        var type = answer.Content.Headers.ContentType?.MediaType ?? "";
        if (type != recorded.Header("Content-Type").Split(';')[0])
            return $"Content-Type {type}, recorded is {recorded.Header("Content-Type")}";
        if (recorded.Method == "HEAD" || recorded.Body.Length == 0 && recorded.Lines is null && !recorded.Header("Content-Type").StartsWith("text/event-stream", StringComparison.Ordinal))
            return null;
        if (recorded.Lines is { } lines)
            return CompareAll(lines, body.TrimEnd('\n').Split('\n'));
        if (type == "text/event-stream")
            return CompareAll(Events(folder, recorded.Name), body.TrimEnd('\n').Split("\n\n"));
        return type == "application/json" ? CompareJson(recorded.Body, body) : body == recorded.Body ? null : $"{body}, recorded is {recorded.Body}";
    }

    // Each of ours must be like one of the recorded; the last like the last.
    private static string? CompareAll(IReadOnlyList<string> recorded, string[] ours)
    {
        for (var i = 0; i < ours.Length; i++)
        {
            var like = i == ours.Length - 1 ? recorded.TakeLast(1) : recorded;
            var differences = like.Select(line => CompareJson(line, ours[i])).ToList();
            if (differences.All(difference => difference is not null))
                return $"piece {i + 1} of {ours.Length}: {differences[0]}: {ours[i]}";
        }
        return ours.Length > 1 || recorded.Count == 1 ? null : "a stream of one piece";
    }

    private static string? CompareJson(string recorded, string ours)
    {
        var (recordedName, recordedData) = Data(recorded);
        var (name, data) = Data(ours);
        if (name != recordedName || data == "[DONE]" != (recordedData == "[DONE]"))
            return $"{name}, recorded is {recordedName}";
        if (data == "[DONE]")
            return null;
        // The text ends in a path of the recording's machine.
        return recordedData.Contains("$OLLAMA_MODELS/manifests", StringComparison.Ordinal)
            ? null : JsonShape.Difference(Node.Json(recordedData), Node.Json(data));
    }

    private static (string Name, string Data) Data(string piece)
    {
        var at = piece.IndexOf("data: ", StringComparison.Ordinal);
        return at is 0 || piece.StartsWith("event: ", StringComparison.Ordinal) ? (piece[..at], piece[(at + 6)..]) : ("", piece);
    }

    private static List<string> Events(string folder, string name) =>
        [.. JsonNode.Parse(File.ReadAllText(Path.Combine(folder, name + ".json")))!["response"]!["sse"]!.AsArray().Select(block => (string)block!)];

    private static byte[]? Body(TranscriptCase recorded)
    {
        // A blob that is there is not read.
        return recorded.Name.StartsWith("blob-post-existing", StringComparison.Ordinal) ? Encoding.UTF8.GetBytes("x") : recorded.RequestBody();
    }
}
