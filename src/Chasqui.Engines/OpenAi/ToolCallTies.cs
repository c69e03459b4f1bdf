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

        var open = new OpenCalls();
        var firstResult = 0;
        for (var i = 0; i < messages.Count; i++)
        {
            if (_calls.TryGetValue(i, out var calls))
            {
                for (var c = 0; c < calls.Count; c++)
                    calls[c] = calls[c].Id.Length > 0 ? calls[c] : calls[c] with { Id = NewId() };
                open.Add(calls);
            }
            if (messages[i].Role != "tool")
                continue;
            // Results of one turn stand together, behind the turn that called.
            if (i == 0 || messages[i - 1].Role != "tool")
                firstResult = i;
            _answered[i] = open.Take(messages[i].ToolName) ?? MakeUp(messages, i, firstResult);
        }
    }

    /// <summary>The calls of a turn; none where it has none.</summary>
    public IReadOnlyList<ToolCallForms.ToolCall> CallsOf(int turn) => _calls.GetValueOrDefault(turn) ?? [];

    /// <summary>Calls of a turn of the assistant that there must be before this one; none where there is no need.</summary>
    public IReadOnlyList<ToolCallForms.ToolCall> CallsBefore(int turn) => _before.GetValueOrDefault(turn) ?? [];

    /// <summary>The call that a turn of role tool answers.</summary>
    public ToolCallForms.ToolCall AnsweredBy(int turn) => _answered[turn];

    private ToolCallForms.ToolCall MakeUp(IReadOnlyList<ChatMessage> messages, int turn, int first)
    {
        var call = new ToolCallForms.ToolCall(NewId(), messages[turn].ToolName is { Length: > 0 } tool ? tool : NamelessTool, "{}");
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

    /// <summary>Calls that have no result yet, the earliest first. There may be as many as fit in a request.</summary>
    private sealed class OpenCalls
    {
        private readonly LinkedList<ToolCallForms.ToolCall> _all = new();
        private readonly Dictionary<string, Queue<LinkedListNode<ToolCallForms.ToolCall>>> _byName = new(StringComparer.Ordinal);

        public void Add(List<ToolCallForms.ToolCall> calls)
        {
            foreach (var call in calls)
            {
                if (!_byName.TryGetValue(call.Name, out var named))
                    _byName[call.Name] = named = new();
                named.Enqueue(_all.AddLast(call));
            }
        }

        /// <summary>Takes the earliest call of a tool, or of any where none is named; null where there is none.</summary>
        public ToolCallForms.ToolCall? Take(string? tool)
        {
            var found = string.IsNullOrEmpty(tool) ? _all.First : null;
            while (found is null && !string.IsNullOrEmpty(tool) && _byName.TryGetValue(tool, out var named) && named.TryDequeue(out var next))
            {
                // Those that a nameless result has taken are not in the list any more.
                found = next.List is null ? null : next;
            }
            if (found is null)
                return null;
            _all.Remove(found);
            return found.Value;
        }
    }
}
