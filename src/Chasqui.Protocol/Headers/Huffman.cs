namespace Chasqui.Protocol.Headers;

/// <summary>Strings in the code of RFC 7541, section 5.2.</summary>
internal static class Huffman
{
    /// <summary>Bytes that <see cref="Encode"/> takes.</summary>
    internal static int EncodedLength(ReadOnlySpan<byte> text)
    {
        long bits = 0;
        foreach (var b in text)
            bits += HuffmanTable.Lengths[b];
        return (int)((bits + 7) / 8);
    }

    internal static void Encode(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        ulong pending = 0;
        var bits = 0;
        var at = 0;
        foreach (var b in text)
        {
            pending = (pending << HuffmanTable.Lengths[b]) | HuffmanTable.Codes[b];
            bits += HuffmanTable.Lengths[b];
            while (bits >= 8)
            {
                bits -= 8;
                destination[at++] = (byte)(pending >> bits);
            }
        }

        // The rest of the last byte is the beginning of the end-of-string code, which is all ones.
        if (bits > 0)
            destination[at] = (byte)((pending << (8 - bits)) | (0xFFu >> bits));
    }

    /// <exception cref="ProtocolException">COMPRESSION: a wrong padding, the end-of-string code, or longer than the limit.</exception>
    internal static int Decode(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        uint code = 0;
        var length = 0;
        var written = 0;
        foreach (var b in source)
        {
            for (var bit = 7; bit >= 0; bit--)
            {
                code = (code << 1) | ((uint)(b >> bit) & 1);
                length++;
                var (first, before, count) = HuffmanTable.ByLength[length];
                if (code - first >= (uint)count)
                {
                    if (length == HuffmanTable.MaxLength)
                        throw Wrong("is no code");
                    continue;
                }

                var symbol = HuffmanTable.Symbols[before + (int)(code - first)];
                if (symbol == HuffmanTable.EndOfString)
                    throw Wrong("has the end-of-string code");
                if (written == destination.Length)
                    throw Wrong("is longer than a header list may be");
                destination[written++] = (byte)symbol;
                code = 0;
                length = 0;
            }
        }

        if (length > 7 || code != (1u << length) - 1)
            throw Wrong("has a wrong padding");
        return written;
    }

    private static ProtocolException Wrong(string how) => new(ErrorCode.Compression, $"a Huffman string {how}");
}
