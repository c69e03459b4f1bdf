namespace Chasqui.Gateway.Merging;

/// <summary>Parts that wait to be sent, each caller's in a line of its own: callers take turns, so that one with many does not hold up the others. Not thread-safe.</summary>
internal sealed class PendingParts
{
    private readonly Dictionary<string, LinkedList<MergePart>> _lines = new(StringComparer.Ordinal);
    private readonly LinkedList<string> _turns = new();
    private readonly LinkedList<MergePart> _arrivals = new();

    public int Count => _arrivals.Count;

    public int Inputs { get; private set; }

    public long Characters { get; private set; }

    /// <summary>When the one came that has waited longest.</summary>
    public long Oldest => _arrivals.First!.Value.Arrived;

    public int Of(string caller) => _lines.TryGetValue(caller, out var line) ? line.Count : 0;

    public void Add(MergePart part)
    {
        if (!_lines.TryGetValue(part.Caller, out var line))
        {
            _lines[part.Caller] = line = new LinkedList<MergePart>();
            _turns.AddLast(part.Caller);
        }
        part.InLine = line.AddLast(part);
        part.InArrivals = _arrivals.AddLast(part);
        Inputs += part.Inputs.Count;
        Characters += part.Characters;
    }

    /// <summary>Takes out one whose caller has left.</summary>
    public void Remove(MergePart part)
    {
        if (part.InLine?.List is not { } line)
            return;
        Forget(part, line);
        if (line.Count == 0)
            _turns.Remove(part.Caller);
    }

    /// <summary>Takes out as many as go together; at least one, whatever its size.</summary>
    public List<MergePart> Take(int maxInputs, long maxCharacters)
    {
        var taken = new List<MergePart>();
        var inputs = 0;
        var characters = 0L;
        while (_turns.First is { } turn)
        {
            var line = _lines[turn.Value];
            var part = line.First!.Value;
            if (taken.Count > 0 && (inputs + part.Inputs.Count > maxInputs || characters + part.Characters > maxCharacters))
                break;
            inputs += part.Inputs.Count;
            characters += part.Characters;
            taken.Add(part);
            Forget(part, line);
            _turns.RemoveFirst();
            if (line.Count > 0)
                _turns.AddLast(turn);
        }
        return taken;
    }

    private void Forget(MergePart part, LinkedList<MergePart> line)
    {
        line.Remove(part.InLine!);
        _arrivals.Remove(part.InArrivals!);
        (part.InLine, part.InArrivals) = (null, null);
        Inputs -= part.Inputs.Count;
        Characters -= part.Characters;
        if (line.Count == 0)
            _lines.Remove(part.Caller);
    }
}
