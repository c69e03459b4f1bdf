using System.Buffers.Binary;

namespace Chasqui.Protocol;

/// <summary>The fixed 16 bytes before each payload (docs/protocol.md, section 2).</summary>
/// <param name="Type">What the frame is; may be a type that is not known.</param>
/// <param name="PayloadLength">Bytes that follow, as said by the peer: to be checked before anything is reserved for them.</param>
/// <param name="Stream">The stream; 0 is the connection.</param>
public readonly record struct FrameHeader(FrameType Type, uint PayloadLength, uint Stream)
{
    /// <summary>Bytes of a header.</summary>
    public const int Size = 16;

    /// <summary>The first four bytes, "MCP" and 1.</summary>
    public const uint Magic = 0x4D435001;

    /// <summary>The version spoken here.</summary>
    public const byte Version = 1;

    /// <summary>Writes a header into the first <see cref="Size"/> bytes.</summary>
    public static void Write(Span<byte> destination, FrameType type, int payloadLength, uint stream)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, Magic);
        destination[4] = Version;
        destination[5] = (byte)type;
        BinaryPrimitives.WriteUInt32BigEndian(destination[6..], (uint)payloadLength);
        BinaryPrimitives.WriteUInt32BigEndian(destination[10..], stream);
        BinaryPrimitives.WriteUInt16BigEndian(destination[14..], 0);
    }

    /// <summary>Reads a header from the first <see cref="Size"/> bytes.</summary>
    /// <exception cref="ProtocolException">BAD_MAGIC or BAD_VERSION.</exception>
    public static FrameHeader Read(ReadOnlySpan<byte> source)
    {
        var magic = BinaryPrimitives.ReadUInt32BigEndian(source);
        if (magic != Magic)
            throw new ProtocolException(ErrorCode.BadMagic, $"a frame begins with 4D435001, not with {magic:X8}");
        if (source[4] != Version)
            throw new ProtocolException(ErrorCode.BadVersion, $"version {source[4]} is not spoken here, only version {Version}");
        return new FrameHeader(
            (FrameType)source[5], BinaryPrimitives.ReadUInt32BigEndian(source[6..]), BinaryPrimitives.ReadUInt32BigEndian(source[10..]));
    }
}
