namespace Chasqui.Protocol.Headers;

/// <summary>The entries of a connection's direction, the youngest first (RFC 7541, section 2.3.2). Not thread-safe.</summary>
internal sealed class DynamicTable(int maxSize)
{
    private HeaderField[] _ring = [];
    private int _head;
    private int _size;

    internal int Count { get; private set; }

    internal int MaxSize { get; private set; } = maxSize;

    /// <summary>Insertions so far: the youngest entry has this number, the ones before it lower ones.</summary>
    internal long Inserted { get; private set; }

    /// <summary>An entry; 0 is the youngest.</summary>
    internal HeaderField this[int index] => _ring[(_head + index) % _ring.Length];

    /// <summary>Told of each entry that goes, with its number.</summary>
    internal Action<HeaderField, long>? Evicted { get; init; }

    internal void Resize(int maxSize)
    {
        MaxSize = maxSize;
        Shrink(maxSize);
    }

    /// <returns>False when the entry is larger than the table, which is then empty.</returns>
    internal bool Insert(HeaderField field)
    {
        var size = field.Size;
        Shrink(MaxSize - size);
        if (size > MaxSize)
            return false;
        if (Count == _ring.Length)
            Grow();
        _head = (_head + _ring.Length - 1) % _ring.Length;
        _ring[_head] = field;
        Count++;
        Inserted++;
        _size += size;
        return true;
    }

    private void Shrink(int limit)
    {
        while (Count > 0 && _size > limit)
        {
            var last = (_head + Count - 1) % _ring.Length;
            var field = _ring[last];
            _ring[last] = default;
            _size -= field.Size;
            Evicted?.Invoke(field, Inserted - Count + 1);
            Count--;
        }
    }

    private void Grow()
    {
        var larger = new HeaderField[Math.Max(8, _ring.Length * 2)];
        for (var i = 0; i < Count; i++)
            larger[i] = this[i];
        _ring = larger;
        _head = 0;
    }
}
