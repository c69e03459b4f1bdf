namespace Chasqui.Gateway;

/// <summary>What a node is.</summary>
public enum NodeKind
{
    /// <summary>Found out when it is first reached.</summary>
    Auto,

    /// <summary>An Ollama.</summary>
    Ollama,

    /// <summary>A server that speaks OpenAI's API: llama.cpp's, vLLM, LM Studio.</summary>
    OpenAi,

    /// <summary>Another Chasqui, over MCP or HTTP.</summary>
    Chasqui,

    /// <summary>The engine that comes with the gateway.</summary>
    Embedded,
}

/// <summary>What a node may be asked to fetch. What stands in the request itself, as a <c>data:</c> URL, always goes on.</summary>
public enum NodeImages
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>What is on the public internet, as far as the number or the name of its host tells.</summary>
    Public,

    /// <summary>Anything, also from the node's own network.</summary>
    Any,
}

/// <summary>A node, as configured.</summary>
public sealed record NodeOptions
{
    /// <summary>The name of the embedded engine's node.</summary>
    public const string EmbeddedName = "local";

    /// <summary>Its name, for logs, headers and commands: 1 to 64 of a-z, 0-9, <c>.</c>, <c>_</c> and <c>-</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Where it is: <c>http://</c> or <c>https://</c> with host, port and perhaps a path; <c>tcp://</c>, <c>tls://</c>, <c>unix:</c>, <c>ws://</c> or <c>wss://</c> for another Chasqui over MCP.
    /// Empty for the embedded engine.</summary>
    public required string Url { get; init; }

    /// <summary>What it is. Default <see cref="NodeKind.Auto"/>.</summary>
    public NodeKind Kind { get; init; }

    /// <summary>Whether it is used without being configured, if it is there: that it does not answer is no news then. Default false.</summary>
    public bool IsImplied { get; init; }

    /// <summary>How much it can do beside the others, 0.01 to 100. Default 1.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Requests that it runs at once, 1 to 10,000; null, the default, for what it says itself.</summary>
    public int? Slots { get; init; }

    /// <summary>Models that it holds in memory at once, 1 to 1,000; null, the default, for as many as it will.</summary>
    public int? MaxModels { get; init; }

    /// <summary>Bytes that models may take in its memory together, 1 to 2^50; what does not fit is never asked for. Null, the default, for whatever it will hold.</summary>
    public long? Memory { get; init; }

    /// <summary>The key that it asks for, sent as a bearer token. Default none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Patterns of the models that are taken from it; <c>*</c> stands for any text. Default all.</summary>
    public IReadOnlyList<string> Allow { get; init; } = [];

    /// <summary>Patterns of the models that are not, whatever <see cref="Allow"/> says. Default none.</summary>
    public IReadOnlyList<string> Deny { get; init; } = [];

    /// <summary>What it may be asked to fetch: images by URL, and sounds, films and files. Default <see cref="NodeImages.Public"/>.</summary>
    public NodeImages Images { get; init; } = NodeImages.Public;

    /// <summary>Names of <see cref="Requests.GuardedMember.Names"/>: members of a request that it may be sent although they reach deep into it. Default none.</summary>
    public IReadOnlyList<string> AllowMembers { get; init; } = [];

    /// <summary>How patient the gateway is with it.</summary>
    public NodeTimeouts Timeouts { get; init; } = new();

    /// <summary>How long its connections of HTTP are kept.</summary>
    public NodeConnections Connections { get; init; } = new();

    /// <summary>Name and address, and nothing that is secret.</summary>
    public override string ToString() => Url.Length > 0 ? $"{Name} ({Url})" : Name;
}

/// <summary>How long connections of HTTP are kept for later requests.</summary>
public sealed record NodeConnections
{
    /// <summary>While no request uses it, 1 s to 1 hour. Default 60 s.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>At all, 1 s to 24 hours; a request that runs is never cut for it. Default 10 minutes.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>How long each part of a request may take.</summary>
public sealed record NodeTimeouts
{
    /// <summary>To connect, 10 ms to 10 minutes. Default 3 s.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Until the first token, a cold load included, 100 ms to 24 hours. Default 10 minutes.</summary>
    public TimeSpan FirstToken { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Between two tokens, 100 ms to 24 hours. Default 60 s.</summary>
    public TimeSpan BetweenTokens { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The whole request, 100 ms to 7 days. Default 1 hour.</summary>
    public TimeSpan Total { get; init; } = TimeSpan.FromHours(1);
}
