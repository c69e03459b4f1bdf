namespace Chasqui.Cli;

/// <summary>What the verbs need of whoever runs the models: a gateway over MCP or HTTP, or an engine in this process.</summary>
internal interface IModelHost : IAsyncDisposable
{
    /// <summary>Where it is, for remarks, e.g. <c>tcp://127.0.0.1:11436</c>.</summary>
    string Place { get; }

    IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken);

    Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken);

    Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken);

    Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken);

    /// <returns>How long it took.</returns>
    Task<TimeSpan> LoadAsync(LoadRequest request, CancellationToken cancellationToken);

    /// <returns>False when it was not in memory.</returns>
    Task<bool> UnloadAsync(string model, CancellationToken cancellationToken);

    /// <summary>The nodes behind it, in the order of its configuration.</summary>
    /// <exception cref="CliException">It has no such thing.</exception>
    Task<IReadOnlyList<GatewayNode>> NodesAsync(CancellationToken cancellationToken);

    /// <summary>What changes models there.</summary>
    /// <param name="node">The node it is done on, by name, or <c>all</c>; null to leave that to the gateway.</param>
    IModelManager Manage(string? node);
}

/// <summary>A gateway that may or may not be there.</summary>
internal interface IGatewayHost : IModelHost
{
    /// <summary>Whether a gateway is there.</summary>
    Task<bool> IsPresentAsync(TimeSpan patience, CancellationToken cancellationToken);

    /// <summary>A chat that is the next turn of a session: its messages are those that are new.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="session">The session.</param>
    /// <param name="version">The version of it that was seen.</param>
    /// <param name="cancellationToken">Gives up.</param>
    IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, string session, long version, CancellationToken cancellationToken);

    /// <summary>Asks something of its HTTP API.</summary>
    /// <param name="method">E.g. <c>GET</c>.</param>
    /// <param name="path">Without a slash before it.</param>
    /// <param name="body">JSON; null for none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The body of the answer.</returns>
    /// <exception cref="CliException">It was refused.</exception>
    Task<byte[]> AskAsync(string method, string path, byte[]? body, CancellationToken cancellationToken);

    /// <summary>The changes of a session after a version, as they come; ends when it is deleted.</summary>
    /// <exception cref="GatewayUnreachableException">The connection broke.</exception>
    IAsyncEnumerable<byte[]> FollowAsync(string session, long after, CancellationToken cancellationToken);
}

/// <summary>An engine in this process.</summary>
/// <param name="engine">The engine.</param>
/// <param name="owner">What is disposed at the end: the engine, or what owns it.</param>
internal sealed class LocalModelHost(IEngine engine, IAsyncDisposable owner) : IModelHost
{
    public string Place => $"{engine.Name} in this process";

    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken) =>
        engine.ChatAsync(request, cancellationToken);

    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken) => engine.ListAsync(cancellationToken);

    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken) =>
        engine.ListResidentAsync(cancellationToken);

    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken) =>
        engine.ShowAsync(model, cancellationToken);

    public async Task<TimeSpan> LoadAsync(LoadRequest request, CancellationToken cancellationToken) =>
        (await engine.LoadAsync(request, cancellationToken)).LoadDuration;

    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken) => engine.UnloadAsync(model, cancellationToken);

    public Task<IReadOnlyList<GatewayNode>> NodesAsync(CancellationToken cancellationToken) => throw new CliException($"{Place} has no nodes");

    public IModelManager Manage(string? node) => node is null
        ? engine as IModelManager ?? throw new CliException($"{Place} does not manage models")
        : throw new UsageException("--node needs a gateway, and none runs; start one with 'chasqui serve', or name one with --server");

    public ValueTask DisposeAsync() => owner.DisposeAsync();
}
