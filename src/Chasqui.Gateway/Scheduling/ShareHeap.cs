namespace Chasqui.Gateway.Scheduling;

/// <summary>What a <see cref="ShareHeap{T}"/> orders: by what its caller has had, then by the caller's number.</summary>
internal interface IShareOrdered
{
    CallerShare Share { get; }

    /// <summary>Where it is in the heap; the heap's own.</summary>
    int At { get; set; }
}

/// <summary>
/// Finds whose caller has had least. The keys lie side by side in one array, so that a change costs a few comparisons and no search: with thousands of callers
/// a tree spends its time on fetching nodes that are nowhere near each other.
/// </summary>
internal sealed class ShareHeap<T>
    where T : class, IShareOrdered
{
    // Four children to a place: half as many levels as with two, and all children in one or two lines of the processor's cache.
    private const int Children = 4;

    private Entry[] _entries = [];

    public int Count { get; private set; }

    /// <summary>The least; null for none.</summary>
    public T? Min => Count == 0 ? null : _entries[0].Item;

    public void Add(T item)
    {
        if (Count == _entries.Length)
            Array.Resize(ref _entries, Math.Max(4, Count * 2));
        Up(Count++, new Entry(item));
    }

    public void Remove(T item)
    {
        var at = item.At;
        item.At = -1;
        var last = _entries[--Count];
        _entries[Count] = default;
        if (at < Count)
            Place(at, last);
    }

    /// <summary>Its caller's time is another now.</summary>
    public void Changed(T item) => Place(item.At, new Entry(item));

    private void Place(int at, in Entry entry)
    {
        if (at > 0 && entry.IsBefore(_entries[(at - 1) / Children]))
            Up(at, entry);
        else
            Down(at, entry);
    }

    private void Up(int at, in Entry entry)
    {
        while (at > 0)
        {
            var parent = (at - 1) / Children;
            if (!entry.IsBefore(_entries[parent]))
                break;
            Put(at, _entries[parent]);
            at = parent;
        }
        Put(at, entry);
    }

    private void Down(int at, in Entry entry)
    {
        while (true)
        {
            var first = (at * Children) + 1;
            if (first >= Count)
                break;
            var least = first;
            for (var child = first + 1; child < Math.Min(first + Children, Count); child++)
            {
                if (_entries[child].IsBefore(_entries[least]))
                    least = child;
            }
            if (!_entries[least].IsBefore(entry))
                break;
            Put(at, _entries[least]);
            at = least;
        }
        Put(at, entry);
    }

    private void Put(int at, in Entry entry)
    {
        _entries[at] = entry;
        entry.Item.At = at;
    }

    private readonly struct Entry(T item)
    {
        private readonly double _time = item.Share.VirtualTime;
        private readonly int _number = item.Share.Number;

        public readonly T Item = item;

        public bool IsBefore(in Entry other) => _time < other._time || (_time == other._time && _number < other._number);
    }
}
