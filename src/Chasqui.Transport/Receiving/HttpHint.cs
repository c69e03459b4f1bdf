namespace Chasqui.Transport;

/// <summary>A word to those who speak HTTP to this port.</summary>
internal static class HttpHint
{
    internal static ReadOnlySpan<byte> Answer =>
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 85\r\nConnection: close\r\n\r\nThis port speaks MCP/1, the binary protocol of Chasqui; HTTP is served on another.  \r\n"u8;

    internal static bool LooksLikeHttp(ReadOnlySpan<byte> bytes) =>
        bytes[..4] is [(byte)'G', (byte)'E', (byte)'T', (byte)' '] or [(byte)'P', (byte)'O', (byte)'S', (byte)'T'] or [(byte)'P', (byte)'U', (byte)'T', (byte)' ']
            or [(byte)'H', (byte)'E', (byte)'A', (byte)'D'] or [(byte)'D', (byte)'E', (byte)'L', (byte)'E'] or [(byte)'O', (byte)'P', (byte)'T', (byte)'I']
            or [(byte)'P', (byte)'A', (byte)'T', (byte)'C'] or [(byte)'C', (byte)'O', (byte)'N', (byte)'N'] or [(byte)'P', (byte)'R', (byte)'I', (byte)' '];
}
