using System.Diagnostics;

namespace Chasqui.Gateway.Telemetry;

/// <summary>One attempt to have a request answered by a node: the span <c>node NAME</c>, the node's counter and the time of the operation. Thread-safe.</summary>
public sealed class NodeAttempt
{
    private readonly RequestMeasure _request;
    private readonly long _began;
    private readonly string? _address;
    private readonly int _port;
    private readonly AttemptKind _kind;
    private int _ended;

    internal NodeAttempt(RequestMeasure request, string node, string provider, string? address, int port, AttemptKind kind)
    {
        _request = request;
        _began = request.Telemetry.Time.GetTimestamp();
        Name = node;
        Provider = provider;
        _address = address;
        _port = port;
        _kind = kind;
        // A string is made for the name only where somebody looks.
        if (request.Span is not { } server)
            return;
        Span = request.Telemetry.Source.StartActivity("node " + node, ActivityKind.Client, server.Context);
        if (Span is not { IsAllDataRequested: true })
            return;
        Span.SetTag(TelemetryNames.Node, node);
        Span.SetTag(TelemetryNames.Provider, provider);
        Span.SetTag(TelemetryNames.Attempt, kind.Text());
        if (address is not null)
            Span.SetTag(TelemetryNames.ServerAddress, address);
        if (port != 0)
            Span.SetTag(TelemetryNames.ServerPort, port);
    }

    /// <summary>The node's name.</summary>
    public string Name { get; }

    /// <summary>The node's kind.</summary>
    public string Provider { get; }

    internal Activity? Span { get; }

    /// <summary>The span while the attempt goes on.</summary>
    internal Activity? LiveSpan => Volatile.Read(ref _ended) == 0 ? Span : null;

    /// <summary>It has ended; further calls change nothing.</summary>
    /// <param name="error">Why it failed: one of a known set; null where it did not.</param>
    public void Ended(string? error = null)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            return;
        var instruments = _request.Telemetry.Instruments;
        if (instruments.NodeRequests.Enabled)
        {
            instruments.NodeRequests.Add(1, new TagList
            {
                { TelemetryNames.Node, Name }, { TelemetryNames.Attempt, _kind.Text() }, { TelemetryNames.Outcome, error ?? "ok" },
            });
        }

        if (instruments.ClientDuration.Enabled && _request.Operation.Length > 0)
        {
            var tags = new TagList
            {
                { TelemetryNames.Operation, _request.Operation },
                { TelemetryNames.Provider, Provider },
                { TelemetryNames.RequestModel, _request.Telemetry.Label(_request.Model, error is null) },
            };
            if (_address is not null)
                tags.Add(TelemetryNames.ServerAddress, _address);
            if (_port != 0)
                tags.Add(TelemetryNames.ServerPort, _port);
            if (error is not null)
                tags.Add(TelemetryNames.ErrorType, error);
            instruments.ClientDuration.Record(_request.Telemetry.Time.GetElapsedTime(_began).TotalSeconds, tags);
        }

        if (Span is null)
            return;
        if (error is not null)
            Span.SetTag(TelemetryNames.ErrorType, error).SetStatus(ActivityStatusCode.Error);
        Span.Dispose();
    }
}
