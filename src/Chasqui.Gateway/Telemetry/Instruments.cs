using System.Diagnostics.Metrics;

namespace Chasqui.Gateway.Telemetry;

/// <summary>The instruments of the meter <c>Chasqui</c>. Those whose names begin with <c>gen_ai</c> are of OpenTelemetry's GenAI semantic conventions, with their
/// recommended boundaries. Each is measured only when somebody listens.</summary>
internal sealed class Instruments
{
    private static readonly double[] _durations = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
    private static readonly double[] _firstToken = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
    private static readonly double[] _perToken = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];
    private static readonly double[] _waits = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
    private static readonly double[] _errors = [-60, -30, -10, -5, -2.5, -1, -0.5, -0.1, 0, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60];
    private static readonly long[] _tokens = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];

    private static readonly long[] _inputs = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024];

    public Instruments(Meter meter, Func<IEnumerable<NodeMeasure>> nodes, Func<long> droppedLines, Func<long> cacheBytes, Func<long> bodyBytes, Func<IEnumerable<Measurement<long>>> refusals)
    {
        ServerDuration = Histogram(meter, "gen_ai.server.request.duration", "s", "Time of a request for a model, from its arrival to its last byte.", _durations);
        FirstToken = Histogram(meter, "gen_ai.server.time_to_first_token", "s", "Time from a request's arrival to its first token, where it succeeded.", _firstToken);
        PerToken = Histogram(meter, "gen_ai.server.time_per_output_token", "s", "Mean time of each token after the first, where the request succeeded.", _perToken);
        ClientDuration = Histogram(meter, "gen_ai.client.operation.duration", "s", "Time of one attempt at a node, from its choice to its last byte.", _durations);
        Tokens = Histogram(meter, "gen_ai.client.token.usage", "{token}", "Tokens of prompts (input) and of answers (output).", _tokens);
        Requests = meter.CreateCounter<long>("chasqui.requests", "{request}", "Requests that have ended, whatever they asked for.");
        Active = meter.CreateUpDownCounter<long>("chasqui.requests.active", "{request}", "Requests that run or wait.");
        QueueLength = meter.CreateUpDownCounter<long>("chasqui.queue.length", "{request}", "Requests that wait for a node.");
        QueueWait = Histogram(meter, "chasqui.queue.wait", "s", "Time a request waited for a node.", _waits);
        QueueError = Histogram(meter, "chasqui.queue.prediction_error", "s", "Time a request waited for a slot, less the time that it was told when it came.", _errors);
        NodeRequests = meter.CreateCounter<long>("chasqui.node.requests", "{request}", "Attempts at a node that have ended: how they began, and how they ended.");
        Resends = meter.CreateCounter<long>("chasqui.node.resends", "{request}", "Requests that were sent to a node a second time at once, because it had closed their connection before a byte of an answer.");
        Policies = meter.CreateCounter<long>("chasqui.policy.changes", "{option}", "Options of requests that a policy changed.");
        Bytes = meter.CreateCounter<long>("chasqui.io", "By", "Bytes of bodies that were received from clients and sent to them.");
        MergedCalls = meter.CreateCounter<long>("chasqui.merge.calls", "{call}", "Calls to nodes that were made for requests for vectors, of one caller or of several together.");
        MergedRequests = meter.CreateCounter<long>("chasqui.merge.requests", "{request}", "Requests that were answered by those calls.");
        MergedInputs = Histogram(meter, "chasqui.merge.inputs", "{text}", "Texts of one such call.", _inputs);
        SharedRequests = meter.CreateCounter<long>("chasqui.share.requests", "{request}", "Requests that joined a generation which was begun for another.");
        CacheLookups = meter.CreateCounter<long>("chasqui.cache.lookups", "{answer}", "Vectors and generations that were looked for among those that are kept.");
        meter.CreateObservableGauge("chasqui.cache.size", cacheBytes, "By", "Bytes of answers that are kept in memory.");
        meter.CreateObservableGauge("chasqui.body.size", bodyBytes, "By", "Bytes of request bodies that are held in memory, as the budget counts them.");
        meter.CreateObservableCounter("chasqui.refusals", refusals, "{refusal}", "Requests and connections that were refused because they would hold too much.");
        Connections = meter.CreateUpDownCounter<long>("chasqui.connections.active", "{connection}", "Connections of MCP that are open.");
        meter.CreateObservableGauge("chasqui.node.requests.active", () => Gauge(nodes(), node => node.Active), "{request}", "Requests that run on a node.");
        meter.CreateObservableGauge("chasqui.node.queue.length", () => Gauge(nodes(), node => node.Queued), "{request}", "Requests that wait for a node of their own choice.");
        meter.CreateObservableGauge("chasqui.node.slots", () => Gauge(nodes(), node => node.Slots), "{request}", "Requests that a node runs at once.");
        meter.CreateObservableGauge("chasqui.node.models.resident", () => Gauge(nodes(), node => node.ResidentModels), "{model}", "Models in a node's memory.");
        meter.CreateObservableGauge("chasqui.node.state", () => States(nodes(), node => node.State, NodeMeasure.States), "{state}", "1 for the state that a node is in, 0 for the others.");
        meter.CreateObservableGauge("chasqui.node.breaker", () => States(nodes(), node => node.Breaker, NodeMeasure.Breakers), "{state}", "1 for the state that a node's circuit breaker is in, 0 for the others.");
        meter.CreateObservableCounter("chasqui.log.dropped", droppedLines, "{line}", "Lines of the log that were dropped because nobody took them fast enough.");
    }

    public Histogram<double> ServerDuration { get; }

    public Histogram<double> FirstToken { get; }

    public Histogram<double> PerToken { get; }

    public Histogram<double> ClientDuration { get; }

    public Histogram<long> Tokens { get; }

    public Counter<long> Requests { get; }

    public UpDownCounter<long> Active { get; }

    public UpDownCounter<long> QueueLength { get; }

    public Histogram<double> QueueWait { get; }

    public Histogram<double> QueueError { get; }

    public Counter<long> NodeRequests { get; }

    public Counter<long> Resends { get; }

    public Counter<long> Policies { get; }

    public Counter<long> Bytes { get; }

    public Counter<long> MergedCalls { get; }

    public Counter<long> MergedRequests { get; }

    public Histogram<long> MergedInputs { get; }

    public Counter<long> SharedRequests { get; }

    public Counter<long> CacheLookups { get; }

    public UpDownCounter<long> Connections { get; }

    private static Histogram<T> Histogram<T>(Meter meter, string name, string unit, string description, T[] boundaries)
        where T : struct =>
        meter.CreateHistogram(name, unit, description, null, new InstrumentAdvice<T> { HistogramBucketBoundaries = boundaries });

    private static IEnumerable<Measurement<long>> Gauge(IEnumerable<NodeMeasure> nodes, Func<NodeMeasure, int?> value)
    {
        foreach (var node in nodes)
        {
            if (value(node) is { } known)
                yield return new Measurement<long>(known, new KeyValuePair<string, object?>(TelemetryNames.Node, node.Name));
        }
    }

    private static IEnumerable<Measurement<long>> States(IEnumerable<NodeMeasure> nodes, Func<NodeMeasure, string> current, IReadOnlyList<string> all)
    {
        foreach (var node in nodes)
        {
            foreach (var state in all)
            {
                yield return new Measurement<long>(current(node) == state ? 1 : 0,
                    new KeyValuePair<string, object?>(TelemetryNames.Node, node.Name), new KeyValuePair<string, object?>(TelemetryNames.State, state));
            }
        }
    }
}
