using System.Globalization;
using Chasqui.Engines.Tools;

namespace Chasqui.Engines.OpenAi;

/// <summary>
/// Which call each result of a tool answers, for servers that want that said by ids. Calls without an id get one. A result that names a
/// call's id is tied to that call, in whatever order the
/// results stand. Others are tied to the earliest call of their tool that has no result yet, and where there is none to a call that is made
/// up in the turn before them.
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

        var open = new OpenCalls();
        for (var i = 0; i < messages.Count; i++)
        {
            Open(i, open);
            if (messages[i].Role != "tool")
                continue;
            // Results of one turn stand together, behind the turn that called.
            var first = i;
            while (i + 1 < messages.Count && messages[i + 1].Role == "tool")
                Open(++i, open);
            Tie(messages, first, i, open);
        }
    }

    /// <summary>The calls of a turn; none where it has none.</summary>
    public IReadOnlyList<ToolCallForms.ToolCall> CallsOf(int turn) => _calls.GetValueOrDefault(turn) ?? [];

    /// <summary>Calls of a turn of the assistant that there must be before this one; none where there is no need.</summary>
    public IReadOnlyList<ToolCallForms.ToolCall> CallsBefore(int turn) => _before.GetValueOrDefault(turn) ?? [];

    /// <summary>The call that a turn of role tool answers.</summary>
    public ToolCallForms.ToolCall AnsweredBy(int turn) => _answered[turn];

    private void Open(int turn, OpenCalls open)
    {
        if (!_calls.TryGetValue(turn, out var calls))
            return;
        var given = calls.ConvertAll(call => call.Id.Length > 0);
        for (var c = 0; c < calls.Count; c++)
            calls[c] = given[c] ? calls[c] : calls[c] with { Id = NewId() };
        open.Add(calls, given);
    }

    /// <summary>Ties results that stand together: first those that say an id, so that no other takes their call.</summary>
    private void Tie(IReadOnlyList<ChatMessage> messages, int first, int last, OpenCalls open)
    {
        for (var i = first; i <= last; i++)
        {
            if (messages[i].ToolCallId is { Length: > 0 } id && open.Take(id) is { } call)
                _answered[i] = call;
        }
        for (var i = first; i <= last; i++)
        {
            if (_answered.ContainsKey(i))
                continue;
            var hasId = messages[i].ToolCallId is { Length: > 0 };
            _answered[i] = (hasId ? open.Take(messages[i].ToolCallId!) : null) ?? open.TakeOf(messages[i].ToolName, onlyWithoutId: hasId) ?? MakeUp(messages, i, first, open);
        }
    }

    private ToolCallForms.ToolCall MakeUp(IReadOnlyList<ChatMessage> messages, int turn, int first, OpenCalls open)
    {
        var id = messages[turn].ToolCallId is { Length: > 0 } given && _ids.Add(given) ? given : NewId();
        var call = new ToolCallForms.ToolCall(id, messages[turn].ToolName is { Length: > 0 } tool ? tool : NamelessTool, "{}");
        var (calls, at) = first > 0 && messages[first - 1].Role == "assistant" ? (_calls, first - 1) : (_before, first);
        if (!calls.TryGetValue(at, out var list))
            calls[at] = list = [];
        list.Add(call);
        open.Remember(call);
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
