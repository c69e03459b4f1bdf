using System.Diagnostics.CodeAnalysis;

namespace Chasqui.Server;

/// <summary>One place where MCP is listened for.</summary>
/// <param name="Endpoint">Address and port; null for a Unix socket.</param>
/// <param name="UnixPath">The socket's file; null for TCP.</param>
/// <param name="Tls">Whether TLS is spoken, with the certificate of <see cref="WireListenOptions"/>.</param>
public sealed record WireListen(HttpEndpoint? Endpoint, string? UnixPath = null, bool Tls = false)
{
    /// <summary><c>127.0.0.1:11436</c>.</summary>
    public static WireListen Default { get; } = new(new HttpEndpoint(System.Net.IPAddress.Loopback, 11436));

    /// <summary>Reads <c>ADDR:PORT</c>, <c>tcp://ADDR:PORT</c>, <c>tls://ADDR:PORT</c> or <c>unix:PATH</c>.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out WireListen? listen)
    {
        ArgumentNullException.ThrowIfNull(text);
        listen = null;
        if (text.StartsWith("unix:", StringComparison.Ordinal))
        {
            // The kernel's own limit is 108 bytes with the zero at the end.
            var path = text["unix:".Length..];
            if (path.Length == 0 || System.Text.Encoding.UTF8.GetByteCount(path) > 107)
                return false;
            listen = new WireListen(null, Path.GetFullPath(path));
            return true;
        }

        var tls = text.StartsWith("tls://", StringComparison.Ordinal);
        var plain = tls || text.StartsWith("tcp://", StringComparison.Ordinal) ? text["tcp://".Length..] : text;
        if (!HttpEndpoint.TryParse(plain, out var endpoint))
            return false;
        listen = new WireListen(endpoint, Tls: tls);
        return true;
    }

    /// <summary>As a client is told it, e.g. <c>tcp://127.0.0.1:11436</c>.</summary>
    public override string ToString() => UnixPath is not null ? $"unix:{UnixPath}" : $"{(Tls ? "tls" : "tcp")}://{Endpoint}";
}

/// <summary>The MCP side.</summary>
public sealed record WireListenOptions
{
    /// <summary>Where to listen; empty for nowhere. Default null: <see cref="WireListen.Default"/>, and a free port of the loopback
    /// where HTTP takes a free one too.</summary>
    public IReadOnlyList<WireListen>? Listen { get; init; }

    /// <summary>PEM file of the certificate for <c>tls://</c>. Default none.</summary>
    public string? Certificate { get; init; }

    /// <summary>PEM file of its key; null when the certificate's file has it.</summary>
    public string? CertificateKey { get; init; }

    /// <summary>Connections at a time, those over WebSocket included, 1 to 1,000,000; more are turned away. Default 20,000.</summary>
    public int MaxConnections { get; init; } = 20_000;

    /// <summary>Connections at a time whose hello has not come, 1 to 1,000,000; beyond, the one that has waited longest is closed. Default 2,000.</summary>
    public int MaxSilentConnections { get; init; } = 2_000;

    /// <summary>How long a message may wait for a client that grants no credit, 1 s to 1 hour; then its stream is reset with DEADLINE. Default: 30 s.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Where to listen, with the default filled in.</summary>
    internal IReadOnlyList<WireListen> Resolve(HttpOptions http) =>
        Listen ?? (http.Endpoints.Any(e => e.Port != 0) ? [WireListen.Default] : [new WireListen(HttpEndpoint.Default with { Port = 0 })]);
}
