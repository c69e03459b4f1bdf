namespace Chasqui.Engines.Models;

/// <summary>Values by key, the least recently used dropped beyond a number. Thread-safe.</summary>
internal sealed class BoundedCache<TKey, TValue>(int capacity)
    where TKey : notnull
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value)>> _byKey = [];
    private readonly LinkedList<(TKey Key, TValue Value)> _byUse = [];

    /// <summary>
    /// The value of a key, made if it is not there. Two callers at once may both make it; the later result stays. A failure is not kept.
    /// </summary>
    public TValue GetOrAdd(TKey key, Func<TKey, TValue> make)
    {
        lock (_lock)
        {
            if (_byKey.TryGetValue(key, out var node))
            {
                _byUse.Remove(node);
                _byUse.AddLast(node);
                return node.Value.Value;
            }
        }

        // Outside the lock: making a value may take seconds.
        var value = make(key);
        lock (_lock)
        {
            if (_byKey.Remove(key, out var old))
                _byUse.Remove(old);
            _byKey[key] = _byUse.AddLast((key, value));
            if (_byKey.Count > capacity)
            {
                _byKey.Remove(_byUse.First!.Value.Key);
                _byUse.RemoveFirst();
            }
        }
        return value;
    }
}
