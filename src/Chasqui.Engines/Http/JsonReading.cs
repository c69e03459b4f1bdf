using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Engines.Http;

/// <summary>Fields of a node's JSON. What is missing or null is the default; what has another type throws <see cref="InvalidOperationException"/> or <see cref="FormatException"/>, which
/// <see cref="HttpReply"/> turns into an error of the node.</summary>
internal static class JsonReading
{
    /// <summary>The field, unless it is missing or null.</summary>
    public static JsonElement? Get(this JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public static string Text(this JsonElement json, string name) => json.Get(name)?.GetString() ?? "";

    public static bool Flag(this JsonElement json, string name) => json.Get(name)?.GetBoolean() ?? false;

    public static long Whole(this JsonElement json, string name) => json.Get(name) is { } value ? (long)value.GetDouble() : 0;

    /// <summary>A count; what is too large for one is the largest there is.</summary>
    public static int Count(this JsonElement json, string name) => (int)Math.Clamp(json.Whole(name), 0, int.MaxValue);

    /// <summary>Nanoseconds, Go's form of a duration.</summary>
    public static TimeSpan Nanoseconds(this JsonElement json, string name) => TimeSpan.FromTicks((json.Get(name)?.GetInt64() ?? 0) / 100);

    /// <summary>Milliseconds with a fraction, llama.cpp's form.</summary>
    public static TimeSpan Milliseconds(this JsonElement json, string name) =>
        json.Get(name) is { } value ? TimeSpan.FromMilliseconds(Math.Clamp(value.GetDouble(), 0, 1e12)) : TimeSpan.Zero;

    /// <summary>A time in RFC 3339's form; the beginning of time where there is none that can be read.</summary>
    public static DateTimeOffset Time(this JsonElement json, string name) =>
        json.Get(name) is { ValueKind: JsonValueKind.String } value && value.TryGetDateTimeOffset(out var time) ? time : default;

    /// <summary>The items of an array; none where there is no array.</summary>
    public static IEnumerable<JsonElement> Items(this JsonElement json, string name) => json.Get(name)?.EnumerateArray() ?? Enumerable.Empty<JsonElement>();

    public static IReadOnlyList<string> Texts(this JsonElement json, string name) => [.. json.Items(name).Select(item => item.GetString() ?? "")];

    /// <summary>A node of its own, filled in at once: nodes over an element fill themselves in when first read, which is not thread-safe.</summary>
    public static JsonNode? ToNode(this JsonElement json) => JsonNode.Parse(json.GetRawText());
}
