using System.Diagnostics;

namespace Chasqui.Gateway.Telemetry;

/// <summary>The span of a whole request: how it begins, and what it says at its end.</summary>
internal static class RequestSpan
{
    private const int LongestModel = 200;

    /// <summary>Starts it; null where it is not sampled.</summary>
    /// <param name="telemetry">Has the source.</param>
    /// <param name="origin">Where the request came from.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="state">The trace state of the client; null for none.</param>
    /// <param name="parent">The client's span.</param>
    public static Activity? Start(GatewayTelemetry telemetry, in RequestOrigin origin, string requestId, string? state, ActivityContext parent)
    {
        // What runs here outside of this request is no part of it.
        if (Activity.Current is not null)
            Activity.Current = null;
        if (state is not null)
            parent = new ActivityContext(parent.TraceId, parent.SpanId, parent.TraceFlags, state, isRemote: true);
        var span = telemetry.Source.StartActivity(origin.SpanName, ActivityKind.Server, parent);
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag(TelemetryNames.Transport, origin.Transport);
            span.SetTag(TelemetryNames.Route, origin.Route);
            span.SetTag(TelemetryNames.RequestId, requestId);
        }

        return span;
    }

    /// <summary>Ends it with what has become of the request.</summary>
    public static void End(Activity span, RequestMeasure request)
    {
        if (span.IsAllDataRequested)
        {
            if (request.Operation.Length > 0)
                SetAnswer(span, request);
            if (request.Error is { } error)
            {
                span.SetTag(TelemetryNames.ErrorType, error);
                span.SetStatus(ActivityStatusCode.Error);
            }
        }

        span.Dispose();
    }

    private static void SetAnswer(Activity span, RequestMeasure request)
    {
        span.SetTag(TelemetryNames.Operation, request.Operation);
        span.SetTag(TelemetryNames.Provider, request.Node?.Provider ?? TelemetryNames.Self);
        span.SetTag(TelemetryNames.RequestModel, request.Model.Length <= LongestModel ? request.Model : request.Model[..LongestModel]);
        if (request.ResponseModel is { } answering)
            span.SetTag(TelemetryNames.ResponseModel, answering);
        if (request.InputTokens + request.OutputTokens > 0)
        {
            span.SetTag(TelemetryNames.InputTokens, request.InputTokens);
            span.SetTag(TelemetryNames.OutputTokens, request.OutputTokens);
        }
    }
}
