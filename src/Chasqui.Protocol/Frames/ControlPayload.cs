using System.Buffers.Binary;
using System.Text;

namespace Chasqui.Protocol;

/// <summary>The payloads of HEARTBEAT, CREDIT, RESET and GOODBYE (docs/protocol.md, sections 5, 6 and 8).</summary>
public static class ControlPayload
{
    /// <summary>Bytes of a HEARTBEAT.</summary>
    public const int HeartbeatSize = 9;

    /// <summary>Bytes of a CREDIT.</summary>
    public const int CreditSize = 4;

    /// <summary>The most bytes of a reason.</summary>
    public const int MaxReason = 1_024;

    /// <summary>Reads a HEARTBEAT.</summary>
    /// <returns>Whether it is an answer, and its 8 bytes.</returns>
    /// <exception cref="ProtocolException">PROTOCOL_ERROR: another size or kind.</exception>
    public static (bool IsAnswer, ulong Bytes) ReadHeartbeat(ReadOnlySpan<byte> payload) =>
        payload.Length == HeartbeatSize && payload[0] <= 1
            ? (payload[0] == 1, BinaryPrimitives.ReadUInt64BigEndian(payload[1..]))
            : throw new ProtocolException(ErrorCode.ProtocolError, $"a heartbeat has {HeartbeatSize} bytes and kind 0 or 1");

    /// <summary>Writes a HEARTBEAT into <see cref="HeartbeatSize"/> bytes.</summary>
    public static void WriteHeartbeat(Span<byte> destination, bool isAnswer, ulong bytes)
    {
        destination[0] = isAnswer ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt64BigEndian(destination[1..], bytes);
    }

    /// <summary>Reads a CREDIT: 1 to 2^31-1.</summary>
    /// <exception cref="ProtocolException">PROTOCOL_ERROR: another size, or 0. CREDIT_EXCEEDED: above 2^31-1.</exception>
    public static int ReadCredit(ReadOnlySpan<byte> payload)
    {
        if (payload.Length != CreditSize)
            throw new ProtocolException(ErrorCode.ProtocolError, $"credit has {CreditSize} bytes");
        var increment = BinaryPrimitives.ReadUInt32BigEndian(payload);
        if (increment == 0)
            throw new ProtocolException(ErrorCode.ProtocolError, "credit of 0");
        return increment <= int.MaxValue ? (int)increment : throw new ProtocolException(ErrorCode.CreditExceeded, "credit above 2^31-1");
    }

    /// <summary>Reads a RESET.</summary>
    /// <exception cref="ProtocolException">PROTOCOL_ERROR: cut off, or a reason that is too long or not UTF-8.</exception>
    public static (ErrorCode Code, string Reason) ReadReset(ReadOnlySpan<byte> payload)
    {
        var code = Varint.Read(ref payload);
        if (payload.Length > MaxReason)
            throw new ProtocolException(ErrorCode.ProtocolError, $"a reason is longer than {MaxReason} bytes");
        return (Known(code), Utf8.Read(payload, "a reason"));
    }

    /// <summary>Reads a GOODBYE.</summary>
    /// <exception cref="ProtocolException">PROTOCOL_ERROR: cut off, or a reason that is too long or not UTF-8.</exception>
    public static (uint LastStream, ErrorCode Code, string Reason) ReadGoodbye(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 5)
            throw new ProtocolException(ErrorCode.ProtocolError, "a goodbye is cut off");
        var last = BinaryPrimitives.ReadUInt32BigEndian(payload);
        var (code, reason) = ReadReset(payload[4..]);
        return (last, code, reason);
    }

    /// <summary>Writes code and reason, as in a RESET; a reason that is too long is cut at a character.</summary>
    /// <param name="destination">At least <see cref="Varint.MaxSize"/> + <see cref="MaxReason"/> bytes.</param>
    /// <param name="code">The code.</param>
    /// <param name="reason">For people.</param>
    /// <returns>Bytes written.</returns>
    public static int WriteReset(Span<byte> destination, ErrorCode code, string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        var used = Varint.Write(destination, (uint)code);
        // Stops before a character that does not fit, so it never cuts one.
        Encoding.UTF8.GetEncoder().Convert(reason, destination.Slice(used, MaxReason), flush: true, out _, out var written, out _);
        return used + written;
    }

    private static ErrorCode Known(uint code) => code is <= (uint)ErrorCode.Truncated or (>= (uint)ErrorCode.Cancelled and <= (uint)ErrorCode.MessageTooLarge)
        ? (ErrorCode)code
        : ErrorCode.Internal;
}
