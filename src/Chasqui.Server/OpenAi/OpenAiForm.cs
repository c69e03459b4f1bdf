using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>{"error": {"message", "type", "param", "code"}}</c>, also as the last event of a stream.</summary>
internal sealed class OpenAiForm : ApiForm
{
    private const string NoQuota = "insufficient_quota";

    public static OpenAiForm Instance { get; } = new();

    public override async Task SendErrorAsync(HttpContext http, ApiError error)
    {
        if (error.RetryAfter is { } after)
            http.Response.Headers.RetryAfter = Math.Max(1, Math.Ceiling(after.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        var buffer = new ArrayBufferWriter<byte>(256);
        var json = new JsonText(buffer);
        Write(ref json, error);
        // As in Ollama, what reading the request finds wrong is told with a charset, what comes from behind it without.
        await (IsOfReading(http, error.Cause)
            ? JsonResponse.SendAsync(http, error.Status, buffer.WrittenMemory)
            : OpenAiJson.SendAsync(http, error.Status, buffer)).ConfigureAwait(false);
    }

    public override async ValueTask<bool> TryEndStreamAsync(HttpContext http, ApiError error)
    {
        if (!MediaTypes.Is(http.Response.ContentType, Sse.ContentType))
            return false;
        await using var events = new Sse(http);
        if (http.Features.Get<ResponseStream>() is { } response)
            response.Fail(events, error);
        else
            WriteEvent(events, error);
        await events.SendAsync().ConfigureAwait(false);
        return true;
    }

    /// <summary>The kind of an error, as clients sort them.</summary>
    public static string TypeOf(int status) => status switch
    {
        StatusCodes.Status404NotFound => "not_found_error",
        >= 400 and < 500 => "invalid_request_error",
        _ => "api_error",
    };

    // No [DONE] behind it: the answer is not complete.
    private static void WriteEvent(Sse events, ApiError error)
    {
        var json = events.Begin();
        Write(ref json, error);
        events.End();
    }

    private static void Write(ref JsonText json, ApiError error)
    {
        json.BeginObject();
        json.Name("error"u8);
        json.BeginObject();
        json.Name("message"u8);
        json.Value(error.Message);
        json.Name("type"u8);
        json.Value(TypeOf(error));
        json.Name("param"u8);
        if (ParameterOf(error.Cause) is { } parameter)
            json.Value(parameter);
        else
            json.Null();
        json.Name("code"u8);
        if (CodeOf(error.Cause) is { } code)
            json.Value(code);
        else
            json.Null();
        json.EndObject();
        json.EndObject();
    }

    private static string TypeOf(ApiError error) => error.Cause switch
    {
        RateLimitedException { RetryAfter: null } => NoQuota,
        RateLimitedException e => e.OfTokens ? "tokens" : "requests",
        EngineOverloadedException { IsOneTooMany: true } => "requests",
        ResponseNotFoundException => "invalid_request_error",
        _ => TypeOf(error.Status),
    };

    private static string? CodeOf(Exception? cause) => cause switch
    {
        UnauthenticatedException => "invalid_api_key",
        PermissionDeniedException => "insufficient_permissions",
        RateLimitedException { RetryAfter: null } => NoQuota,
        RateLimitedException or EngineOverloadedException { IsOneTooMany: true } => "rate_limit_exceeded",
        ResponseNotFoundException e => e.Code,
        SessionQuotaException e => e.Code,
        _ => null,
    };

    private static string? ParameterOf(Exception? cause) => cause switch
    {
        InvalidParameterException e => e.Parameter,
        ResponseNotFoundException e => e.Parameter,
        InvalidOptionException { Option: "num_predict" } => "max_tokens",
        InvalidOptionException e => e.Option,
        _ => null,
    };

    // The model is known once the request has been read.
    private static bool IsOfReading(HttpContext http, Exception? cause) =>
        cause is InvalidParameterException || (cause is InvalidRequestException && RequestState.Of(http).Model.Length == 0);
}
