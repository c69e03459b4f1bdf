using System.Text.Json;

namespace Chasqui.Engines.Tools;

/// <summary>
/// Results of tools, for prompts that show no ids of calls. A model takes the first result for that of the first call, so results that name
/// their calls by id are put into the order of the calls.
/// </summary>
internal static class ToolResults
{
    /// <summary>
    /// The turns with each result of a call's id in the place where the order of the calls has it, and with the name of its tool. A result
    /// without an id, or with one that no call before it has,
    /// keeps its place.
    /// </summary>
    public static IReadOnlyList<ChatMessage> InOrderOfCalls(IReadOnlyList<ChatMessage> messages)
    {
        if (!messages.Any(HasId))
            return messages;
        var turns = messages.ToArray();
        var calls = new Dictionary<string, Call>(StringComparer.Ordinal);
        var count = 0;
        for (var i = 0; i < turns.Length; i++)
        {
            count = Learn(turns[i], calls, count);
            if (!IsResult(turns[i]))
                continue;
            var places = new List<int>();
            for (var first = i; i < turns.Length && IsResult(turns[i]) && (i == first || turns[i].ToolCalls is null); i++)
            {
                if (HasId(turns[i]) && calls.ContainsKey(turns[i].ToolCallId!))
                    places.Add(i);
            }
            i--;
            // The sort is stable: two results of one call stay in their order.
            var sorted = places.Select(place => turns[place]).OrderBy(turn => calls[turn.ToolCallId!].Position).ToArray();
            for (var n = 0; n < sorted.Length; n++)
                turns[places[n]] = string.IsNullOrEmpty(sorted[n].ToolName) ? sorted[n] with { ToolName = calls[sorted[n].ToolCallId!].Tool } : sorted[n];
        }
        return turns;
    }

    private static bool HasId(ChatMessage turn) => !string.IsNullOrEmpty(turn.ToolCallId) && IsResult(turn);

    private static bool IsResult(ChatMessage turn) => turn.Role.Equals("tool", StringComparison.OrdinalIgnoreCase);

    // Of calls with equal ids the last counts.
    private static int Learn(ChatMessage turn, Dictionary<string, Call> calls, int count)
    {
        if (turn.ToolCalls is not { ValueKind: JsonValueKind.Array } made)
            return count;
        foreach (var call in made.EnumerateArray())
        {
            if (Text(call, "id") is { Length: > 0 } id)
                calls[id] = new Call(count++, NameOf(call));
        }
        return count;
    }

    private static string? NameOf(JsonElement call) =>
        call.ValueKind == JsonValueKind.Object && call.TryGetProperty("function", out var function) ? Text(function, "name") : null;

    private static string? Text(JsonElement json, string name)
    {
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair, which no id of a result can be; the template says what is wrong with it.
            return null;
        }
    }

    private readonly record struct Call(int Position, string? Tool);
}
