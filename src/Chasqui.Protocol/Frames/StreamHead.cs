namespace Chasqui.Protocol;

/// <summary>The payload of a REQUEST or a RESPONSE (docs/protocol.md, section 4), over the bytes it was read from.</summary>
public readonly ref struct StreamHead
{
    private StreamHead(byte flags, ReadOnlySpan<byte> block, ReadOnlySpan<byte> body)
    {
        Flags = FrameFlagBits.Flags(flags);
        Priority = FrameFlagBits.Priority(flags);
        Block = block;
        Body = body;
    }

    /// <summary>Its flags.</summary>
    public FrameFlags Flags { get; }

    /// <summary>Its priority; of a REQUEST only.</summary>
    public StreamPriority Priority { get; }

    /// <summary>The header block.</summary>
    public ReadOnlySpan<byte> Block { get; }

    /// <summary>The first message, or its beginning.</summary>
    public ReadOnlySpan<byte> Body { get; }

    /// <summary>Reads a payload.</summary>
    /// <exception cref="ProtocolException">PROTOCOL_ERROR: it is cut off, or its flags contradict each other.</exception>
    public static StreamHead Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 2)
            throw new ProtocolException(ErrorCode.ProtocolError, "a request or response has no header block");
        var flags = payload[0];
        payload = payload[1..];
        var length = Varint.Read(ref payload);
        if (length > payload.Length)
            throw new ProtocolException(ErrorCode.ProtocolError, "the header block is longer than its frame");
        var head = new StreamHead(flags, payload[..(int)length], payload[(int)length..]);
        DataFlags.Check(head.Flags);
        if ((head.Flags & FrameFlags.Message) == 0 && (head.Body.Length > 0 || (head.Flags & FrameFlags.More) != 0))
            throw new ProtocolException(ErrorCode.ProtocolError, "a frame without MESSAGE has a body or MORE");
        return head;
    }
}

/// <summary>The flags of what carries a message.</summary>
public static class DataFlags
{
    /// <exception cref="ProtocolException">PROTOCOL_ERROR: END together with MORE.</exception>
    public static void Check(FrameFlags flags)
    {
        if ((flags & (FrameFlags.End | FrameFlags.More)) == (FrameFlags.End | FrameFlags.More))
            throw new ProtocolException(ErrorCode.ProtocolError, "END and MORE contradict each other");
    }

    /// <summary>What a message, or a part of one, costs of the credit (docs/protocol.md, section 6).</summary>
    /// <param name="bytes">Its body.</param>
    /// <param name="endsOnly">It has no message, only an end.</param>
    public static int Cost(int bytes, bool endsOnly = false) => endsOnly ? 0 : Math.Max(bytes, MinimumCost);

    /// <summary>The least a message costs, so that empty ones cannot be had without end.</summary>
    public const int MinimumCost = 16;
}
