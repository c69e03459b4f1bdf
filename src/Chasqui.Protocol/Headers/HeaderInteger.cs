using System.Buffers;

namespace Chasqui.Protocol.Headers;

/// <summary>Integers with a prefix (RFC 7541, section 5.1).</summary>
internal static class HeaderInteger
{
    internal static void Write(IBufferWriter<byte> destination, byte pattern, int prefixBits, uint value)
    {
        var span = destination.GetSpan(6);
        var max = (1u << prefixBits) - 1;
        if (value < max)
        {
            span[0] = (byte)(pattern | value);
            destination.Advance(1);
            return;
        }

        span[0] = (byte)(pattern | max);
        destination.Advance(1 + Varint.Write(span[1..], value - max));
    }

    /// <exception cref="ProtocolException">COMPRESSION: cut off, or above 2^31-1.</exception>
    internal static int Read(ref ReadOnlySpan<byte> source, int prefixBits)
    {
        if (source.Length == 0)
            throw CutOff();
        var max = (1 << prefixBits) - 1;
        var value = (long)(source[0] & max);
        source = source[1..];
        if (value < max)
            return (int)value;
        for (var shift = 0; ; shift += 7)
        {
            if (source.Length == 0)
                throw CutOff();
            var b = source[0];
            source = source[1..];
            value += (long)(b & 0x7F) << shift;
            // The shift is bounded too: an endless row of zero groups says nothing.
            if (value > int.MaxValue || shift > 28)
                throw new ProtocolException(ErrorCode.Compression, "an integer of a header block is too large");
            if (b < 0x80)
                return (int)value;
        }
    }

    private static ProtocolException CutOff() => new(ErrorCode.Compression, "a header block is cut off");
}
