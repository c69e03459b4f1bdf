using System.Net.Security;

namespace Chasqui.Engines.Http1;

/// <summary>Where a node is and how it is connected to.</summary>
public sealed record Http1Options
{
    /// <summary>The node's name, for errors.</summary>
    public required string Name { get; init; }

    /// <summary>Its host, a name or an address.</summary>
    public required string Host { get; init; }

    /// <summary>Its port.</summary>
    public required int Port { get; init; }

    /// <summary>Whether TLS is spoken. Default false.</summary>
    public bool Tls { get; init; }

    /// <summary>Decides on the node's certificate; null, the default, for the system's judgement. For tests.</summary>
    internal RemoteCertificateValidationCallback? Trust { get; init; }

    /// <summary>What comes before every path, without a slash at its end. Default empty.</summary>
    public string PathPrefix { get; init; } = "";

    /// <summary>The key it asks for, sent as a bearer token: visible ASCII characters. Default none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>How long connecting may take, TLS included, 10 ms to 10 minutes. Default 3 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How connections are kept for later requests.</summary>
    public ConnectionLimits Connections { get; init; } = new();

    /// <summary>Called after each request that was sent a second time, because its connection had been closed before a byte of an answer. Must not throw. Default none.</summary>
    public Action? SentAgain { get; init; }

    /// <summary>The clock of all times.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Host and port, as they stand in an address.</summary>
    internal string Authority => FormattableString.Invariant($"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}");

    /// <summary>Those of an address.</summary>
    /// <param name="name">The node's name.</param>
    /// <param name="url">An absolute address of scheme <c>http</c> or <c>https</c>.</param>
    public static Http1Options Of(string name, Uri url)
    {
        ArgumentNullException.ThrowIfNull(url);
        return new Http1Options
        {
            Name = name,
            Host = url.IdnHost,
            Port = url.Port,
            Tls = url.Scheme == Uri.UriSchemeHttps,
            PathPrefix = url.AbsolutePath.TrimEnd('/'),
        };
    }
}
