using System.Text.Json;

namespace Chasqui.Server.Tests;

/// <summary>Compares two JSON values in their keys and types.</summary>
internal static class JsonShape
{
    /// <summary>Values that do not depend on the model.</summary>
    private static readonly string[] _exact = ["model", "done", "role", "error", "object", "format", "family"];

    /// <summary>Maps whose keys come out of the model's file.</summary>
    private static readonly string[] _open = ["model_info"];

    /// <summary>What usage tells beside what Ollama does, on purpose.</summary>
    private static readonly string[] _details = ["prompt_tokens_details", "completion_tokens_details"];

    /// <summary>The first difference, with its place; null for none.</summary>
    public static string? Difference(JsonElement expected, JsonElement actual, string at = "$")
    {
        if (Kind(expected) != Kind(actual))
            return $"{at} is {actual.GetRawText()}, recorded is {expected.GetRawText()}";
        return expected.ValueKind switch
        {
            // Go reads a whole number into an integer; one with a fraction would not fit there.
            JsonValueKind.Number when IsWhole(expected) && !IsWhole(actual) && !at.StartsWith("$.model_info", StringComparison.Ordinal)
                => $"{at} is {actual.GetRawText()}, recorded is the whole number {expected.GetRawText()}",
            JsonValueKind.Object => Members(expected, actual, at),
            JsonValueKind.Array => Items(expected, actual, at),
            _ => null,
        };
    }

    private static string? Members(JsonElement expected, JsonElement actual, string at)
    {
        var open = _open.Any(name => at.EndsWith("." + name, StringComparison.Ordinal));
        if (!open)
        {
            var missing = Names(expected).Except(Names(actual)).ToList();
            var added = Names(actual).Except(Names(expected)).Except(at == "$.usage" ? _details : []).ToList();
            if (missing.Count + added.Count > 0)
                return $"{at} lacks [{string.Join(", ", missing)}] and has [{string.Join(", ", added)}] beside";
        }
        foreach (var member in expected.EnumerateObject())
        {
            if (!actual.TryGetProperty(member.Name, out var value))
                continue;
            var place = $"{at}.{member.Name}";
            if (Difference(member.Value, value, place) is { } difference)
                return difference;
            if (_exact.Contains(member.Name) && member.Value.GetRawText() != value.GetRawText() && !at.Contains("models[", StringComparison.Ordinal))
                return $"{place} is {value.GetRawText()}, recorded is {member.Value.GetRawText()}";
        }
        return null;
    }

    // Lists differ in length with the model; each of our items must be like one of the recorded.
    private static string? Items(JsonElement expected, JsonElement actual, string at)
    {
        var recorded = expected.EnumerateArray().ToList();
        if ((recorded.Count == 0) != (actual.GetArrayLength() == 0))
            return $"{at} has {actual.GetArrayLength()} items, recorded are {recorded.Count}";
        var index = 0;
        foreach (var item in actual.EnumerateArray())
        {
            var differences = recorded.Select(like => Difference(like, item, $"{at}[{index}]")).ToList();
            if (differences.All(difference => difference is not null))
                return differences[0];
            index++;
        }
        return null;
    }

    private static IEnumerable<string> Names(JsonElement value) => value.EnumerateObject().Select(member => member.Name);

    private static bool IsWhole(JsonElement number) => !number.GetRawText().AsSpan().ContainsAny('.', 'e', 'E');

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => "boolean",
        var kind => kind.ToString(),
    };
}
