using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Chasqui.Server.Tests;

/// <summary>Compares an answer with the recorded one: status, headers, framing, texts of errors, and the shapes of what depends on the model.</summary>
internal static class TranscriptComparer
{
    /// <summary>Their lines are the same to the letter, but for digests.</summary>
    private static readonly string[] _progress = ["/api/create", "/api/pull", "/api/push"];

    private static readonly string[] _headers =
        ["Content-Type", "Allow", "Location", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Access-Control-Max-Age", "Vary"];

    /// <summary>Says how the answer differs from what is expected.</summary>
    /// <param name="recorded">What was recorded.</param>
    /// <param name="answer">The answer.</param>
    /// <param name="different">How it differs on purpose; null where it does not.</param>
    /// <returns>Null where it is as expected.</returns>
    public static string? Compare(TranscriptCase recorded, TranscriptAnswer answer, DeliberateDifference? different)
    {
        var status = different?.Status ?? recorded.Status;
        if (answer.Status != status)
            return $"status {answer.Status}, expected {status}: {answer.Body}";
        if (different is { Error: { } error })
            return Error(answer.Body.TrimEnd('\n').Split('\n')[^1])?.StartsWith(error, StringComparison.Ordinal) == true ? null : $"error {answer.Body}, expected {error}";
        foreach (var name in _headers)
        {
            if (different is null && !IsSame(name, answer.Headers.GetValueOrDefault(name, ""), recorded.Header(name)))
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

    // Web pages may send all that they may send to Ollama, and more.
    private static bool IsSame(string name, string actual, string recorded) =>
        name == "Access-Control-Allow-Headers" && recorded.Length > 0 ? actual.StartsWith(recorded, StringComparison.Ordinal) : actual == recorded;

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
}
