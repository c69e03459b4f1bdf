using System.Text;

namespace Chasqui.Protocol;

/// <summary>Text of a peer.</summary>
internal static class Utf8
{
    private static readonly UTF8Encoding _strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="ProtocolException">PROTOCOL_ERROR: not UTF-8.</exception>
    internal static string Read(ReadOnlySpan<byte> bytes, string what, ErrorCode code = ErrorCode.ProtocolError)
    {
        try
        {
            return _strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new ProtocolException(code, $"{what} is not UTF-8");
        }
    }
}
