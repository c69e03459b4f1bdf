namespace Chasqui.Transport.Endpoints;

/// <summary>How a gateway is reached.</summary>
public enum WireScheme
{
    /// <summary>TCP.</summary>
    Tcp,

    /// <summary>TLS over TCP.</summary>
    Tls,

    /// <summary>A Unix socket.</summary>
    Unix,

    /// <summary>A WebSocket.</summary>
    WebSocket,

    /// <summary>A WebSocket over TLS.</summary>
    SecureWebSocket,
}

/// <summary>Where a gateway is.</summary>
/// <param name="Scheme">How it is reached.</param>
/// <param name="Host">Name or address; empty for a Unix socket.</param>
/// <param name="Port">1 to 65535; 0 for a Unix socket.</param>
/// <param name="Path">The socket's file, or the path of a WebSocket; else empty.</param>
public sealed record WireEndpoint(WireScheme Scheme, string Host, int Port, string Path)
{
    /// <summary>The port of TCP and TLS when none is said.</summary>
    public const int DefaultPort = 11436;

    private const int DefaultHttpPort = 11435;

    /// <summary>Reads <c>tcp://host:port</c>, <c>tls://host:port</c>, <c>unix:/path</c>, <c>ws://host:port/ws</c>, <c>wss://…</c> or <c>host:port</c>.</summary>
    /// <exception cref="FormatException">It is none of these; the message says so.</exception>
    public static WireEndpoint Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith("unix:", StringComparison.Ordinal))
            return text.Length > "unix:".Length ? new WireEndpoint(WireScheme.Unix, "", 0, text["unix:".Length..]) : throw Wrong(text);
        var full = text.Contains("://", StringComparison.Ordinal) ? text : "tcp://" + text;
        if (!Uri.TryCreate(full, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.UserInfo.Length > 0)
            throw Wrong(text);
        WireScheme scheme = uri.Scheme switch
        {
            "tcp" => WireScheme.Tcp,
            "tls" => WireScheme.Tls,
            "ws" => WireScheme.WebSocket,
            "wss" => WireScheme.SecureWebSocket,
            _ => throw Wrong(text),
        };
        var web = scheme is WireScheme.WebSocket or WireScheme.SecureWebSocket;
        if (!web && uri.AbsolutePath is not ("" or "/"))
            throw Wrong(text);
        var port = !uri.IsDefaultPort ? uri.Port : web ? (HasPort(text) ? uri.Port : DefaultHttpPort) : DefaultPort;
        if (port is < 1 or > 65_535)
            throw Wrong(text);
        var path = !web ? "" : uri.AbsolutePath.Length > 1 ? uri.AbsolutePath : "/ws";
        return new WireEndpoint(scheme, uri.IdnHost, port, path);
    }

    /// <summary>As it can be read again.</summary>
    public override string ToString() => Scheme switch
    {
        WireScheme.Unix => "unix:" + Path,
        WireScheme.Tcp => $"tcp://{Authority}",
        WireScheme.Tls => $"tls://{Authority}",
        WireScheme.WebSocket => $"ws://{Authority}{Path}",
        _ => $"wss://{Authority}{Path}",
    };

    private string Authority => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    private static bool HasPort(string text) => text.TrimEnd('/').LastIndexOf(':') > text.IndexOf("://", StringComparison.Ordinal);

    private static FormatException Wrong(string text) =>
        new($"\"{text}\" is no endpoint; it must be tcp://host:port, tls://host:port, unix:/path, ws://host:port/ws, wss://host:port/ws or host:port");
}
