using Chasqui.Engines.Tools;

namespace Chasqui.Engines.OpenAi;

/// <summary>Calls of tools that have no result yet, the earliest first. There may be as many as fit in a request.</summary>
internal sealed class OpenCalls
{
    private readonly LinkedList<ToolCallForms.ToolCall> _all = new();
    private readonly Dictionary<string, Queue<LinkedListNode<ToolCallForms.ToolCall>>> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Queue<LinkedListNode<ToolCallForms.ToolCall>>> _byId = new(StringComparer.Ordinal);
    private readonly Queue<LinkedListNode<ToolCallForms.ToolCall>> _withoutId = new();
    private readonly Dictionary<string, ToolCallForms.ToolCall> _latest = new(StringComparer.Ordinal);

    /// <summary>Adds the calls of one turn. Of turns that use an id again the last one counts.</summary>
    /// <param name="calls">The calls, each with an id.</param>
    /// <param name="given">Of each call whether the caller gave its id.</param>
    public void Add(IReadOnlyList<ToolCallForms.ToolCall> calls, IReadOnlyList<bool> given)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < calls.Count; i++)
        {
            var node = _all.AddLast(calls[i]);
            QueueOf(_byName, calls[i].Name).Enqueue(node);
            if (!given[i])
            {
                _withoutId.Enqueue(node);
                continue;
            }
            if (seen.Add(calls[i].Id))
                _byId.Remove(calls[i].Id);
            QueueOf(_byId, calls[i].Id).Enqueue(node);
            _latest[calls[i].Id] = calls[i];
        }
    }

    /// <summary>Remembers a call that was made up for a result, in case a second result has the same id.</summary>
    public void Remember(ToolCallForms.ToolCall call) => _latest[call.Id] = call;

    /// <summary>Takes the call of an id. One that has its result already is told again; null where no call has this id.</summary>
    public ToolCallForms.ToolCall? Take(string id)
    {
        if (_byId.TryGetValue(id, out var queue) && Next(queue) is { } found)
            return found;
        return _latest.TryGetValue(id, out var again) ? again : null;
    }

    /// <summary>Takes the earliest call of a tool, or of any where none is named; null where there is none.</summary>
    /// <param name="tool">The tool; null or empty for any.</param>
    /// <param name="onlyWithoutId">Where no tool is named, whether the caller must have given the call no id.</param>
    public ToolCallForms.ToolCall? TakeOf(string? tool, bool onlyWithoutId)
    {
        if (!string.IsNullOrEmpty(tool))
            return _byName.TryGetValue(tool, out var named) ? Next(named) : null;
        if (onlyWithoutId)
            return Next(_withoutId);
        if (_all.First is not { } first)
            return null;
        _all.Remove(first);
        return first.Value;
    }

    private ToolCallForms.ToolCall? Next(Queue<LinkedListNode<ToolCallForms.ToolCall>> queue)
    {
        while (queue.TryDequeue(out var node))
        {
            // What was taken in another way is not in the list any more.
            if (node.List is null)
                continue;
            _all.Remove(node);
            return node.Value;
        }
        return null;
    }

    private static Queue<LinkedListNode<ToolCallForms.ToolCall>> QueueOf(Dictionary<string, Queue<LinkedListNode<ToolCallForms.ToolCall>>> all, string key)
    {
        if (!all.TryGetValue(key, out var queue))
            all[key] = queue = new();
        return queue;
    }
}
