using System.Text.Json;

namespace Chasqui.Server;

/// <summary>The <c>keep_alive</c> field: a number of seconds or a duration such as <c>"10m"</c>; negative means for ever.</summary>
internal static class KeepAlive
{
    public static TimeSpan? Read(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.Number:
                return Bound(GoDuration.FromSeconds(value.GetDouble()));
            case JsonValueKind.String:
                var text = value.GetString()!;
                return GoDuration.TryParse(text, out var duration)
                    ? Bound(duration)
                    : throw new InvalidRequestException(
                        $"invalid \"keep_alive\" \"{Field.Clip(text)}\": give a number of seconds, or a duration with its unit such as \"5m\" or \"1h30m\"");
            default:
                throw Field.WrongType("keep_alive", "a number of seconds or a duration such as \"5m\"", value);
        }
    }

    // Ollama's longest duration is 292 years; from there on it is for ever too.
    private static TimeSpan Bound(TimeSpan duration) =>
        duration < TimeSpan.Zero || duration.TotalDays > 106_000 ? Timeout.InfiniteTimeSpan : duration;
}
