using Chasqui.Gateway.Caching;
using Chasqui.Gateway.Continuity;
using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Merging;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Policies;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway;

/// <summary>All nodes as one engine: each request goes to the node where it is expected to be answered soonest, and to another one if that fails before it has said anything. Thread-safe.</summary>
/// <param name="dispatcher">Sends requests to nodes.</param>
/// <param name="rules">What the settings say of models.</param>
/// <param name="node">The only node that is asked; null for all, the default.</param>
/// <param name="merger">Lets requests for vectors go together; null, the default, where each goes by itself.</param>
/// <param name="cache">Has vectors that were made before; null, the default, for none.</param>
public sealed class NodesEngine(Dispatcher dispatcher, ModelRules rules, string? node = null, EmbeddingMerger? merger = null, CachedEmbeddings? cache = null) : IEngine
{
    /// <inheritdoc/>
    public string Name => node ?? "nodes";

    /// <summary>The same for one node alone.</summary>
    public NodesEngine On(string name) => new(dispatcher, rules, name, merger, cache);

    /// <summary>Changes models.</summary>
    /// <param name="name">A node's name, <see cref="NodesManager.All"/>, or null for whoever has the model.</param>
    public NodesManager ManagerOn(string? name) => new(dispatcher, rules, name);

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Stream(request, request.Prompt.Length).RunAsync(request, null, (engine, asked) => engine.GenerateAsync(asked, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Stream(request, request.Messages.Sum(m => m.Content.Length)).RunAsync(request, null, (engine, asked) => engine.ChatAsync(asked, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return cache is null ? MakeAsync(request, cancellationToken) : cache.EmbedAsync(request, node, missing => MakeAsync(missing, cancellationToken), cancellationToken);
    }

    private Task<EmbedResult> MakeAsync(EmbedRequest request, CancellationToken cancellationToken) => merger?.Merges(request) == true
        ? merger.EmbedAsync(request, node, cancellationToken)
        : HedgeAsync(RouteOf(request.Model, (int)Math.Min(int.MaxValue, request.Characters)), engine => EmbedAsync(engine, request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return CallAsync(RouteOf(request.Model, 0, loads: false), engine => engine.TokenizeAsync(request, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default)
    {
        await dispatcher.Nodes.RefreshSoonAsync(cancellationToken).ConfigureAwait(false);
        return rules.WithAliases(node is null ? dispatcher.Nodes.Catalogue.Models : dispatcher.Nodes.ModelsOf(node));
    }

    /// <inheritdoc/>
    public async Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default)
    {
        var shown = await CallAsync(RouteOf(model, 0, loads: false), engine => engine.ShowAsync(model, cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return shown with { Summary = rules.AsListed(model, shown.Summary) };
    }

    /// <inheritdoc/>
    public async Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var loaded = await CallAsync(RouteOf(request.Model, 0), engine => engine.LoadAsync(request, cancellationToken), cancellationToken).ConfigureAwait(false);
        dispatcher.Nodes.Outdated();
        return loaded with { Summary = rules.AsListed(request.Model, loaded.Summary) };
    }

    /// <summary>Frees it on all nodes that have it.</summary>
    public async Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default)
    {
        var name = rules.Resolve(model);
        var having = await dispatcher.HavingAsync(new RouteRequest { Model = name, AskedFor = model, Node = node }, cancellationToken).ConfigureAwait(false);
        var unloads = having.Select(on => on.Connection.Engine.UnloadAsync(on.Find(name)?.Name ?? model, cancellationToken));
        var was = await Task.WhenAll(unloads).ConfigureAwait(false);
        dispatcher.Nodes.Outdated();
        return was.Any(one => one);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default)
    {
        await dispatcher.Nodes.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return rules.WithAliases(dispatcher.Nodes.ResidentOn(node));
    }

    /// <summary>The nodes are their set's to dispose.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Route RouteOf(string model, int characters, bool loads = true) => dispatcher.Begin(
        new RouteRequest { Model = rules.Resolve(model), AskedFor = model, Node = node, PromptTokens = characters / RouteRequest.CharactersPerToken, Loads = loads });

    private Route RouteOf(GenerationRequest request, int characters)
    {
        var model = rules.Resolve(request.Model);
        return dispatcher.Begin(new RouteRequest
        {
            Model = model,
            AskedFor = request.Model,
            Node = node,
            PromptTokens = characters / RouteRequest.CharactersPerToken,
            MaxTokens = request.Options.NumPredict,
            Blocks = dispatcher.BlocksOf(model, request),
        });
    }

    /// <summary>Vectors that are not one for each text belong to nobody, and say of the node that it is broken.</summary>
    private static async Task<EmbedResult> EmbedAsync(LeasedEngine engine, EmbedRequest request, CancellationToken cancellationToken)
    {
        var result = await engine.EmbedAsync(request, cancellationToken).ConfigureAwait(false);
        return result.Vectors.Count == request.Count
            ? result
            : throw new EngineFailedException(FormattableString.Invariant($"node '{engine.Name}' answered {request.Count} texts with {result.Vectors.Count} vectors"));
    }

    private LeasedEngine EngineOf(NodeLease lease, Action<IReadOnlyList<OptionChange>>? changed = null) => new(lease, rules.PolicyOf(lease.Model), changed);

    private async Task<T> CallAsync<T>(Route route, Func<LeasedEngine, Task<T>> call, CancellationToken cancellationToken)
    {
        while (true)
        {
            using var lease = await route.NextAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                var changes = OptionChange.None;
                var answer = await call(EngineOf(lease, changed => changes = changed)).ConfigureAwait(false);
                lease.Succeeded();
                RequestMeasure.Current?.Answered(lease, changes);
                return answer;
            }
            catch (EngineException e)
            {
                lease.Ended(e);
                if (!route.MayRetry(lease, e))
                    throw;
            }
        }
    }

    /// <summary>As <see cref="CallAsync"/>, and beside a node that is slow a second one is asked.</summary>
    private async Task<T> HedgeAsync<T>(Route route, Func<LeasedEngine, Task<T>> call, CancellationToken cancellationToken)
    {
        if (dispatcher.Options.HedgeAfter <= TimeSpan.Zero)
            return await CallAsync(route, call, cancellationToken).ConfigureAwait(false);
        while (true)
        {
            NodeLease? first = null;
            try
            {
                using var hedged = await Hedge.RunAsync(
                    async token => await AttemptAsync(first = await route.NextAsync(token).ConfigureAwait(false), token).ConfigureAwait(false),
                    token => first is { } slow && route.TryHedge(slow, token) is { } lease ? AttemptAsync(lease, token) : null,
                    dispatcher.Options.HedgeAfter, null, dispatcher.Time, cancellationToken).ConfigureAwait(false);
                return hedged.Answer;
            }
            catch (EngineException e) when (first is not null && route.MayRetry(first, e))
            {
                // To another one.
            }
        }

        async Task<T> AttemptAsync(NodeLease lease, CancellationToken token)
        {
            using (lease)
            {
                try
                {
                    var changes = OptionChange.None;
                    var answer = await call(EngineOf(lease, changed => changes = changed)).ConfigureAwait(false);
                    lease.Succeeded();
                    RequestMeasure.Current?.Answered(lease, changes);
                    return answer;
                }
                catch (EngineException e)
                {
                    lease.Ended(e);
                    throw;
                }
                catch (OperationCanceledException) when (token.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                {
                    lease.Superseded();
                    throw;
                }
            }
        }
    }

    private ContinuedStream Stream(GenerationRequest request, int characters) => new(RouteOf(request, characters), lease => EngineOf(lease));
}
