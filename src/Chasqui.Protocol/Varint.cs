namespace Chasqui.Protocol;

/// <summary>Unsigned LEB128 of at most 32 bits: 7 bits a byte, low bits first, at most 5 bytes.</summary>
public static class Varint
{
    /// <summary>The most bytes a value takes.</summary>
    public const int MaxSize = 5;

    /// <summary>Bytes that <see cref="Write"/> takes, 1 to 5.</summary>
    public static int Size(uint value) => value < 1u << 7 ? 1 : value < 1u << 14 ? 2 : value < 1u << 21 ? 3 : value < 1u << 28 ? 4 : 5;

    /// <summary>Writes a value.</summary>
    /// <returns>Bytes written.</returns>
    public static int Write(Span<byte> destination, uint value)
    {
        var i = 0;
        while (value >= 0x80)
        {
            destination[i++] = (byte)(value | 0x80);
            value >>= 7;
        }

        destination[i++] = (byte)value;
        return i;
    }

    /// <summary>Reads a value and moves past it.</summary>
    /// <exception cref="ProtocolException">PROTOCOL_ERROR: it is cut off, or above 2^32-1.</exception>
    public static uint Read(ref ReadOnlySpan<byte> source)
    {
        uint value = 0;
        for (var i = 0; i < MaxSize; i++)
        {
            if (i == source.Length)
                throw new ProtocolException(ErrorCode.ProtocolError, "a variable-length integer is cut off");
            uint b = source[i];
            if (i == MaxSize - 1 && b > 0x0F)
                break;
            value |= (b & 0x7F) << (7 * i);
            if (b < 0x80)
            {
                source = source[(i + 1)..];
                return value;
            }
        }

        throw new ProtocolException(ErrorCode.ProtocolError, "a variable-length integer is above 2^32-1");
    }
}
