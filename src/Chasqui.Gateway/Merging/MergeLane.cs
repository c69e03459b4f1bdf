namespace Chasqui.Gateway.Merging;

/// <summary>The requests of one kind: those that wait, and how many calls are under way. Decides when the next call goes. Not thread-safe.</summary>
internal sealed class MergeLane(MergeKey key) : IDisposable
{
    private readonly Queue<MergedCall> _again = new();
    private bool _returned;

    public MergeKey Key => key;

    public PendingParts Pending { get; } = new();

    /// <summary>Calls that are under way.</summary>
    public int InFlight { get; private set; }

    /// <summary>Ends the window.</summary>
    public ITimer? Timer { get; set; }

    public bool IsIdle => InFlight == 0 && Pending.Count == 0 && _again.Count == 0;

    /// <summary>A call has ended.</summary>
    public void Returned()
    {
        InFlight--;
        _returned = true;
    }

    /// <summary>
    /// The node refused a call because of one of its texts, nobody knows which: its halves go by themselves, before all that waits. Of n callers one bad one costs about
    /// twice the logarithm of n further calls, and n bad ones no more than twice n.
    /// </summary>
    public void Split(MergedCall call)
    {
        // Whoever has left meanwhile has gone for good.
        var staying = call.Parts.Where(part => !part.HasLeft).ToList();
        var middle = (staying.Count + 1) / 2;
        foreach (var half in (IEnumerable<List<MergePart>>)[staying[..middle], staying[middle..]])
        {
            if (half.Count > 0)
                _again.Enqueue(new MergedCall(half, isAgain: true));
        }
    }

    /// <summary>The next call, if one is to go now.</summary>
    /// <param name="options">How to merge.</param>
    /// <param name="limit">Calls that may be under way at once: one more would only wait for a slot, where nobody can join it.</param>
    /// <param name="left">What is left of the window of whoever has waited longest; zero or less once it has ended.</param>
    public MergedCall? Next(MergingOptions options, int limit, TimeSpan left)
    {
        var isDynamic = options.Strategy == MergeStrategy.Dynamic;
        if (isDynamic && InFlight >= limit)
            return null;
        if (_again.TryDequeue(out var again))
        {
            InFlight++;
            return again;
        }
        if (Pending.Count == 0)
            return null;
        var isFull = Pending.Inputs >= options.MaxInputs || Pending.Characters >= options.MaxCharacters;
        var isFree = isDynamic && (InFlight == 0 || _returned);
        // A strategy that was changed meanwhile leaves nobody behind.
        if (!isFull && !isFree && left > TimeSpan.Zero && options.Strategy != MergeStrategy.Realtime)
            return null;
        _returned = false;
        InFlight++;
        return new MergedCall(Pending.Take(options.MaxInputs, options.MaxCharacters));
    }

    public void Dispose() => Timer?.Dispose();
}
