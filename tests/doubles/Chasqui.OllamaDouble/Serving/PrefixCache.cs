namespace Chasqui.OllamaDouble;

/// <summary>Blocks of prompts that need not be computed again; the least recently used leave. Thread-safe.</summary>
internal sealed class PrefixCache(int capacity)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, LinkedListNode<long>> _blocks = [];
    private readonly LinkedList<long> _order = [];

    /// <summary>How many of the first blocks are there; afterwards all are.</summary>
    public int Touch(ReadOnlySpan<long> blocks)
    {
        if (capacity == 0)
            return 0;
        lock (_gate)
        {
            var warm = 0;
            while (warm < blocks.Length && _blocks.ContainsKey(blocks[warm]))
                warm++;
            // From the last to the first, so that a prompt's end leaves before its beginning: a chain without its head is of no use.
            for (var i = blocks.Length - 1; i >= 0; i--)
            {
                if (_blocks.TryGetValue(blocks[i], out var node))
                {
                    _order.Remove(node);
                }
                else if (_blocks.Count == capacity)
                {
                    node = _order.First!;
                    _order.RemoveFirst();
                    _blocks.Remove(node.Value);
                    node.Value = blocks[i];
                    _blocks.Add(blocks[i], node);
                }
                else
                {
                    node = new LinkedListNode<long>(blocks[i]);
                    _blocks.Add(blocks[i], node);
                }
                _order.AddLast(node);
            }
            return warm;
        }
    }

    /// <summary>The blocks of a text: whole ones only, each named by all that comes before it.</summary>
    public static long[] Blocks(string text, int blockTokens)
    {
        var length = blockTokens * Words.CharactersPerToken;
        var blocks = new long[text.Length / length];
        var name = 17L;
        for (var i = 0; i < blocks.Length; i++)
        {
            name = unchecked((name * 1_000_003) ^ ((long)string.GetHashCode(text.AsSpan(i * length, length)) << 20) ^ i);
            blocks[i] = name;
        }
        return blocks;
    }
}
