using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>One line for each request: what was asked of which model, how it ended, what it took. Never what was said. That all is well, which probes ask every few seconds, is no news.</summary>
internal sealed partial class RequestLog(RequestDelegate next, TimeProvider time, ILogger<RequestLog> logger)
{
    public async Task InvokeAsync(HttpContext http)
    {
        var state = new RequestState { NotFound = Router.WordingFor(http) };
        http.Features.Set(state);
        var start = time.GetTimestamp();
        await next(http).ConfigureAwait(false);
        if (!logger.IsEnabled(LogLevel.Information))
            return;
        var milliseconds = time.GetElapsedTime(start).TotalMilliseconds;
        var path = Printable(http.Request.Path.Value);
        if (http.Request.Path == HealthEndpoint.Path && http.Response.StatusCode == StatusCodes.Status200OK)
            return;
        if (state.Model.Length == 0)
        {
            LogRequest(logger, http.Request.Method, path, http.Response.StatusCode, milliseconds);
        }
        else
        {
            var model = Printable(state.Model);
            LogModelRequest(logger, http.Request.Method, path, http.Response.StatusCode, milliseconds, model, state.PromptTokens, state.CompletionTokens);
        }
    }

    /// <summary>A caller's text as one line of bounded length.</summary>
    private static string Printable(string? text) =>
        string.Concat(Field.Clip(text ?? "").Select(c => char.IsControl(c) ? '?' : c));

    [LoggerMessage(Level = LogLevel.Information, Message = "{Method} {Path} {Status} {Milliseconds:0.0} ms")]
    private static partial void LogRequest(ILogger logger, string method, string path, int status, double milliseconds);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "{Method} {Path} {Status} {Milliseconds:0.0} ms, model {Model}, {PromptTokens} prompt tokens, {CompletionTokens} answer tokens")]
    private static partial void LogModelRequest(
        ILogger logger, string method, string path, int status, double milliseconds, string model, int promptTokens, int completionTokens);
}
