namespace Chasqui.Gateway;

/// <summary>
/// Which beginnings of prompts one node has computed of late, as far as the gateway knows: the hashes of their blocks, the least recently used forgotten first.
/// A block's hash stands for all text up to its end, so two prompts share a hash only where they share the whole beginning.
/// </summary>
/// <remarks>
/// A prompt's blocks are made new from the last to the first, so a beginning is always newer than what follows it and outlives it, as in an engine's cache.
/// What is known of a prompt is therefore never broken in the middle, and its end is found by bisection. Memory is 28 to 32 bytes a block, taken as blocks come.
/// Safe for concurrent use.
/// </remarks>
public sealed class PrefixIndex
{
    /// <summary>Blocks that are remembered unless said otherwise.</summary>
    public const int DefaultCapacity = 32_768;

    private const int None = -1;
    private const int Least = 64;

    private readonly Lock _gate = new();
    private Entry[] _entries = [];
    // Heads of the chains, plus one, so that a new table is right as it is.
    private int[] _buckets = [];
    private int _newest = None;
    private int _oldest = None;

    /// <summary>An empty index.</summary>
    /// <param name="capacity">Blocks that are remembered, 1 to 16,777,216. It is best near what the node's own cache holds; twice as many do little harm.</param>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is out of its range.</exception>
    public PrefixIndex(int capacity = DefaultCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, 1 << 24);
        Capacity = capacity;
    }

    /// <summary>Blocks that are remembered at most.</summary>
    public int Capacity { get; }

    /// <summary>Blocks that are remembered now.</summary>
    public int Count { get; private set; }

    /// <summary>How much of a prompt's beginning the node has computed.</summary>
    /// <param name="blocks">The hashes of the prompt's blocks, the first first.</param>
    /// <returns>Blocks, 0 to all of them. Nothing is made newer by asking.</returns>
    public int Match(ReadOnlySpan<ulong> blocks)
    {
        lock (_gate)
        {
            var (known, unknown) = (0, Math.Min(blocks.Length, Count) + 1);
            while (unknown - known > 1)
            {
                var middle = (known + unknown) / 2;
                if (Find(blocks[middle - 1]) != None)
                    known = middle;
                else
                    unknown = middle;
            }

            return known;
        }
    }

    /// <summary>Notes that the node computes a prompt, or has just done so. Of a prompt longer than the capacity the beginning is kept.</summary>
    /// <param name="blocks">The hashes of the prompt's blocks, the first first.</param>
    public void Touch(ReadOnlySpan<ulong> blocks)
    {
        lock (_gate)
        {
            for (var i = Math.Min(blocks.Length, Capacity) - 1; i >= 0; i--)
            {
                var index = Find(blocks[i]);
                if (index == None)
                    index = Add(blocks[i]);
                else
                    Unlink(index);
                LinkNewest(index);
            }
        }
    }

    /// <summary>Forgets everything, as when the node was started anew or its model unloaded.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _entries = [];
            _buckets = [];
            (_newest, _oldest, Count) = (None, None, 0);
        }
    }

    private int Find(ulong hash)
    {
        if (_buckets.Length == 0)
            return None;
        var index = Bucket(hash) - 1;
        while (index != None && _entries[index].Hash != hash)
            index = _entries[index].Next;
        return index;
    }

    /// <returns>The place of the new block, which is not yet in the order of use.</returns>
    private int Add(ulong hash)
    {
        int index;
        if (Count == Capacity)
        {
            index = _oldest;
            Unlink(index);
            Unchain(index);
        }
        else
        {
            if (Count == _entries.Length)
                Grow();
            index = Count++;
        }
        ref var bucket = ref Bucket(hash);
        _entries[index] = new Entry { Hash = hash, Next = bucket - 1 };
        bucket = index + 1;
        return index;
    }

    private void Unchain(int index)
    {
        ref var bucket = ref Bucket(_entries[index].Hash);
        if (bucket - 1 == index)
        {
            bucket = _entries[index].Next + 1;
            return;
        }
        var before = bucket - 1;
        while (_entries[before].Next != index)
            before = _entries[before].Next;
        _entries[before].Next = _entries[index].Next;
    }

    private void Unlink(int index)
    {
        var (newer, older) = (_entries[index].Newer, _entries[index].Older);
        if (newer == None)
            _newest = older;
        else
            _entries[newer].Older = older;
        if (older == None)
            _oldest = newer;
        else
            _entries[older].Newer = newer;
    }

    private void LinkNewest(int index)
    {
        _entries[index].Newer = None;
        _entries[index].Older = _newest;
        if (_newest == None)
            _oldest = index;
        else
            _entries[_newest].Newer = index;
        _newest = index;
    }

    private void Grow()
    {
        Array.Resize(ref _entries, Math.Min(Capacity, Math.Max(Least, _entries.Length * 2)));
        _buckets = new int[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)_entries.Length)];
        for (var i = 0; i < Count; i++)
        {
            ref var bucket = ref Bucket(_entries[i].Hash);
            _entries[i].Next = bucket - 1;
            bucket = i + 1;
        }
    }

    // The hash's upper bits after a multiplication by the golden ratio's, so that hashes that are weak in some bits do no harm.
    private ref int Bucket(ulong hash) => ref _buckets[(int)((hash * 0x9E37_79B9_7F4A_7C15) >> 32) & (_buckets.Length - 1)];

    private struct Entry
    {
        public ulong Hash;
        public int Next;
        public int Newer;
        public int Older;
    }
}
