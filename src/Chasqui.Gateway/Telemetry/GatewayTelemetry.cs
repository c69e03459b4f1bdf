using System.Diagnostics;
using System.Diagnostics.Metrics;
using Chasqui.Gateway.Shaping;

namespace Chasqui.Gateway.Telemetry;

/// <summary>
/// What there is to see of a gateway: spans of the activity source <c>Chasqui</c> and instruments of the meter <c>Chasqui</c>. Names are told in
/// docs/observability.md. Nothing is made for spans, and nothing measured, while nobody listens. Thread-safe.
/// </summary>
public sealed class GatewayTelemetry : IDisposable
{
    /// <summary>The name of the source and of the meter.</summary>
    public const string Name = "Chasqui";

    private readonly ModelLabels _models = new();
    private volatile Func<IEnumerable<NodeMeasure>>[] _nodes = [];
    private Func<long>? _droppedLines;
    private Func<long>? _cacheBytes;
    private ByteBudget? _budget;
    private RefusalCounts? _refusals;

    /// <param name="time">The clock; null for the system's.</param>
    public GatewayTelemetry(TimeProvider? time = null)
    {
        Time = time ?? TimeProvider.System;
        Instruments = new Instruments(Meter, () => _nodes.SelectMany(source => source()), () => _droppedLines?.Invoke() ?? 0, () => _cacheBytes?.Invoke() ?? 0,
            () => _budget?.Held ?? 0, Refusals);
    }

    /// <summary>Makes the spans.</summary>
    public ActivitySource Source { get; } = new(Name);

    /// <summary>Has the instruments.</summary>
    public Meter Meter { get; } = new(Name);

    /// <summary>Tells whether a model of that name exists, so that its name may be a label. While it is null, a name exists once a request for it has succeeded.</summary>
    public Func<string, bool>? ModelExists
    {
        get => _models.Exists;
        set => _models.Exists = value;
    }

    internal TimeProvider Time { get; }

    internal Instruments Instruments { get; }

    /// <summary>Begins to measure a request, which becomes <see cref="RequestContext.Current"/> of the caller.</summary>
    /// <returns>The measure; <see cref="RequestMeasure.Ended"/> must be called once.</returns>
    public RequestMeasure Begin(in RequestOrigin origin)
    {
        var measure = new RequestMeasure(this, origin);
        RequestContext.Current = measure;
        return measure;
    }

    /// <summary>Adds nodes to the gauges; asked whenever somebody reads them.</summary>
    public void AddNodes(Func<IEnumerable<NodeMeasure>> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        _nodes = [.. _nodes, nodes];
    }

    /// <summary>Says where to ask how many lines of the log were dropped.</summary>
    public void WatchLog(Func<long> droppedLines) => _droppedLines = droppedLines;

    /// <summary>Says where to ask how many bytes of answers are kept.</summary>
    public void WatchCache(Func<long> bytes) => _cacheBytes = bytes;

    /// <summary>Says where to ask how many bytes of bodies are held, and what was refused.</summary>
    public void WatchLoads(ByteBudget budget, RefusalCounts refusals) => (_budget, _refusals) = (budget, refusals);

    /// <summary>Counts an option of a request that a policy changed.</summary>
    /// <param name="model">The model that the request is for.</param>
    /// <param name="option">The option's name.</param>
    /// <param name="treatment">What was done to it, e.g. <c>clamp</c>.</param>
    public void PolicyApplied(string model, string option, string treatment)
    {
        if (Instruments.Policies.Enabled)
        {
            Instruments.Policies.Add(1, new TagList
            {
                { TelemetryNames.RequestModel, Label(model, succeeded: false) },
                { TelemetryNames.Option, option },
                { TelemetryNames.Treatment, treatment },
            });
        }
    }

    /// <summary>Counts a request that was sent to a node a second time at once, because its connection had been closed.</summary>
    /// <param name="node">The node's name.</param>
    public void SentAgain(string node) => Instruments.Resends.Add(1, new KeyValuePair<string, object?>(TelemetryNames.Node, node));

    /// <summary>Counts a request that joined a generation which was begun for another.</summary>
    /// <param name="model">The model that the request is for.</param>
    public void SharedGeneration(string model)
    {
        if (Instruments.SharedRequests.Enabled)
            Instruments.SharedRequests.Add(1, new KeyValuePair<string, object?>(TelemetryNames.RequestModel, Label(model, succeeded: false)));
    }

    /// <summary>Counts a connection of MCP that was opened or closed.</summary>
    /// <param name="change">1 or -1.</param>
    public void Connections(int change) => Instruments.Connections.Add(change, new KeyValuePair<string, object?>(TelemetryNames.Transport, "mcp"));

    /// <inheritdoc/>
    public void Dispose()
    {
        Source.Dispose();
        Meter.Dispose();
    }

    private IEnumerable<Measurement<long>> Refusals()
    {
        if (_refusals is not { } refusals)
            yield break;
        foreach (var reason in Enum.GetValues<RefusalReason>())
            yield return new Measurement<long>(refusals.Of(reason), new KeyValuePair<string, object?>(TelemetryNames.Reason, RefusalCounts.NameOf(reason)));
    }

    internal string Label(string model, bool succeeded) => _models.Label(model, succeeded);
}
