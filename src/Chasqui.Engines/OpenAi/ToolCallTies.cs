using System.Globalization;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.OpenAi;

/// <summary>
/// Which call each result of a tool answers, for servers that want that said by ids. Calls without an id get one; a result is tied to the earliest call of its tool
/// that has no result yet, and where there is none to a call that is made up in the turn before it.
/// </summary>
internal sealed class ToolCallTies
{
    private const string NamelessTool = "tool";

    private readonly Dictionary<int, List<ToolCallForms.ToolCall>> _calls = [];
    private readonly Dictionary<int, List<ToolCallForms.ToolCall>> _before = [];
    private readonly Dictionary<int, ToolCallForms.ToolCall> _answered = [];
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal);
    private int _made;

    /// <summary>Ties all of a conversation.</summary>
    /// <exception cref="InvalidRequestException">Calls have a form that cannot be read.</exception>
    public ToolCallTies(IReadOnlyList<ChatMessage> messages)
    {
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i].ToolCalls is { } given)
                _calls[i] = [.. ToolCallForms.Read(given)];
        }
        foreach (var id in _calls.Values.SelectMany(calls => calls).Select(call => call.Id))
            _ids.Add(id);

        var open = new List<ToolCallForms.ToolCall>();
        for (var i = 0; i < messages.Count; i++)
        {
            if (_calls.TryGetValue(i, out var calls))
            {
                for (var c = 0; c < calls.Count; c++)
                    calls[c] = calls[c].Id.Length > 0 ? calls[c] : calls[c] with { Id = NewId() };
                open.AddRange(calls);
            }
            if (messages[i].Role == "tool")
                _answered[i] = Take(open, messages[i].ToolName) ?? MakeUp(messages, i);
        }
    }

    /// <summary>The calls of a turn; none where it has none.</summary>
    public IReadOnlyList<ToolCallForms.ToolCall> CallsOf(int turn) => _calls.GetValueOrDefault(turn) ?? [];

    /// <summary>Calls of a turn of the assistant that there must be before this one; none where there is no need.</summary>
    public IReadOnlyList<ToolCallForms.ToolCall> CallsBefore(int turn) => _before.GetValueOrDefault(turn) ?? [];

    /// <summary>The call that a turn of role tool answers.</summary>
    public ToolCallForms.ToolCall AnsweredBy(int turn) => _answered[turn];

    private static ToolCallForms.ToolCall? Take(List<ToolCallForms.ToolCall> open, string? tool)
    {
        var at = string.IsNullOrEmpty(tool) ? (open.Count > 0 ? 0 : -1) : open.FindIndex(call => call.Name == tool);
        if (at < 0)
            return null;
        var call = open[at];
        open.RemoveAt(at);
        return call;
    }

    private ToolCallForms.ToolCall MakeUp(IReadOnlyList<ChatMessage> messages, int turn)
    {
        var call = new ToolCallForms.ToolCall(NewId(), messages[turn].ToolName is { Length: > 0 } tool ? tool : NamelessTool, "{}");
        // Results of one turn stand together, behind the turn that called.
        var first = turn;
        while (first > 0 && messages[first - 1].Role == "tool")
            first--;
        var (calls, at) = first > 0 && messages[first - 1].Role == "assistant" ? (_calls, first - 1) : (_before, first);
        if (!calls.TryGetValue(at, out var list))
            calls[at] = list = [];
        list.Add(call);
        return call;
    }

    private string NewId()
    {
        string id;
        do
        {
            _made++;
            id = string.Create(CultureInfo.InvariantCulture, $"call_{_made}");
        }
        while (!_ids.Add(id));
        return id;
    }
}
