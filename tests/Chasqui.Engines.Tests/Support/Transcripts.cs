using System.Text.Json;

namespace Chasqui.Engines.Tests;

/// <summary>Recordings of a real Ollama beside the checkout; a test that needs them is skipped where they are absent.</summary>
internal static class Transcripts
{
    private static readonly string? _folder = Find();

    /// <summary>The recordings of paths that begin so; a single empty name where there are none.</summary>
    public static TheoryData<string> Of(params string[] paths)
    {
        var names = _folder is null ? [] : Directory.EnumerateFiles(_folder, "*.json")
            .Where(file => Path.GetFileName(file) != "behaviours.json")
            .Where(file => paths.Any(path => Read(file).GetProperty("request").GetProperty("path").GetString()!.StartsWith(path, StringComparison.Ordinal)))
            .Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal).ToList();
        return [.. names.Count > 0 ? names : [""]];
    }

    public static Recording Get(string name)
    {
        if (_folder is null)
            Assert.Skip("there is no shared/data/ollama-transcripts beside the checkout");
        var json = Read(Path.Combine(_folder, name + ".json"));
        var response = json.GetProperty("response");
        var body = response.TryGetProperty("ndjson", out var lines) ? string.Concat(lines.EnumerateArray().Select(l => l.GetString() + "\n"))
            : response.TryGetProperty("sse", out var events) ? string.Concat(events.EnumerateArray().Select(e => e.GetString() + "\n\n"))
            : response.TryGetProperty("body_text", out var text) ? text.GetString() ?? "" : "";
        var request = json.GetProperty("request");
        return new Recording(
            request.GetProperty("method").GetString()!, request.GetProperty("path").GetString()!, response.GetProperty("status").GetInt32(),
            response.GetProperty("headers").TryGetProperty("Content-Type", out var type) ? type.GetString()! : "application/json", body);
    }

    private static JsonElement Read(string file) => JsonElement.Parse(File.ReadAllBytes(file));

    private static string? Find()
    {
        var given = Environment.GetEnvironmentVariable("CHASQUI_SHARED_DATA");
        if (!string.IsNullOrEmpty(given))
            return Directory.Exists(Path.Combine(given, "ollama-transcripts")) ? Path.Combine(given, "ollama-transcripts") : null;
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var place = Path.Combine(folder, "shared", "data", "ollama-transcripts");
            if (Directory.Exists(place))
                return place;
        }
        return null;
    }

    internal sealed record Recording(string Method, string Path, int Status, string ContentType, string Body)
    {
        /// <summary>The JSON values of the body.</summary>
        public IReadOnlyList<JsonElement> Values => [.. Body.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.StartsWith("data: ", StringComparison.Ordinal) ? line[6..] : line)
            .Where(line => line.StartsWith('{')).Select(line => JsonElement.Parse(line))];
    }
}
