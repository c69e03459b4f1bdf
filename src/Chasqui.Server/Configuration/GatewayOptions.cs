using Chasqui.Engines.LlamaCpp;
using Chasqui.Engines.Models.Managed;
using Chasqui.Gateway;
using Chasqui.Gateway.Sessions;

namespace Chasqui.Server;

/// <summary>Everything that can be configured, after checking. Where each value comes from is in <c>docs/configuration.md</c>.</summary>
public sealed record GatewayOptions
{
    /// <summary>The HTTP side.</summary>
    public HttpOptions Http { get; init; } = new();

    /// <summary>The MCP side.</summary>
    public WireListenOptions Wire { get; init; } = new();

    /// <summary>Where models are and how long they stay.</summary>
    public ModelOptions Models { get; init; } = new();

    /// <summary>Where the embedded engine runs when <c>chasqui serve</c> starts the gateway. Default: <see cref="EngineProcess.Worker"/>.</summary>
    public EngineProcess EngineProcess { get; init; } = EngineProcess.Worker;

    /// <summary>The embedded engine. Its <see cref="LlamaEngineOptions.KeepAlive"/> is taken from <see cref="ModelOptions.KeepAlive"/>.</summary>
    public LlamaEngineOptions Engine { get; init; } = new();

    /// <summary>The nodes beside the embedded engine; null, the default, for the Ollama on its usual port of this machine, if there is one.</summary>
    public IReadOnlyList<NodeOptions>? Nodes { get; init; }

    /// <summary>Whether the embedded engine is one of the nodes. Default true.</summary>
    public bool EngineEnabled { get; init; } = true;

    /// <summary>Whether it is no gateway, but an engine for one elsewhere.</summary>
    internal bool IsEngineAlone => Http.Endpoints.Count == 0;

    /// <summary>How requests find their node.</summary>
    public RoutingOptions Routing { get; init; } = new();

    /// <summary>How requests wait for a slot.</summary>
    public QueueOptions Queue { get; init; } = new();

    /// <summary>How requests are merged.</summary>
    public MergingOptions Merging { get; init; } = new();

    /// <summary>How answers are kept.</summary>
    public CacheOptions Cache { get; init; } = new();

    /// <summary>How generations are kept for those who come back.</summary>
    public ResumeOptions Resume { get; init; } = new();

    /// <summary>How sessions are kept.</summary>
    public SessionOptions Sessions { get; init; } = new();

    /// <summary>How to reach the PostgreSQL that they are kept in; empty, the default, for a file in the data folder.</summary>
    public string SessionDatabase { get; init; } = "";

    /// <summary>Names and patterns of the models that clients see.</summary>
    public CatalogueOptions Catalogue { get; init; } = new();

    /// <summary>Rules for clients' options, the first that names a model holds.</summary>
    public IReadOnlyList<ModelPolicy> Policies { get; init; } = [];

    /// <summary>How traffic is shaped.</summary>
    public LimitOptions Limits { get; init; } = new();

    /// <summary>Whether addresses that other machines can reach are listened on while there is no key. Default false.</summary>
    public bool AllowAnonymous { get; init; }

    /// <summary>Where state is kept.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>What the gateway tells of itself.</summary>
    public TelemetryOptions Telemetry { get; init; } = new();

    /// <summary>How the gateway ends.</summary>
    public ShutdownOptions Shutdown { get; init; } = new();
}

/// <summary>The process that models run in.</summary>
public enum EngineProcess
{
    /// <summary>One of their own, started again when it dies.</summary>
    Worker,

    /// <summary>The gateway's.</summary>
    Gateway,
}

/// <summary>The HTTP side.</summary>
public sealed record HttpOptions
{
    /// <summary>Where to listen. Default: <c>127.0.0.1:11435</c>.</summary>
    public IReadOnlyList<HttpEndpoint> Endpoints { get; init; } = [HttpEndpoint.Default];

    /// <summary>Largest request body in bytes, 1 KiB to 1 GiB. Default: 64 MiB.</summary>
    public long MaxRequestBodyBytes { get; init; } = 64 << 20;

    /// <summary>Connections at a time, WebSockets included, 1 to 1,000,000; more are answered with 503 and closed. Default 20,000.</summary>
    public int MaxConnections { get; init; } = 20_000;

    /// <summary>How long an answer may wait for a client that takes nothing, 1 s to 1 hour; then the connection is closed. Default: 30 s.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Web origins allowed beside the local ones; <c>*</c> stands for any text. Default: none.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];
}

/// <summary>Where models are and how long they stay.</summary>
public sealed record ModelOptions
{
    /// <summary>Folders with GGUF files. Default: <c>models</c> in the data folder, and the shipped models.</summary>
    public IReadOnlyList<string> Folders { get; init; } = [];

    /// <summary>Ollama's model store, read in place; empty for none. Default null: <c>$OLLAMA_MODELS</c>, else <c>~/.ollama/models</c>,
    /// else <c>/usr/share/ollama/.ollama/models</c>, the first there is.</summary>
    public string? OllamaStore { get; init; }

    /// <summary>Registries that models are pulled from and pushed to: <c>HOST</c>, <c>HOST:PORT</c>, <c>HOST:*</c>, or <c>*</c> for all that are on the public internet.
    /// Default: <see cref="RegistryList.Default"/>.</summary>
    public IReadOnlyList<string> Registries { get; init; } = RegistryList.Default;

    /// <summary>Bytes of a model that is pulled, and of a blob that is uploaded, 1 to 2^50. Default 1 TiB.</summary>
    public long MaxBytes { get; init; } = 1L << 40;

    /// <summary>Whether a request may bring a template of its own, a program that runs for each prompt. Default true.</summary>
    public bool RequestTemplates { get; init; } = true;

    /// <summary>How long an unused model stays in memory, 0 or more; <see cref="Timeout.InfiniteTimeSpan"/> for ever. Default: 5 minutes.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromMinutes(5);
}

/// <summary>Where state is kept.</summary>
public sealed record DataOptions
{
    /// <summary>The folder; made when it is missing. Default: <c>~/.chasqui</c>.</summary>
    public string Folder { get; init; } = HomeFolder.Combine(".chasqui");
}

/// <summary>How the gateway ends.</summary>
public sealed record ShutdownOptions
{
    /// <summary>How long answers that have begun may go on after a signal to stop, 0 to 1 hour. Default: 30 seconds.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
