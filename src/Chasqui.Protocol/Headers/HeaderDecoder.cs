using System.Buffers;

namespace Chasqui.Protocol.Headers;

/// <summary>Reads header blocks of one direction of one connection (RFC 7541). Not thread-safe: blocks are read in the order of arrival.</summary>
/// <param name="staticTable">The table both sides know; null is that of MCP/1.</param>
/// <param name="maxTableSize">The most bytes of the dynamic table. Default 4,096.</param>
/// <param name="maxListSize">The most bytes of a list, as RFC 7541 counts. Default 16,384. A longer string is read too, since it may belong into the table: blocks are bounded by their frames.</param>
public sealed class HeaderDecoder(StaticTable? staticTable = null, int maxTableSize = 4_096, int maxListSize = 16_384)
{
    private readonly StaticTable _static = staticTable ?? StaticTable.Default;
    private readonly DynamicTable _dynamic = new(maxTableSize);

    /// <summary>Reads one block.</summary>
    /// <param name="block">The whole block.</param>
    /// <param name="into">Receives the fields; those beyond the limit are left out.</param>
    /// <returns>False when the list is larger than the limit; the tables are right nevertheless, so the connection can go on.</returns>
    /// <exception cref="ProtocolException">COMPRESSION: the block is malformed; the connection cannot go on.</exception>
    public bool Decode(ReadOnlySpan<byte> block, HeaderList into)
    {
        ArgumentNullException.ThrowIfNull(into);
        long size = 0;
        var begun = false;
        while (block.Length > 0)
        {
            var first = block[0];
            HeaderField field;
            if (first >= 0x80)
            {
                field = Entry(HeaderInteger.Read(ref block, 7));
            }
            else if (first is >= 0x20 and < 0x40)
            {
                Resize(HeaderInteger.Read(ref block, 5), begun);
                continue;
            }
            else
            {
                var keep = first >= 0x40;
                var name = HeaderInteger.Read(ref block, keep ? 6 : 4);
                field = new HeaderField(
                    name == 0 ? ReadText(ref block, isName: true) : Entry(name).Name, ReadText(ref block, isName: false), first is >= 0x10 and < 0x20);
                if (keep)
                    _dynamic.Insert(field);
            }

            begun = true;
            size += field.Size;
            if (size <= maxListSize)
                into.Add(field.Name, field.Value, field.Sensitive);
        }

        return size <= maxListSize;
    }

    private HeaderField Entry(int index)
    {
        if (index > 0 && index <= _static.Count)
            return _static[index];
        var dynamic = index - _static.Count - 1;
        return index > 0 && dynamic < _dynamic.Count
            ? _dynamic[dynamic]
            : throw new ProtocolException(ErrorCode.Compression, $"a header block names entry {index}, which is in no table");
    }

    private void Resize(int bytes, bool begun)
    {
        if (begun)
            throw new ProtocolException(ErrorCode.Compression, "a table size stands after a field");
        if (bytes > maxTableSize)
            throw new ProtocolException(ErrorCode.Compression, $"a table of {bytes} bytes is more than the {maxTableSize} that were offered");
        _dynamic.Resize(bytes);
    }

    private string ReadText(ref ReadOnlySpan<byte> block, bool isName)
    {
        var compressed = block.Length > 0 && block[0] >= 0x80;
        var length = HeaderInteger.Read(ref block, 7);
        if (length > block.Length)
            throw new ProtocolException(ErrorCode.Compression, "a string of a header block is cut off");
        var bytes = block[..length];
        block = block[length..];
        if (!compressed)
            return Text(bytes, isName);

        // The shortest code has 5 bits, so a string grows by less than 8/5.
        var bound = (int)Math.Min(Array.MaxLength, (length * 8L / 5) + 1);
        byte[]? rented = null;
        var plain = bound <= 256 ? stackalloc byte[256] : rented = ArrayPool<byte>.Shared.Rent(bound);
        try
        {
            return Text(plain[..Huffman.Decode(bytes, plain[..bound])], isName);
        }
        finally
        {
            if (rented is not null)
                ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private string Text(ReadOnlySpan<byte> bytes, bool isName)
    {
        if (_static.ChecksText)
            HeaderText.Check(bytes, isName);
        return Utf8.Read(bytes, "a header field", ErrorCode.Compression);
    }
}
