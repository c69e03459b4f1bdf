using Chasqui.Gateway.Catalogue;
using Microsoft.Extensions.Logging;

namespace Chasqui.Gateway.Nodes;

/// <summary>All nodes: asks them what they have, watches their requests, and takes new settings while running. Thread-safe.</summary>
public sealed partial class NodeSet : IAsyncDisposable
{
    private static readonly TimeSpan _watchInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _soon = TimeSpan.FromMilliseconds(500);

    private readonly Func<NodeOptions, INodeConnection> _connect;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly NodeProbe _probe;
    private volatile Node[] _nodes = [];
    private volatile GatewaySettings _settings;
    private volatile ModelCatalogue _catalogue = ModelCatalogue.Empty;
    private volatile NameFilter _filter = new([], []);
    private readonly NodeWatch _states = new();
    private readonly NodeLog _log;
    private ITimer? _refresh;
    private ITimer? _watch;
    private Task? _refreshing;
    private long _refreshedAt;

    /// <summary>Makes the set; nobody is asked anything yet.</summary>
    /// <param name="settings">The first settings, with all nodes in them, the embedded engine's too.</param>
    /// <param name="connect">Makes the connection to a node; the set disposes it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of nodes that come and go.</param>
    public NodeSet(GatewaySettings settings, Func<NodeOptions, INodeConnection> connect, TimeProvider time, ILogger<NodeSet> logger)
    {
        _settings = settings;
        _connect = connect;
        _time = time;
        _logger = logger;
        _probe = new NodeProbe(time, logger);
        _log = new NodeLog(logger);
        Apply(settings);
    }

    /// <summary>The nodes in the order of the configuration.</summary>
    public IReadOnlyList<Node> All => _nodes;

    /// <summary>The models of all nodes together, as they were told last.</summary>
    public ModelCatalogue Catalogue => _catalogue;

    /// <summary>The settings in force.</summary>
    public GatewaySettings Settings => _settings;

    /// <summary>Called ten times a second.</summary>
    internal Action? Watched { get; set; }

    /// <summary>Called within a tenth of a second when a node has come, gone or changed its state; one call after the other.</summary>
    public Action<NodeChange>? StateChanged { get; set; }

    /// <summary>Called when a node has told what it has, with the moment at which it was asked.</summary>
    internal Action<Node, long>? Reported { get; set; }

    /// <summary>How requests find their node.</summary>
    public RoutingOptions Routing => _settings.Routing;

    /// <summary>Begins to ask all nodes, again and again, without waiting for them.</summary>
    public void Start()
    {
        _refresh = _time.CreateBackgroundTimer("refresh of nodes", static set => _ = set.RefreshQuietlyAsync(), this, TimeSpan.Zero, Routing.RefreshInterval);
        _watch = _time.CreateBackgroundTimer("watch of nodes", static set => set.Watch(), this, _watchInterval, _watchInterval);
    }

    /// <summary>Puts new settings in force: nodes that are gone or changed are let go, new ones are asked what they have.</summary>
    public void Apply(GatewaySettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        List<Node> gone;
        var options = settings.Nodes ?? [];
        lock (_gate)
        {
            var kept = _nodes.Where(node => options.Any(one => IsSame(one, node.Options))).ToDictionary(node => node.Name);
            gone = [.. _nodes.Where(node => !kept.ContainsKey(node.Name))];
            foreach (var node in kept.Values)
                node.Health.Follow(settings.Routing);
            _settings = settings;
            _filter = new NameFilter(settings.Catalogue.Allow, settings.Catalogue.Deny);
            _nodes = [.. options.Select(one => kept.TryGetValue(one.Name, out var node) ? node : new Node(one, _connect(one), settings.Routing, _time))];
            Rebuild();
        }
        foreach (var node in gone)
            _ = node.DisposeAsync().AsTask();
        if (_refresh is null)
            return;
        _refresh.Change(TimeSpan.Zero, settings.Routing.RefreshInterval);
    }

    /// <summary>Asks all nodes what they have, each for as long as it may take to connect; who asks meanwhile gets the same answer.</summary>
    public Task RefreshAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_refreshing is not { IsCompleted: false })
            {
                // For all who ask: no part of the request that happened to be the first.
                using (ExecutionContext.SuppressFlow())
                    _refreshing = Task.Run(RefreshAllAsync, CancellationToken.None);
            }
            return _refreshing.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Something was loaded or unloaded: whoever wants to know asks anew.</summary>
    public void Outdated() => Volatile.Write(ref _refreshedAt, _time.GetTimestamp() - (long)(_soon.TotalSeconds * _time.TimestampFrequency) - 1);

    /// <summary>A node's models were changed from here: what it told before is no longer believed, and it is asked anew without anybody waiting for that.</summary>
    internal void Changed(Node node)
    {
        node.Changed();
        Outdated();
        _ = RefreshAnewAsync();
    }

    /// <summary>The same, unless it was done within the last half second and since the last change that was made from here. A node that cannot be reached keeps nobody waiting for that.</summary>
    internal Task RefreshSoonAsync(CancellationToken cancellationToken) =>
        Array.Exists(_nodes, node => !node.IsUpToDate && node.Health.Share > 0) ? RefreshAnewAsync().WaitAsync(cancellationToken)
        : _time.GetElapsedTime(Volatile.Read(ref _refreshedAt)) < _soon ? Task.CompletedTask : RefreshAsync(cancellationToken);

    /// <summary>The embedded engine's node, if there is one and the request may go there.</summary>
    internal Node? Embedded(string? name) => _nodes.FirstOrDefault(node => node.Options.Kind == NodeKind.Embedded && (name is null || node.Name == name));

    /// <summary>The models of one node that clients may ask for, newest first.</summary>
    /// <exception cref="InvalidRequestException">There is no node of this name.</exception>
    internal IReadOnlyList<ModelSummary> ModelsOf(string name) =>
        [.. Named(name).Models.Where(model => Admits(model.Key)).Select(model => model.Value).OrderByDescending(model => model.ModifiedAt)];

    /// <summary>The models in memory that clients may ask for, the one that stays longest first.</summary>
    /// <param name="name">The only node to look at; null for all.</param>
    /// <exception cref="InvalidRequestException">There is no node of this name.</exception>
    internal IReadOnlyList<ResidentModel> ResidentOn(string? name)
    {
        IReadOnlyList<Node> nodes = name is null ? _nodes : [Named(name)];
        return
        [
            .. nodes.SelectMany(node => node.ResidentModels).Where(model => Admits(model.Key)).Select(model => model.Value)
                .OrderByDescending(model => model.ExpiresAt),
        ];
    }

    private Node Named(string name)
    {
        var node = Array.Find(_nodes, node => node.Name == name) ?? throw NoNode(name);
        return node.Report is null && node.Options.Kind != NodeKind.Embedded ? throw DownNodes.Named(node) : node;
    }

    /// <summary>There is no node of this name.</summary>
    internal NodeNotFoundException NoNode(string name) => new(name, [.. _nodes.Select(node => node.Name)]);

    /// <summary>Whether clients may ask for a model of this name.</summary>
    internal bool Admits(string model) => _filter.Allows(model);

    /// <summary>Whether it has requests and has said nothing for long, to any of them.</summary>
    internal bool IsStalled(Node node) =>
        node.IsSuspect || (node.InFlight > 0 && node.SinceProgress is var silent && silent > Routing.StallAfter && silent > StallOf(node));

    /// <summary>Ends all requests that go on without their callers, and lets no other do so: the gateway is about to stop.</summary>
    public void ReleaseKept()
    {
        foreach (var node in _nodes)
        {
            foreach (var lease in node.Load.KeepNone())
                lease.Release();
        }
    }

    /// <summary>Ends all requests and connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_refresh is not null)
            await _refresh.DisposeAsync().ConfigureAwait(false);
        if (_watch is not null)
            await _watch.DisposeAsync().ConfigureAwait(false);
        if (_refreshing is { } refreshing)
            await refreshing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var node in _nodes)
            await node.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>By value, also the lists, which are read anew with each configuration.</summary>
    private static bool IsSame(NodeOptions a, NodeOptions b) =>
        a.Allow.SequenceEqual(b.Allow) && a.Deny.SequenceEqual(b.Deny) && a with { Allow = b.Allow, Deny = b.Deny } == b;

    private async Task RefreshAnewAsync()
    {
        Task? running;
        lock (_gate)
            running = _refreshing;
        // It may have asked before the change.
        if (running is not null)
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await RefreshQuietlyAsync().ConfigureAwait(false);
    }

    private async Task RefreshQuietlyAsync() => await RefreshAsync(CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task RefreshAllAsync()
    {
        var nodes = _nodes;
        var asked = nodes.Select(AskAsync).ToList();
        await Task.WhenAll(asked).ConfigureAwait(false);
        Volatile.Write(ref _refreshedAt, _time.GetTimestamp());
    }

    private async Task AskAsync(Node node)
    {
        var askedAt = _time.GetTimestamp();
        await _probe.ReportAsync(node, NameOf(node), _stop.Token).ConfigureAwait(false);
        // At once: who is slow to answer delays nobody.
        lock (_gate)
            Rebuild();
        Reported?.Invoke(node, askedAt);
        _probe.MayTry(node, Routing, _stop.Token);
    }

    private static Func<ModelSummary, string?> NameOf(Node node)
    {
        var filter = new NameFilter(node.Options.Allow, node.Options.Deny);
        return model => filter.Allows(model.Name) ? ModelNames.Canonical(model.Name) : null;
    }

    private void Rebuild() => _catalogue = ModelCatalogue.Of(_nodes, _filter.Allows);

    /// <summary>Long prompts are silent for long.</summary>
    private TimeSpan StallOf(Node node)
    {
        var longest = 0;
        foreach (var lease in node.Load.Snapshot())
            longest = Math.Max(longest, lease.HasBegun ? 0 : lease.Request.PromptTokens);
        var usual = TimeSpan.FromSeconds(Math.Min(3600, 4 * longest / node.Speed.PromptTokensPerSecond));
        return usual > Routing.StallAfter ? usual : Routing.StallAfter;
    }

    private void Watch()
    {
        foreach (var node in _nodes)
        {
            if (node.InFlight > 0)
                LeaseWatch.Check(node, node.SinceProgress > StallOf(node), HasOther, Routing);
        }
        Watched?.Invoke();
        // A look that takes long is not overtaken by the next one.
        if (Monitor.TryEnter(_states))
        {
            try
            {
                foreach (var change in _states.Look(_nodes))
                {
                    _log.Write(change, Array.Find(_nodes, node => node.Name == change.Node));
                    StateChanged?.Invoke(change);
                }
            }
            finally
            {
                Monitor.Exit(_states);
            }
        }

        bool HasOther(NodeLease lease) => _catalogue.Having(lease.Model, lease.Request.Node)
            .Any(other => other != lease.Node && other.Health.Share > 0 && other.Resident(lease.Model) is not null && !IsStalled(other));
    }
}
