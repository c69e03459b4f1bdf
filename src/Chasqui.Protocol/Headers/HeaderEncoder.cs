using System.Buffers;
using System.Text;

namespace Chasqui.Protocol.Headers;

/// <summary>Writes header blocks for one direction of one connection (RFC 7541). Not thread-safe: blocks are sent in the order they are made.</summary>
public sealed class HeaderEncoder
{
    private readonly StaticTable _static;
    private readonly DynamicTable _dynamic;
    private readonly Dictionary<(string, string), long> _byField = [];
    private readonly Dictionary<string, long> _byName = new(StringComparer.Ordinal);
    private int _pendingSize = -1;

    /// <param name="staticTable">The table both sides know; null is that of MCP/1.</param>
    /// <param name="maxTableSize">What the decoder keeps, in bytes. Default 4,096.</param>
    public HeaderEncoder(StaticTable? staticTable = null, int maxTableSize = 4_096)
    {
        _static = staticTable ?? StaticTable.Default;
        _dynamic = new DynamicTable(maxTableSize) { Evicted = Forget };
    }

    /// <summary>Changes the table; the next block says so.</summary>
    public void SetMaxTableSize(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        _dynamic.Resize(bytes);
        _pendingSize = bytes;
    }

    /// <summary>Writes one block.</summary>
    public void Encode(ReadOnlySpan<HeaderField> fields, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        if (_pendingSize >= 0)
        {
            HeaderInteger.Write(destination, 0x20, 5, (uint)_pendingSize);
            _pendingSize = -1;
        }

        foreach (ref readonly var field in fields)
            Encode(field, destination);
    }

    private void Encode(in HeaderField field, IBufferWriter<byte> destination)
    {
        if (!field.Sensitive)
        {
            var whole = _static.Find(field.Name, field.Value);
            if (whole == 0 && _byField.TryGetValue((field.Name, field.Value), out var number))
                whole = Index(number);
            if (whole != 0)
            {
                HeaderInteger.Write(destination, 0x80, 7, (uint)whole);
                return;
            }
        }

        var name = _static.Find(field.Name);
        if (name == 0 && _byName.TryGetValue(field.Name, out var named))
            name = Index(named);
        // One that would empty the table for nothing is not put into it.
        var keep = !field.Sensitive && field.Size <= _dynamic.MaxSize / 2;
        if (keep)
            HeaderInteger.Write(destination, 0x40, 6, (uint)name);
        else
            HeaderInteger.Write(destination, field.Sensitive ? (byte)0x10 : (byte)0, 4, (uint)name);
        if (name == 0)
            WriteText(destination, field.Name);
        WriteText(destination, field.Value);
        if (!keep || !_dynamic.Insert(field))
            return;
        _byField[(field.Name, field.Value)] = _dynamic.Inserted;
        _byName[field.Name] = _dynamic.Inserted;
    }

    private int Index(long number) => _static.Count + 1 + (int)(_dynamic.Inserted - number);

    private void Forget(HeaderField field, long number)
    {
        if (_byField.TryGetValue((field.Name, field.Value), out var last) && last == number)
            _byField.Remove((field.Name, field.Value));
        if (_byName.TryGetValue(field.Name, out last) && last == number)
            _byName.Remove(field.Name);
    }

    private static void WriteText(IBufferWriter<byte> destination, string text)
    {
        var count = Encoding.UTF8.GetByteCount(text);
        byte[]? rented = null;
        var bytes = count <= 256 ? stackalloc byte[256] : rented = ArrayPool<byte>.Shared.Rent(count);
        bytes = bytes[..Encoding.UTF8.GetBytes(text, bytes)];
        var length = Huffman.EncodedLength(bytes);
        var compress = length < bytes.Length;
        HeaderInteger.Write(destination, compress ? (byte)0x80 : (byte)0, 7, (uint)(compress ? length : bytes.Length));
        if (compress)
        {
            Huffman.Encode(bytes, destination.GetSpan(length)[..length]);
            destination.Advance(length);
        }
        else
        {
            destination.Write(bytes);
        }

        if (rented is not null)
            ArrayPool<byte>.Shared.Return(rented);
    }
}
