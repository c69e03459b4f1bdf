using Chasqui.Engines.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>Turns whatever an endpoint throws into an answer in the API's own form. Nothing gets past it.</summary>
internal sealed partial class ErrorBoundary(RequestDelegate next, ILogger<ErrorBoundary> logger)
{
    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            if (!http.Response.HasStarted)
                http.Response.StatusCode = ErrorMap.ClientClosedRequest;
        }
        catch (Exception e)
        {
            try
            {
                await AnswerAsync(http, e).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
            {
                LogNobody(logger, http.Request.Path.Value ?? "");
            }
        }
    }

    private async Task AnswerAsync(HttpContext http, Exception exception)
    {
        exception = CallerGate.Hide(exception);
        var error = ErrorMap.Map(exception, RequestState.Of(http).NotFound) with { Cause = exception };
        var measure = RequestState.Of(http).Measure;
        measure?.Failed(exception is BadHttpRequestException ? "bad_http" : WireErrors.CodeOf(exception));
        if (exception is not (EngineException or BadHttpRequestException))
            LogUnexpected(logger, exception, http.Request.Path.Value ?? "");
        else if (error.Status >= StatusCodes.Status500InternalServerError)
            LogFailed(logger, http.Request.Path.Value ?? "", error.Status, error.Message);
        if (http.RequestAborted.IsCancellationRequested)
            return;

        var form = RequestState.Of(http).Form;
        if (!http.Response.HasStarted)
        {
            Clear(http.Response);
            if (exception is UnsupportedCodingException)
                http.Response.Headers.AcceptEncoding = Chasqui.Engines.Http.ContentCodings.Accepted;
            if (exception is UnauthenticatedException)
                http.Response.Headers.WWWAuthenticate = "Bearer";
            // What is still to come of the body is not waited for.
            if (exception is RequestTimeoutException)
                http.Response.Headers.Connection = "close";
            // Without it, clients would try what is never let through again and again.
            if (exception is RateLimitedException { RetryAfter: null })
                http.Response.Headers["x-should-retry"] = "false";
            if (measure is not null)
                http.Response.Headers[TraceHeaders.RequestId] = measure.RequestId;
            if (exception is QueueRefusedException refused)
                QueueHeaders.Tell(http.Response.Headers, refused);
            if (exception is SessionQuotaException quota)
                http.Response.Headers[SessionHeaders.Quota] = quota.Quota;
            if (exception is SessionConflictException conflict)
                SessionHeaders.Tell(http.Response, conflict.Current);
            await form.SendErrorAsync(http, error).ConfigureAwait(false);
        }
        else if (!await form.TryEndStreamAsync(http, error).ConfigureAwait(false))
        {
            http.Abort();
        }
    }

    /// <summary>Takes back what was prepared, but that a web page may read the answer.</summary>
    private static void Clear(HttpResponse response)
    {
        var (origin, exposed, vary) = (response.Headers.AccessControlAllowOrigin, response.Headers.AccessControlExposeHeaders, response.Headers.Vary);
        response.Clear();
        if (origin.Count > 0)
            (response.Headers.AccessControlAllowOrigin, response.Headers.AccessControlExposeHeaders, response.Headers.Vary) = (origin, exposed, vary);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path} failed unexpectedly")]
    private static partial void LogUnexpected(ILogger logger, Exception exception, string path);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Path}: nobody was there to be told of the error")]
    private static partial void LogNobody(ILogger logger, string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} failed with {Status}: {Reason}")]
    private static partial void LogFailed(ILogger logger, string path, int status, string reason);
}
