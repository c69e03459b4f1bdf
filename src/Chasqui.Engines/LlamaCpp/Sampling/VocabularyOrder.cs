namespace Chasqui.Engines.LlamaCpp.Sampling;

/// <summary>The tokens of a vocabulary in the order of their bytes, so that what two begin with is looked at once. Immutable, thread-safe.</summary>
internal sealed class VocabularyOrder
{
    private readonly byte[][] _pieces;
    private readonly int[] _shared;

    /// <param name="size">How many tokens there are.</param>
    /// <param name="piece">The bytes of a token.</param>
    /// <param name="ends">Whether a token ends an answer.</param>
    internal VocabularyOrder(int size, Func<int, byte[]> piece, Func<int, bool> ends)
    {
        var found = new List<(byte[] Piece, int Token)>(size);
        var ending = new List<int>();
        for (var token = 0; token < size; token++)
        {
            if (ends(token))
                ending.Add(token);
            // Tokens without a text, and that of U+0000, fit no format.
            else if (piece(token) is { Length: > 0 } bytes && bytes[0] != 0)
                found.Add((bytes, token));
        }
        found.Sort(static (a, b) => a.Piece.AsSpan().SequenceCompareTo(b.Piece) is not 0 and var order ? order : a.Token.CompareTo(b.Token));
        _pieces = [.. found.Select(one => one.Piece)];
        Tokens = [.. found.Select(one => one.Token)];
        Ends = [.. ending];
        _shared = new int[found.Count];
        for (var i = 1; i < _shared.Length; i++)
            _shared[i] = _pieces[i - 1].AsSpan().CommonPrefixLength(_pieces[i]);
        Longest = _pieces.Length == 0 ? 0 : _pieces.Max(bytes => bytes.Length);
    }

    /// <summary>The tokens in order.</summary>
    internal int[] Tokens { get; }

    /// <summary>The tokens that end an answer.</summary>
    internal int[] Ends { get; }

    /// <summary>Bytes of the longest one.</summary>
    internal int Longest { get; }

    /// <summary>The bytes of the token at a place.</summary>
    internal byte[] PieceAt(int place) => _pieces[place];

    /// <summary>How many bytes the token at a place has from its beginning in common with the one before it.</summary>
    internal int SharedAt(int place) => _shared[place];
}
