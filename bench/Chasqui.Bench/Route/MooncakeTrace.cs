using System.Text.Json;

namespace Chasqui.Bench.Route;

/// <summary>
/// Reads a trace as Mooncake's authors published it (github.com/kvcache-ai/Mooncake, FAST'25): one request a line, with the time in milliseconds, the lengths in tokens, and
/// a number for each block of 512 tokens that stands for all text up to its end.
/// </summary>
internal static class MooncakeTrace
{
    private const string Trace = "mooncake/conversation-first-half.jsonl";

    /// <summary>Where the trace is: in the folder that CHASQUI_SHARED_DATA names, or else in <c>../shared/data</c> beside the checkout.</summary>
    /// <returns>Null where there is none.</returns>
    public static string? Find()
    {
        if (Environment.GetEnvironmentVariable("CHASQUI_SHARED_DATA") is { Length: > 0 } named)
            return Existing(Path.Combine(named, Trace));
        string[] starts = [Environment.CurrentDirectory, AppContext.BaseDirectory];
        return starts.SelectMany(Above).Select(folder => Existing(Path.Combine(folder, "shared", "data", Trace))).FirstOrDefault(found => found is not null);
    }

    public static IReadOnlyList<RouteRequest> Read(string path)
    {
        var requests = new List<RouteRequest>();
        foreach (var line in File.ReadLines(path))
        {
            using var json = JsonDocument.Parse(line);
            var request = json.RootElement;
            requests.Add(new RouteRequest(
                TimeSpan.FromMilliseconds(request.GetProperty("timestamp").GetInt64()),
                request.GetProperty("input_length").GetInt32(),
                request.GetProperty("output_length").GetInt32(),
                [.. request.GetProperty("hash_ids").EnumerateArray().Select(id => id.GetUInt64())]));
        }
        return requests;
    }

    private static string? Existing(string path) => File.Exists(path) ? path : null;

    private static IEnumerable<string> Above(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            yield return folder.FullName;
    }
}
