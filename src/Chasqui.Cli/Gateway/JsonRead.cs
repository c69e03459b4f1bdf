using System.Globalization;
using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>Lenient reading of an answer: what is missing or of another type reads as nothing, so that an older or a newer server works.</summary>
internal static class JsonRead
{
    extension(JsonElement json)
    {
        public JsonElement? Find(string name) =>
            json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

        public string Text(string name) => json.Find(name) is { ValueKind: JsonValueKind.String } text ? text.GetString() ?? "" : "";

        public long Number(string name) =>
            json.Find(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var value) ? value : 0;

        public int Count(string name) => (int)Math.Clamp(json.Number(name), 0, int.MaxValue);

        /// <summary>A duration in nanoseconds.</summary>
        public TimeSpan Nanoseconds(string name) => TimeSpan.FromTicks(json.Number(name) / TimeSpan.NanosecondsPerTick);

        /// <summary>A time as RFC 3339 writes it.</summary>
        public DateTimeOffset Time(string name) =>
            DateTimeOffset.TryParse(json.Text(name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : default;

        public bool Flag(string name) => json.Find(name) is { ValueKind: JsonValueKind.True };

        public IEnumerable<JsonElement> Items(string name) =>
            json.Find(name) is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray() : [];

        public string[] Texts(string name) =>
            [.. json.Items(name).Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString() ?? "")];
    }
}
