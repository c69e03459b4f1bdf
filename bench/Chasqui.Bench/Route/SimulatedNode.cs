namespace Chasqui.Bench.Route;

/// <summary>
/// A node in virtual time: prompts are computed one after the other, but for what the cache holds of their beginning; answers flow side by side at one speed.
/// The cache forgets the least recently used block, the end of a prompt before its beginning.
/// </summary>
internal sealed class SimulatedNode(int cacheBlocks)
{
    /// <summary>Tokens of a block.</summary>
    public const int BlockTokens = 512;

    /// <summary>Tokens of a prompt computed in a second.</summary>
    private const double Prefill = 20_000;

    /// <summary>Tokens of an answer a second.</summary>
    private const double Decode = 40;

    private readonly LinkedList<ulong> _used = new();
    private readonly Dictionary<ulong, LinkedListNode<ulong>> _cache = [];
    private TimeSpan _free;

    public int Requests { get; private set; }

    public long Tokens { get; private set; }

    public long WarmBlocks { get; private set; }

    public long Blocks { get; private set; }

    /// <summary>Takes a request.</summary>
    /// <returns>When its first token comes, and when its last.</returns>
    public (TimeSpan First, TimeSpan Last) Take(RouteRequest request)
    {
        var warm = 0;
        while (warm < request.Blocks.Length && _cache.ContainsKey(request.Blocks[warm]))
            warm++;
        Requests++;
        Tokens += request.InputTokens + request.OutputTokens;
        WarmBlocks += warm;
        Blocks += request.Blocks.Length;
        Keep(request.Blocks);

        var begin = request.At > _free ? request.At : _free;
        _free = begin + TimeSpan.FromSeconds(Math.Max(0, request.InputTokens - (warm * BlockTokens)) / Prefill);
        return (_free, _free + TimeSpan.FromSeconds(request.OutputTokens / Decode));
    }

    private void Keep(ulong[] blocks)
    {
        for (var i = blocks.Length - 1; i >= 0; i--)
        {
            if (_cache.TryGetValue(blocks[i], out var place))
                _used.Remove(place);
            _cache[blocks[i]] = _used.AddFirst(blocks[i]);
        }
        while (_cache.Count > cacheBlocks)
        {
            _cache.Remove(_used.Last!.Value);
            _used.RemoveLast();
        }
    }
}
