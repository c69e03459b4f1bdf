using System.Globalization;
using Chasqui.Gateway.Shaping;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>
/// Sees each request from its arrival to its end: gives it its id, measures and traces it, and writes its line in the log.
/// </summary>
internal sealed partial class RequestLog(RequestDelegate next, GatewayTelemetry telemetry, CallerLoads loads, ILogger<RequestLog> logger)
{
    private const string Socket = "/ws";

    public Task InvokeAsync(HttpContext http)
    {
        // Each call over a socket is a request of its own.
        if (http.Request.Path == Socket && http.WebSockets.IsWebSocketRequest)
        {
            http.Features.Set(new RequestState { Form = OllamaForm.Instance });
            return next(http);
        }

        return MeasureAsync(http);
    }

    private async Task MeasureAsync(HttpContext http)
    {
        var route = Router.Find(http);
        var measure = Begin(http, route);
        measure.GiveUp = why =>
        {
            LogGivenUp(why);
            http.Abort();
        };
        var state = new RequestState { NotFound = route?.NotFound ?? default, Form = route?.Form ?? OllamaForm.Instance, Measure = measure };
        http.Features.Set(state);
        http.Response.Headers[TraceHeaders.RequestId] = measure.RequestId;
        using var scope = logger.BeginScope(measure);
        try
        {
            await next(http).ConfigureAwait(false);
        }
        finally
        {
            loads.Leave(state);
            End(http, state, measure);
        }
    }

    private RequestMeasure Begin(HttpContext http, Route? route)
    {
        var headers = http.Request.Headers;
        var id = headers[TraceHeaders.RequestId];
        // So it is called where the request came over MCP.
        if (id.Count == 0)
            id = headers.RequestId;
        return telemetry.Begin(new RequestOrigin("http", route?.Path ?? TelemetryNames.OtherModel, route?.Path ?? "http")
        {
            RequestId = id.Count == 1 ? id[0] : null,
            TraceParent = headers.TraceParent is [var parent] ? parent : null,
            TraceState = headers.TraceState.Count == 0 ? null : headers.TraceState.ToString(),
            Traced = route?.Path != HealthEndpoint.Path,
        });
    }

    private void End(HttpContext http, RequestState state, RequestMeasure measure)
    {
        var status = http.Response.StatusCode;
        measure.Bytes(http.Request.ContentLength ?? 0, http.Response.ContentLength ?? state.SentBytes);
        var outcome = status == ErrorMap.ClientClosedRequest || (measure.Error is null && http.RequestAborted.IsCancellationRequested) ? RequestOutcome.Cancelled
            : status >= StatusCodes.Status500InternalServerError ? RequestOutcome.Failed
            : status >= StatusCodes.Status400BadRequest ? RequestOutcome.Refused
            : measure.Error is not null ? RequestOutcome.Failed
            : RequestOutcome.Ok;
        measure.Settle(outcome);
        if (measure.Span is { IsAllDataRequested: true } span)
        {
            span.SetTag("http.request.method", http.Request.Method);
            span.SetTag("http.response.status_code", status);
            span.SetTag("url.path", RequestEntry.Printable(http.Request.Path.Value));
        }

        var level = RoutineRequests.LevelOf(http.Request.Method, http.Request.Path.Value, status);
        if (logger.IsEnabled(level))
            RequestEntry.Log(logger, level, new RequestEntry(http.Request.Method, RequestEntry.Printable(http.Request.Path.Value), Text(status), measure, state.Model));
        measure.Ended(outcome, outcome is RequestOutcome.Refused or RequestOutcome.Failed ? Text(status) : null);
    }

    private static string Text(int status) => status switch
    {
        200 => "200",
        _ => status.ToString(CultureInfo.InvariantCulture),
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "A request is ended: {Why}")]
    private partial void LogGivenUp(string why);
}
