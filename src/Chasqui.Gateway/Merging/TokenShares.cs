namespace Chasqui.Gateway.Merging;

/// <summary>
/// Shares out tokens that were counted for several texts together, in proportion to their characters, so that the shares add up exactly. A text counts one character more
/// than it has, as no text is free.
/// </summary>
/// <param name="tokens">All tokens.</param>
/// <param name="weight">The weights of all texts together.</param>
internal struct TokenShares(int tokens, long weight)
{
    private long _weight;
    private int _given;

    public static long WeightOf(IReadOnlyList<string> texts)
    {
        var sum = (long)texts.Count;
        foreach (var text in texts)
            sum += text.Length;
        return sum;
    }

    /// <summary>The share of the next texts.</summary>
    public int Next(long weightOfThem)
    {
        _weight += weightOfThem;
        var until = weight == 0 ? 0 : (int)((UInt128)(ulong)Math.Max(0, tokens) * (ulong)_weight / (ulong)weight);
        var share = until - _given;
        _given = until;
        return share;
    }
}
