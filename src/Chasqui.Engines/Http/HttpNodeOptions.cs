using Chasqui.Engines.Http1;

namespace Chasqui.Engines.Http;

/// <summary>A node that is reached over HTTP.</summary>
public sealed record HttpNodeOptions
{
    /// <summary>Where it is: <c>http://</c> or <c>https://</c> with host, port and perhaps a path.</summary>
    public required Uri Address { get; init; }

    /// <summary>Its name, for logs and errors. Default: host and port.</summary>
    public string? Name { get; init; }

    /// <summary>The key that it asks for, sent as a bearer token; null for none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>How patient we are with it.</summary>
    public CallTimeouts Timeouts { get; init; } = new();

    /// <summary>How connections are kept for later requests.</summary>
    public ConnectionLimits Connections { get; init; } = new();

    /// <summary>Called after each request that was sent a second time, because its connection had been closed before a byte of an answer. Must not throw. Default none.</summary>
    public Action? SentAgain { get; init; }
}
