using System.Runtime.CompilerServices;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Requests;
using Chasqui.Gateway.Routing;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Dispatch;

/// <summary>Sends requests to _nodes. Thread-safe.</summary>
public sealed class Dispatcher
{
    private readonly NodeSet _nodes;
    private readonly TimeProvider _time;
    private readonly ConditionalWeakTable<Node, PrefixIndex> _prefixes = [];
    private volatile SharedBudget? _budget;

    /// <summary>Makes it; requests wait by the settings of the _nodes.</summary>
    public Dispatcher(NodeSet nodes, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        _nodes = nodes;
        _time = time;
        Queue = new RequestQueue(this, nodes, time);
    }

    /// <summary>Where requests wait for a slot.</summary>
    public RequestQueue Queue { get; }

    /// <summary>The _nodes.</summary>
    public NodeSet Nodes => _nodes;

    internal RoutingOptions Options => _nodes.Routing;

    internal TimeProvider Time => _time;

    private static string? Scope => RequestMeasure.Current?.PrefixScope;

    internal RetryBudget Budget
    {
        get
        {
            var share = Options.RetryBudget;
            if (_budget is { } made && made.Share == share)
                return made.Budget;
            return (_budget = new SharedBudget(share, new RetryBudget(share, _time))).Budget;
        }
    }

    /// <summary>Begins the way of a request.</summary>
    public Route Begin(RouteRequest request) => new(this, request);

    /// <summary>The hashes by which nodes are known to have computed the beginning of a prompt: <see cref="RouteRequest.Blocks"/>. None where nobody asks for that.</summary>
    /// <param name="model">The model's canonical name.</param>
    /// <param name="request">The request. Of images nothing is hashed.</param>
    /// <returns>One for each 512 bytes of UTF-8, at most 256; none for what is shorter.</returns>
    public ReadOnlyMemory<ulong> BlocksOf(string model, GenerationRequest request) => Options.PrefixAffinity ? PromptBlocks.Of(model, Scope, request) : default;

    /// <summary>The same for a prompt whose blocks were hashed already, of whatever model.</summary>
    public ReadOnlyMemory<ulong> BlocksOf(string model, ReadOnlySpan<ulong> hashes) => Options.PrefixAffinity ? PromptBlocks.Of(model, Scope, hashes) : default;

    /// <summary>The nodes that have a model, asked anew where nobody is known to have it.</summary>
    /// <exception cref="ModelNotFoundException">No node has it.</exception>
    /// <exception cref="InvalidModelNameException">No model can have that name.</exception>
    /// <exception cref="InvalidRequestException">There is no node of the name that was asked for.</exception>
    public async ValueTask<IReadOnlyList<Node>> HavingAsync(RouteRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var having = _nodes.Catalogue.Having(request.Model, request.Node);
        if (having.Count > 0)
            return having;
        // It may have been fetched since the nodes were asked last.
        await _nodes.RefreshSoonAsync(cancellationToken).ConfigureAwait(false);
        having = _nodes.Catalogue.Having(request.Model, request.Node);
        if (having.Count > 0)
            return having;
        // The embedded engine says itself what is wrong with a name that it does not know, unless the model may be on a node that has never answered.
        return _nodes.Embedded(request.Node) is { } embedded && _nodes.Admits(request.Model) && AllDown(request) is null ? [embedded] : throw NotFound(request);
    }

    /// <summary>What a node has computed of late; null where nobody asks for that.</summary>
    internal PrefixIndex? Prefixes(Node node) => Options.PrefixAffinity ? _prefixes.GetValue(node, static _ => new PrefixIndex()) : null;

    /// <summary>A node as the choice sees it.</summary>
    internal RouteCandidate Describe(Node node, RouteRequest request, int index, bool isResident)
    {
        var warm = Prefixes(node)?.Match(request.Blocks.Span) ?? 0;
        return new RouteCandidate
        {
            Index = index,
            InFlight = node.InFlight + node.Foreign,
            Slots = Math.Max(1, node.SlotsOf(request.Model)),
            Weight = node.Options.Weight * Math.Max(0.05, node.Health.Share),
            LoadSeconds = isResident ? 0 : node.Speed.LoadSeconds(request.Model, node.Find(request.Model)?.SizeBytes ?? 0),
            ServiceSeconds = node.Speed.ServiceSeconds,
            PromptTokensPerSecond = node.Speed.PromptTokensPerSecond,
            PendingTokens = node.Load.PendingTokens,
            WarmTokens = Math.Min(request.PromptTokens, warm * request.BlockTokens),
            FailureRate = node.Health.FailureRate,
        };
    }

    private EngineException NotFound(RouteRequest request)
    {
        var named = request.Node is null ? null : _nodes.All.FirstOrDefault(node => node.Name == request.Node);
        if (request.Node is { } name && named is null)
            return _nodes.NoNode(name);
        if (!ModelNames.IsPlausible(request.Model))
            return new InvalidModelNameException(request.AskedFor ?? request.Model);
        // While a node has never answered, it is not known that it does not have the model.
        if (named is { Report: null })
            return DownNodes.Named(named);
        if (AllDown(request) is { } down)
            return down;
        return new ModelNotFoundException(request.AskedFor ?? request.Model, _nodes.Catalogue.Nearest(request.Model));
    }

    /// <summary>Why it cannot be said that there is no such model: none of the nodes that were configured has ever answered. Null where one has.</summary>
    private EngineUnavailableException? AllDown(RouteRequest request)
    {
        var asked = _nodes.All.Where(node => node.Options is { Kind: not NodeKind.Embedded, IsImplied: false }).ToList();
        if (request.Node is not null || asked.Count == 0 || asked.Exists(node => node.Report is not null) || !ModelNames.IsPlausible(request.Model))
            return null;
        var rest = $", so it is not known whether one of them has model '{request.AskedFor ?? request.Model}'";
        return new EngineUnavailableException($"all nodes are down ({DownNodes.List(asked)}){rest}") { WithoutNames = "all nodes are down" + rest };
    }

    private sealed record SharedBudget(double Share, RetryBudget Budget);
}
