using Chasqui.Engines.LlamaCpp;
using Chasqui.Engines.Models.Managed;

namespace Chasqui.Server;

/// <summary>One key of the configuration whose value is no list of objects. <c>Apply</c> sets it, and returns null when a value is not what is expected.</summary>
internal sealed partial record ConfigurationKey(
    string Name, bool IsList, string SchemaType, string Default, string Expected, string Meaning,
    Func<GatewayOptions, IReadOnlyList<string>, GatewayOptions?> Apply)
    : KeyDescription(Name, IsList, SchemaType, Default, Expected, Meaning)
{
    private static readonly TimeSpan _leastStall = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _mostStall = TimeSpan.FromHours(1);

    /// <summary>Every key there is. Documents, schema, checks and reading are all made from this table, and for lists of objects from <see cref="ConfigurationTable.All"/>.</summary>
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new("Http:Endpoints", true, "string", "127.0.0.1:11435", "ADDR:PORT, such as 127.0.0.1:11435, [::1]:11435, localhost:11435 or *:11435",
            "Where to listen. `*` is every address of the machine; port 0 takes a free one.",
            (options, values) => Endpoints(values) is { } endpoints ? options with { Http = options.Http with { Endpoints = endpoints } } : null),
        Whole("Http:MaxRequestBodyBytes", "67108864 (64 MiB)", 1024, 1 << 30, "Largest request body in bytes. A larger one is answered with 413.",
            (options, value) => options with { Http = options.Http with { MaxRequestBodyBytes = value } }),
        Whole("Http:MaxConnections", "20000", 1, 1_000_000, "Connections of HTTP at a time, WebSockets included. One more is answered with 503 and closed.",
            (options, value) => options with { Http = options.Http with { MaxConnections = (int)value } }),
        new("Http:Origins", true, "string", "none", "an origin such as https://chat.example.org, with at most one *",
            "Web origins that may call the API beside those of this machine, local applications and browser extensions.",
            (options, values) => values.All(IsOrigin) ? options with { Http = options.Http with { Origins = values } } : null),
        new("Http:StallTimeout", false, "string", "30s", "a duration from 1s to 1h",
            "How long an answer may wait for a client that takes nothing of it. Then the connection is closed, and its slot is free.",
            (options, values) => ConfigurationValues.Duration(values[0], _leastStall, _mostStall) is { } time
                ? options with { Http = options.Http with { StallTimeout = time } } : null),
        new("Mcp:StallTimeout", false, "string", "30s", "a duration from 1s to 1h",
            "The same for MCP: how long a message may wait for a client that grants no credit. Then its stream is reset with DEADLINE.",
            (options, values) => ConfigurationValues.Duration(values[0], _leastStall, _mostStall) is { } time
                ? options with { Wire = options.Wire with { StallTimeout = time } } : null),
        new("Mcp:Listen", true, "string", "127.0.0.1:11436", "off, ADDR:PORT, tls://ADDR:PORT or unix:PATH",
            "Where to listen for MCP, the binary protocol. Over WebSocket it is always at `/ws` of HTTP.",
            (options, values) => Listens(values) is { } listen ? options with { Wire = options.Wire with { Listen = listen } } : null),
        new("Mcp:Certificate", false, "string", "none", "a path",
            "PEM file with the certificate for `tls://`, and with its key unless `Mcp:CertificateKey` names another file.",
            (options, values) => options with { Wire = options.Wire with { Certificate = values[0] } }),
        new("Mcp:CertificateKey", false, "string", "the certificate's file", "a path",
            "PEM file with the certificate's key.",
            (options, values) => options with { Wire = options.Wire with { CertificateKey = values[0] } }),
        Whole("Mcp:MaxConnections", "20000", 1, 1_000_000, "Connections of MCP at a time, those over WebSocket included. One more is turned away, with a GOODBYE of the code FLOOD.",
            (options, value) => options with { Wire = options.Wire with { MaxConnections = (int)value } }),
        Whole("Mcp:MaxSilentConnections", "2000", 1, 1_000_000, "Connections of MCP at a time that have not said hello. Beyond, the one that has waited longest is closed.",
            (options, value) => options with { Wire = options.Wire with { MaxSilentConnections = (int)value } }),
        new("Models:Folders", true, "string", "`models` in the data folder, and the shipped models", "a path",
            "Folders with GGUF files.",
            (options, values) => options with { Models = options.Models with { Folders = values } }),
        new("Models:OllamaStore", false, "string", "`$OLLAMA_MODELS`, else `~/.ollama/models`, else `/usr/share/ollama/.ollama/models`, the first there is", "a path, or empty for none",
            "Ollama's model store, read in place.",
            (options, values) => options with { Models = options.Models with { OllamaStore = values[0] } }),
        new("Models:KeepAlive", false, "string", "5m", "a duration such as 5m, 90s or 1h30m, or -1 for ever",
            "How long an unused model stays in memory when the request does not say.",
            (options, values) => KeepAliveOf(values[0]) is { } time ? options with { Models = options.Models with { KeepAlive = time } } : null),
        new("Models:Allow", true, "string", "all", "a pattern of models' names", "Models that clients may ask for; `*` stands for any text.",
            (options, values) => values.All(value => value.Length > 0) ? options with { Catalogue = options.Catalogue with { Allow = values } } : null) { Reloads = true },
        new("Models:Deny", true, "string", "none", "a pattern of models' names", "Models that they may not, whatever `Models:Allow` says.",
            (options, values) => values.All(value => value.Length > 0) ? options with { Catalogue = options.Catalogue with { Deny = values } } : null) { Reloads = true },
        new("Models:Registries", true, "string", string.Join(", ", RegistryList.Default), "HOST, HOST:PORT, HOST:* or *",
            "Registries that models are pulled from and pushed to. One that you list may be on a private address; nothing else may, also where a registry sends the gateway on. `*` is every one on the public internet.",
            (options, values) => values.All(IsRegistry) ? options with { Models = options.Models with { Registries = values } } : null),
        Whole("Models:MaxBytes", "1099511627776 (1 TiB)", 1, 1L << 50, "Bytes of a model that is pulled, and of a blob that is uploaded.",
            (options, value) => options with { Models = options.Models with { MaxBytes = value } }),
        new("Models:RequestTemplates", false, "boolean", "true", "true or false",
            "Whether a request may bring a template of its own: `template` of Ollama's API, which is a program that runs for each prompt, here or on a node. `false` refuses it by name.",
            (options, values) => ConfigurationValues.Switch(values[0]) is { } on ? options with { Models = options.Models with { RequestTemplates = on } } : null),
        new("Engine:Process", false, "string", "worker", "worker or gateway",
            "Where models run: in a worker process, whose faults end only what runs there, or in the gateway's own.",
            (options, values) => values[0] switch
            {
                "worker" => options with { EngineProcess = EngineProcess.Worker },
                "gateway" => options with { EngineProcess = EngineProcess.Gateway },
                _ => null,
            }) { Choices = ["worker", "gateway"] },
        new("Engine:Enabled", false, "boolean", "true", "true or false", "Whether the embedded engine is one of the nodes.",
            (options, values) => ConfigurationValues.Switch(values[0]) is { } on ? options with { EngineEnabled = on } : null),
        Whole("Engine:Slots", "16", 1, 64, "Requests that one model decodes at once; fewer where their caches do not fit in memory.",
            (engine, value) => engine with { Slots = (int)value }),
        Whole("Engine:ContextLength", "4096", 4, 1 << 20, "Tokens of context for a request that does not say; never more than the model was trained for.",
            (engine, value) => engine with { ContextLength = (int)value }),
        Whole("Engine:BatchTokens", "512", 32, 8192, "Tokens computed in one step.",
            (engine, value) => engine with { BatchTokens = (int)value }),
        Whole("Engine:Threads", "0", 0, 512, "Threads for the arithmetic; 0 for all cores but one, which steps of many tokens borrow while that is measured to pay.",
            (engine, value) => engine with { Threads = (int)value }),
        Whole("Engine:QueueLimit", "512", 0, 100_000, "Requests of one model that may wait for a slot; further ones are answered with 503.",
            (engine, value) => engine with { QueueLimit = (int)value }),
        Whole("Engine:PrefixIdleSeconds", "600", 0, 86_400, "Seconds after which what was computed of a conversation is forgotten that nobody has gone on with; 0 to keep it until its slot is needed.",
            (engine, value) => engine with { PrefixIdleSeconds = (int)value }),
        Whole("Engine:MaxLoadedModels", "3", 1, 64, "Models in memory at once.",
            (engine, value) => engine with { MaxLoadedModels = (int)value }),
        Whole("Engine:MemoryLimitBytes", "0", 0, long.MaxValue, "Bytes of memory that models may take together; 0 for what the machine has free.",
            (engine, value) => engine with { MemoryLimitBytes = value }),
        Whole("Engine:MemoryReserveBytes", "268435456 (256 MiB)", 0, long.MaxValue, "Bytes of memory that are left free when a model is loaded.",
            (engine, value) => engine with { MemoryReserveBytes = value }),
        .. RoutingKeys.All,
        .. QueueKeys.All,
        .. LimitKeys.All,
        .. LoadKeys.All,
        new("Keys:AllowAnonymous", false, "boolean", "false", "true or false",
            "Whether addresses that other machines can reach are listened on while there is no key.",
            (options, values) => ConfigurationValues.Switch(values[0]) is { } on ? options with { AllowAnonymous = on } : null),
        .. MergingKeys.All,
        .. ResumeKeys.All,
        .. SessionKeys.All,
        .. CacheKeys.All,
        new("Data:Folder", false, "string", "~/.chasqui", "a path",
            "Where state is kept; made when it is missing.",
            (options, values) => values[0].Length > 0 ? options with { Data = new DataOptions { Folder = values[0] } } : null),
        new("Shutdown:DrainTimeout", false, "string", "30s", "a duration from 0s to 1h",
            "How long answers that have begun may go on after a signal to stop.",
            (options, values) => ConfigurationValues.Duration(values[0], TimeSpan.Zero, TimeSpan.FromHours(1)) is { } time
                ? options with { Shutdown = new ShutdownOptions { DrainTimeout = time } } : null),
        .. Telemetry,
    ];

    private static ConfigurationKey Whole(
        string name, string @default, long low, long high, string meaning, Func<LlamaEngineOptions, long, LlamaEngineOptions> apply) =>
        Whole(name, @default, low, high, meaning, (options, value) => options with { Engine = apply(options.Engine, value) });

    private static ConfigurationKey Whole(
        string name, string @default, long low, long high, string meaning, Func<GatewayOptions, long, GatewayOptions> apply)
    {
        var expected = high == long.MaxValue
            ? FormattableString.Invariant($"a whole number of at least {low}")
            : FormattableString.Invariant($"a whole number from {low} to {high}");
        return new(name, false, "integer", @default, expected, meaning,
            (options, values) => ConfigurationValues.Whole(values[0], low, high) is { } value ? apply(options, value) : null)
        {
            Minimum = low,
            Maximum = high == long.MaxValue ? null : high,
        };
    }

    private static bool IsRegistry(string value) => value == "*" || (value.Length > 0 && Uri.TryCreate($"https://{value.Replace(":*", "", StringComparison.Ordinal)}", UriKind.Absolute, out var uri)
        && uri is { PathAndQuery: "/", UserInfo: "", Fragment: "" } && !value.EndsWith('/'));

    private static List<HttpEndpoint>? Endpoints(IReadOnlyList<string> values)
    {
        var endpoints = new List<HttpEndpoint>();
        foreach (var value in values)
        {
            if (!HttpEndpoint.TryParse(value, out var endpoint))
                return null;
            endpoints.Add(endpoint);
        }
        return endpoints.Count > 0 ? endpoints : null;
    }

    private static List<WireListen>? Listens(IReadOnlyList<string> values)
    {
        if (values is ["off"])
            return [];
        var listens = new List<WireListen>();
        foreach (var value in values)
        {
            if (!WireListen.TryParse(value, out var listen))
                return null;
            listens.Add(listen);
        }

        return listens.Count > 0 ? listens : null;
    }

    private static bool IsOrigin(string value) =>
        value == "*" || (value.Contains("://", StringComparison.Ordinal) && value.Count(c => c == '*') <= 1 && !value.EndsWith('/'));

    private static TimeSpan? KeepAliveOf(string value) =>
        ConfigurationValues.Duration(value) is not { } time ? null : time < TimeSpan.Zero ? Timeout.InfiniteTimeSpan : time;
}
