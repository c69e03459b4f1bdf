using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Nodes;

namespace Chasqui.Gateway;

/// <summary>
/// Changes the models of nodes: of the one that is named, of all, or where nobody says, of those that have the model, and for what is new of the first node that
/// keeps models. Thread-safe.
/// </summary>
/// <param name="dispatcher">Knows the nodes.</param>
/// <param name="rules">Knows other names of models.</param>
/// <param name="node">A node's name, <see cref="All"/>, or null.</param>
public sealed class NodesManager(Dispatcher dispatcher, ModelRules rules, string? node) : IModelManager
{
    /// <summary>Stands for all nodes that keep models.</summary>
    public const string All = "all";

    private const int Buffer = 64;

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> PullAsync(TransferRequest request, CancellationToken cancellationToken = default) =>
        Progress(First(null), manager => manager.PullAsync(request, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> PushAsync(TransferRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Progress(First(request.Model), manager => manager.PushAsync(request, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ModelProgress> CreateAsync(CreateRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Progress(First(request.From), manager => manager.CreateAsync(request, cancellationToken), cancellationToken);
    }

    /// <summary>Copies it on each node that has it.</summary>
    public async Task CopyAsync(string source, string destination, CancellationToken cancellationToken = default)
    {
        var having = await HavingAsync(source, cancellationToken).ConfigureAwait(false);
        await Task.WhenAll(having.Select(on => ChangeAsync(on, Manager(on).CopyAsync(source, destination, cancellationToken)))).ConfigureAwait(false);
    }

    /// <summary>Removes it from each node that has it.</summary>
    public async Task DeleteAsync(string model, CancellationToken cancellationToken = default)
    {
        var having = await HavingAsync(model, cancellationToken).ConfigureAwait(false);
        await Task.WhenAll(having.Select(on => ChangeAsync(on, Manager(on).DeleteAsync(model, cancellationToken)))).ConfigureAwait(false);
    }

    /// <summary>Whether all nodes that are meant have it.</summary>
    public async Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken = default)
    {
        var has = await Task.WhenAll(Named().Select(on => Manager(on).HasBlobAsync(digest, cancellationToken))).ConfigureAwait(false);
        return has.All(one => one);
    }

    /// <inheritdoc/>
    public Task WriteBlobAsync(string digest, Stream content, CancellationToken cancellationToken = default) => Named() is [var on]
        ? Manager(on).WriteBlobAsync(digest, content, cancellationToken)
        : throw new InvalidRequestException("a blob goes to one node: name it, or name none");

    /// <summary>The nodes that are meant where the model is new.</summary>
    private List<Node> Named()
    {
        var keepers = dispatcher.Nodes.All.Where(on => on.Report is not null && on.Connection.Engine is IModelManager).ToList();
        if (node == All)
            return keepers.Count > 0 ? keepers : throw Nobody();
        if (node is not null)
        {
            var named = dispatcher.Nodes.All.FirstOrDefault(on => on.Name == node) ?? throw dispatcher.Nodes.NoNode(node);
            return named.Report is null && named.Options.Kind != NodeKind.Embedded ? throw DownNodes.Named(named) : [named];
        }
        return keepers.Count > 0 ? [keepers[0]] : [dispatcher.Nodes.Embedded(null) ?? throw Nobody()];
    }

    /// <summary>The nodes that are meant, and have the model.</summary>
    private async ValueTask<IReadOnlyList<Node>> HavingAsync(string model, CancellationToken cancellationToken)
    {
        var request = new RouteRequest { Model = rules.Resolve(model), AskedFor = model, Node = node == All ? null : node };
        return await dispatcher.HavingAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The nodes that do it: where there is a source, one that has it.</summary>
    private List<Node> First(string? source) =>
        node is null && source is not null && dispatcher.Nodes.Catalogue.Having(rules.Resolve(source)) is [var having, ..] ? [having] : Named();

    private static IModelManager Manager(Node on) => on.Connection.Engine as IModelManager
        ?? throw new InvalidRequestException($"node {on.Name} does not manage models: pull, push, create, copy, delete and blobs are not there");

    private static InvalidRequestException Nobody() => new("no node manages models: pull, push, create, copy, delete and blobs are not there");

    /// <summary>What is wrong with the request is told at once, not with the first step.</summary>
    private IAsyncEnumerable<ModelProgress> Progress(
        IReadOnlyList<Node> nodes, Func<IModelManager, IAsyncEnumerable<ModelProgress>> begin, CancellationToken cancellationToken) =>
        nodes is [var only] ? WatchAsync(only, begin(Manager(only)), cancellationToken) : TogetherAsync(nodes, begin, cancellationToken);

    private async IAsyncEnumerable<ModelProgress> WatchAsync(Node on, IAsyncEnumerable<ModelProgress> steps, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var step in steps.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            // Before it is told: whoever hears it and asks the model is answered by the new one.
            if (step.Status == "success")
                dispatcher.Nodes.Changed(on);
            yield return step;
        }
    }

    private async Task ChangeAsync(Node on, Task change)
    {
        await change.ConfigureAwait(false);
        dispatcher.Nodes.Changed(on);
    }

    /// <summary>All at the same time, each step with its node's name, and one success at the end.</summary>
    private async IAsyncEnumerable<ModelProgress> TogetherAsync(
        IReadOnlyList<Node> nodes, Func<IModelManager, IAsyncEnumerable<ModelProgress>> begin, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var steps = Channel.CreateBounded<ModelProgress>(new BoundedChannelOptions(Buffer) { SingleReader = true });
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var token = leave.Token;
        var running = Task.WhenAll(nodes.Select(RunAsync));
        _ = running.ContinueWith(_ => steps.Writer.TryComplete(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            await foreach (var step in steps.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return step;
        }
        finally
        {
            // Who stops reading stops the work, even with no token.
            await leave.CancelAsync().ConfigureAwait(false);
            await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        var failures = (await running.ConfigureAwait(false)).OfType<string>().ToList();
        if (failures.Count > 0)
            throw new EngineFailedException(string.Join("; ", failures));
        yield return new ModelProgress("success");

        async Task<string?> RunAsync(Node on)
        {
            try
            {
                await foreach (var step in WatchAsync(on, begin(Manager(on)), token).ConfigureAwait(false))
                {
                    if (step.Status != "success")
                        await steps.Writer.WriteAsync(step with { Node = on.Name }, token).ConfigureAwait(false);
                }
                return null;
            }
            catch (EngineException e)
            {
                return $"{on.Name}: {e.Message}";
            }
        }
    }
}
