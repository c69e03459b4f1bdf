using System.Buffers;

namespace Chasqui.Protocol.Headers;

/// <summary>What names and values may hold (docs/protocol.md, section 7).</summary>
internal static class HeaderText
{
    private static readonly SearchValues<byte> _name = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-._"u8);

    internal static void Check(ReadOnlySpan<byte> bytes, bool isName)
    {
        if (isName && (bytes.Length == 0 || bytes.ContainsAnyExcept(_name)))
            throw new ProtocolException(ErrorCode.Compression, "a field's name has other characters than a-z 0-9 - . _");
        if (!isName && (bytes.ContainsAnyInRange((byte)0, (byte)0x1F) || bytes.Contains((byte)0x7F)))
            throw new ProtocolException(ErrorCode.Compression, "a field's value has a control character");
    }
}
