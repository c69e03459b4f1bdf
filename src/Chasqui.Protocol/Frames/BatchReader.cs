namespace Chasqui.Protocol;

/// <summary>Reads the entries of a BATCH (docs/protocol.md, section 4).</summary>
/// <param name="payload">The whole payload.</param>
public ref struct BatchReader(ReadOnlySpan<byte> payload)
{
    private ReadOnlySpan<byte> _rest = payload;

    /// <summary>The entry's stream.</summary>
    public uint Stream { get; private set; }

    /// <summary>The sender ends the stream with it.</summary>
    public bool End { get; private set; }

    /// <summary>The whole message; none where it is empty and <see cref="End"/>.</summary>
    public ReadOnlySpan<byte> Body { get; private set; }

    /// <summary>Moves to the next entry.</summary>
    /// <returns>False after the last.</returns>
    /// <exception cref="ProtocolException">PROTOCOL_ERROR: an entry is cut off.</exception>
    public bool Next()
    {
        if (_rest.Length == 0)
            return false;
        Stream = Varint.Read(ref _rest);
        var length = Varint.Read(ref _rest);
        End = (length & 1) != 0;
        length >>= 1;
        if (length > _rest.Length)
            throw new ProtocolException(ErrorCode.ProtocolError, "an entry of a batch is longer than its frame");
        Body = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }

    /// <summary>Bytes before the body of an entry, 2 to 10.</summary>
    public static int PrefixSize(uint stream, int length) => Varint.Size(stream) + Varint.Size((uint)length << 1);

    /// <summary>Writes what stands before the body of an entry.</summary>
    /// <returns>Bytes written.</returns>
    public static int WritePrefix(Span<byte> destination, uint stream, int length, bool end)
    {
        var used = Varint.Write(destination, stream);
        return used + Varint.Write(destination[used..], ((uint)length << 1) | (end ? 1u : 0));
    }
}
