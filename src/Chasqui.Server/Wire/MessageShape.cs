namespace Chasqui.Server;

/// <summary>What can be told of a message in Protocol Buffers before it is parsed. Source: protobuf.dev/programming-guides/encoding.</summary>
internal static class MessageShape
{
    private const int LongestNumber = 10;

    /// <summary>The fields of the message itself, not of those within it; up to where it ends or is broken, which its parser tells.</summary>
    public static int CountFields(ReadOnlySpan<byte> message)
    {
        var count = 0;
        while (TryReadNumber(ref message, out var tag) && TrySkip(ref message, (int)(tag & 7)))
            count++;
        return count;
    }

    private static bool TrySkip(ref ReadOnlySpan<byte> message, int kind)
    {
        var size = 0UL;
        var isWhole = kind switch
        {
            0 => TryReadNumber(ref message, out _),
            1 => (size = sizeof(ulong)) > 0,
            2 => TryReadNumber(ref message, out size),
            5 => (size = sizeof(uint)) > 0,
            _ => false,
        };
        if (!isWhole || size > (ulong)message.Length)
            return false;
        message = message[(int)size..];
        return true;
    }

    private static bool TryReadNumber(ref ReadOnlySpan<byte> message, out ulong number)
    {
        number = 0;
        for (var i = 0; i < LongestNumber && i < message.Length; i++)
        {
            number |= (ulong)(message[i] & 0x7F) << (7 * i);
            if (message[i] < 0x80)
            {
                message = message[(i + 1)..];
                return true;
            }
        }
        return false;
    }
}
