namespace Chasqui.Protocol.Headers;

/// <summary>
/// The code of RFC 7541, appendix B. It is canonical: the codes of a length follow each other in the order of the symbols, so the
/// lengths say all.
/// </summary>
internal static class HuffmanTable
{
    internal const int EndOfString = 256;
    internal const int MaxLength = 30;

    internal static readonly byte[] Lengths =
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    internal static readonly uint[] Codes = new uint[Lengths.Length];

    /// <summary>By length: the first code of it, how many codes are shorter, and how many have it.</summary>
    internal static readonly (uint First, int Before, int Count)[] ByLength = new (uint, int, int)[MaxLength + 1];

    /// <summary>The symbols in the order of their codes.</summary>
    internal static readonly short[] Symbols = new short[Lengths.Length];

    static HuffmanTable()
    {
        uint code = 0;
        var before = 0;
        for (var length = 1; length <= MaxLength; length++)
        {
            code <<= 1;
            var first = code;
            var start = before;
            for (var symbol = 0; symbol < Lengths.Length; symbol++)
            {
                if (Lengths[symbol] != length)
                    continue;
                Codes[symbol] = code++;
                Symbols[before++] = (short)symbol;
            }

            ByLength[length] = (first, start, before - start);
        }
    }
}
