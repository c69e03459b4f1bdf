using Chasqui.Gateway;
using Chasqui.Gateway.Requests;

namespace Chasqui.Server;

/// <summary>The key <c>Nodes</c>.</summary>
internal static class NodeTable
{
    public const string Name = "Nodes";

    private const int MaxName = 64;
    private const string FromEnvironment = "env:";

    private static readonly NodeTimeouts _timeouts = new();
    private static readonly NodeConnections _connections = new();

    public static ConfigurationTable<NodeOptions> Create() => new(
        Name, "The nodes that run models, beside the embedded engine. An empty list is none.", "the Ollama on port 11434 of this machine, if there is one",
        [
            new("Url", false, "string", "", "http://HOST:PORT or https://HOST:PORT, perhaps with a path, and without user and password, or for another Chasqui tcp://HOST:PORT, tls://HOST:PORT, unix:PATH, ws:// or wss://",
                "Where it is. The `/v1` or `/api` of a client's base URL may stand at the end.", (node, values) => IsUrl(values[0]) ? node with { Url = values[0].TrimEnd('/') } : null) { IsRequired = true },
            new("Name", false, "string", "host and port of the URL", "1 to 64 of a-z, 0-9, ., _ and -, other than local",
                "Its name, in logs, headers and commands.", (node, values) => IsName(values[0]) ? node with { Name = values[0] } : null),
            new("Kind", false, "string", "auto", "auto, ollama, openai or chasqui", "What it is; `auto` finds out when it is first reached.",
                (node, values) => KindOf(values[0]) is { } kind ? node with { Kind = kind } : null) { Choices = ["auto", "ollama", "openai", "chasqui"] },
            new("Weight", false, "number", "1", "a number from 0.01 to 100", "How much it can do beside the others.",
                (node, values) => ConfigurationValues.Number(values[0], 0.01, 100) is { } weight ? node with { Weight = weight } : null) { Minimum = 0.01, Maximum = 100 },
            new("Slots", false, "integer", "what it says itself", "a whole number from 1 to 10000", "Requests that it runs at once.",
                (node, values) => ConfigurationValues.Whole(values[0], 1, 10_000) is { } slots ? node with { Slots = (int)slots } : null) { Minimum = 1, Maximum = 10_000 },
            new("MaxModels", false, "integer", "as many as it will", "a whole number from 1 to 1000", "Models that it holds in memory at once.",
                (node, values) => ConfigurationValues.Whole(values[0], 1, 1_000) is { } models ? node with { MaxModels = (int)models } : null) { Minimum = 1, Maximum = 1_000 },
            new("Memory", false, "integer", "whatever it will hold", "a whole number of bytes from 1 to 1125899906842624", "Bytes that models may take in its memory together; what does not fit is never asked for.",
                (node, values) => ConfigurationValues.Whole(values[0], 1, 1L << 50) is { } bytes ? node with { Memory = bytes } : null) { Minimum = 1, Maximum = 1L << 50 },
            new("ApiKey", false, "string", "none", "a key of visible ASCII characters, or env:NAME for an environment variable that is set",
                "The key that it asks for, sent as a bearer token. `env:NAME` keeps it out of the file.",
                (node, values) => KeyOf(values[0]) is { } key ? node with { ApiKey = key } : null) { IsSecret = true, Problem = KeyProblem },
            new("Allow", true, "string", "all", "a pattern of models' names", "Models that are taken from it; `*` stands for any text.",
                (node, values) => values.All(value => value.Length > 0) ? node with { Allow = values } : null),
            new("Deny", true, "string", "none", "a pattern of models' names", "Models that are not, whatever `Allow` says.",
                (node, values) => values.All(value => value.Length > 0) ? node with { Deny = values } : null),
            new("Images", false, "string", "public", "none, public or any",
                "What it may be asked to fetch by URL: images, sounds, films, files. `public` is what is on the public internet, as far as the URL tells. `data:` URLs always go on.",
                (node, values) => ImagesOf(values[0]) is { } images ? node with { Images = images } : null) { Choices = ["none", "public", "any"] },
            new("AllowMembers", true, "string", "none", "none, or names of " + string.Join(", ", GuardedMember.Names),
                "Members of a request that it may be sent although they [reach deep into it](apis.md#what-a-node-is-not-sent).",
                (node, values) => values is ["none"] ? node with { AllowMembers = [] } : values.All(GuardedMember.Names.Contains) ? node with { AllowMembers = values } : null),
            Patience("Connect", _timeouts.Connect, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(10), "How long connecting may take.",
                (timeouts, time) => timeouts with { Connect = time }),
            Patience("FirstToken", _timeouts.FirstToken, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(24), "How long the first token may take, a cold load included.",
                (timeouts, time) => timeouts with { FirstToken = time }),
            Patience("BetweenTokens", _timeouts.BetweenTokens, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(24), "How long the next token may take.",
                (timeouts, time) => timeouts with { BetweenTokens = time }),
            Patience("Total", _timeouts.Total, TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(7), "How long the whole request may take.",
                (timeouts, time) => timeouts with { Total = time }),
            Keeping("IdleTime", _connections.IdleTime, TimeSpan.FromHours(1), "How long a connection of HTTP is kept while no request uses it.",
                (connections, time) => connections with { IdleTime = time }),
            Keeping("Lifetime", _connections.Lifetime, TimeSpan.FromHours(24), "How long a connection of HTTP is used at all; a request that runs is never cut for it.",
                (connections, time) => connections with { Lifetime = time }),
        ],
        () => new NodeOptions { Name = "", Url = "" }, Check,
        (options, nodes) => options with { Nodes = [.. nodes.Select(Named)] });

    private static ItemKey<NodeOptions> Patience(
        string name, TimeSpan @default, TimeSpan low, TimeSpan high, string meaning, Func<NodeTimeouts, TimeSpan, NodeTimeouts> apply) =>
        new($"Timeouts:{name}", false, "string", GoDuration.Format(@default), ConfigurationValues.Expected(low, high), meaning,
            (node, values) => ConfigurationValues.Duration(values[0], low, high) is { } time ? node with { Timeouts = apply(node.Timeouts, time) } : null);

    private static ItemKey<NodeOptions> Keeping(string name, TimeSpan @default, TimeSpan high, string meaning, Func<NodeConnections, TimeSpan, NodeConnections> apply) =>
        new($"Connections:{name}", false, "string", GoDuration.Format(@default), ConfigurationValues.Expected(TimeSpan.FromSeconds(1), high), meaning,
            (node, values) => ConfigurationValues.Duration(values[0], TimeSpan.FromSeconds(1), high) is { } time ? node with { Connections = apply(node.Connections, time) } : null);

    private static ItemProblem? Check(IReadOnlyList<NodeOptions> nodes)
    {
        Dictionary<string, int> names = new(StringComparer.Ordinal);
        for (var i = 0; i < nodes.Count; i++)
        {
            var name = Named(nodes[i]).Name;
            if (!names.TryAdd(name, i))
                return new(i, "Name", FormattableString.Invariant($"is \"{name}\", as that of \"Nodes:{names[name]}\"; names must differ"));
            if (IsWire(nodes[i].Url) && nodes[i].Kind is not (NodeKind.Auto or NodeKind.Chasqui))
                return new(i, "Kind", $"must be chasqui or auto where the URL is {ConfigurationErrors.Show(nodes[i].Url)}");
        }
        return null;
    }

    private static NodeOptions Named(NodeOptions node) => node with { Name = node.Name.Length > 0 ? node.Name : NameOf(node.Url), Url = Root(node) };

    /// <summary>The address below which the paths of the APIs lie: people copy the one that they give to a client, with <c>/v1</c> or <c>/api</c>.</summary>
    private static string Root(NodeOptions node)
    {
        if (!node.Url.StartsWith("http", StringComparison.OrdinalIgnoreCase))
            return node.Url;
        // Where a server of OpenAI's API is meant, /api may be what stands before its /v1.
        string[] ends = node.Kind == NodeKind.OpenAi ? ["/v1"] : ["/v1", "/api"];
        return ends.FirstOrDefault(end => node.Url.EndsWith(end, StringComparison.Ordinal)) is { } found ? node.Url[..^found.Length].TrimEnd('/') : node.Url;
    }

    /// <summary>A name from an address: host and port, or the file's name of a Unix socket.</summary>
    internal static string NameOf(string url)
    {
        var text = url.StartsWith("unix:", StringComparison.Ordinal)
            ? Path.GetFileName(url["unix:".Length..])
            : Uri.TryCreate(url, UriKind.Absolute, out var uri) ? $"{uri.Host.Trim('[', ']')}-{uri.Port}" : url;
        var name = string.Concat(text.ToLowerInvariant().Select(c => IsNameCharacter(c) ? c : '-'));
        name = name.Length > MaxName ? name[..MaxName] : name;
        return name is "" or NodeOptions.EmbeddedName ? "node" : name;
    }

    private static bool IsName(string name) => name.Length is >= 1 and <= MaxName && name != NodeOptions.EmbeddedName && name.All(IsNameCharacter);

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '_' or '-';

    private static bool IsWire(string url) =>
        url.StartsWith("unix:", StringComparison.Ordinal)
        || (Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "tcp" or "tls" or "ws" or "wss");

    private static bool IsUrl(string url)
    {
        if (url.StartsWith("unix:", StringComparison.Ordinal))
            return url.Length > "unix:".Length && !url.Contains('\0', StringComparison.Ordinal);
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0)
            return false;
        return uri.Scheme is "http" or "https" or "ws" or "wss" || (uri.Scheme is "tcp" or "tls" && uri.Port > 0 && uri.AbsolutePath is "" or "/");
    }

    private static NodeKind? KindOf(string value) => value.ToLowerInvariant() switch
    {
        "auto" => NodeKind.Auto,
        "ollama" => NodeKind.Ollama,
        "openai" => NodeKind.OpenAi,
        "chasqui" => NodeKind.Chasqui,
        _ => null,
    };

    private static NodeImages? ImagesOf(string value) => value.ToLowerInvariant() switch
    {
        "none" => NodeImages.None,
        "public" => NodeImages.Public,
        "any" => NodeImages.Any,
        _ => null,
    };

    private static string? KeyProblem(string value)
    {
        if (!value.StartsWith(FromEnvironment, StringComparison.Ordinal))
            return null;
        var name = value[FromEnvironment.Length..];
        return name.Length == 0 ? $"is \"{FromEnvironment}\" without the name of an environment variable"
            : string.IsNullOrWhiteSpace(Environment.GetEnvironmentVariable(name)) ? $"names an environment variable, and {name} is not set; set it before the gateway starts: export {name}=…"
            : $"names the environment variable {name}, whose value must be of visible ASCII characters";
    }

    private static string? KeyOf(string value)
    {
        if (value.StartsWith(FromEnvironment, StringComparison.Ordinal))
            value = Environment.GetEnvironmentVariable(value[FromEnvironment.Length..])?.Trim() ?? "";
        return value.Length > 0 && value.All(c => c is > ' ' and < (char)127) ? value : null;
    }
}
