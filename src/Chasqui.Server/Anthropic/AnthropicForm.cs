using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>{"type": "error", "error": {"type", "message"}, "request_id"}</c>, also as the last event of a stream.</summary>
internal sealed class AnthropicForm : ApiForm
{
    public static AnthropicForm Instance { get; } = new();

    public override async Task SendErrorAsync(HttpContext http, ApiError error)
    {
        if (error.RetryAfter is { } after)
            http.Response.Headers.RetryAfter = Math.Max(1, Math.Ceiling(after.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        var buffer = new ArrayBufferWriter<byte>(256);
        var json = new JsonText(buffer);
        Write(ref json, http, error);
        // Ollama's own errors come from two places, which spell the type of the content differently.
        var contentType = error.Status == StatusCodes.Status400BadRequest ? JsonResponse.ContentType : AnthropicAnswer.ContentType;
        await AnthropicAnswer.SendAsync(http, error.Status, contentType, buffer.WrittenMemory).ConfigureAwait(false);
    }

    public override async ValueTask<bool> TryEndStreamAsync(HttpContext http, ApiError error)
    {
        if (!MediaTypes.Is(http.Response.ContentType, Sse.ContentType))
            return false;
        await using var events = new Sse(http);
        WriteEvent(events, http, error);
        await events.SendAsync().ConfigureAwait(false);
        return true;
    }

    /// <summary>Anthropic's name for the kind of error that a status stands for.</summary>
    internal static string TypeOf(int status) => status switch
    {
        StatusCodes.Status401Unauthorized => "authentication_error",
        StatusCodes.Status403Forbidden => "permission_error",
        StatusCodes.Status404NotFound => "not_found_error",
        StatusCodes.Status413PayloadTooLarge => "request_too_large",
        StatusCodes.Status429TooManyRequests => "rate_limit_error",
        StatusCodes.Status503ServiceUnavailable => "overloaded_error",
        StatusCodes.Status408RequestTimeout or StatusCodes.Status504GatewayTimeout => "timeout_error",
        >= 400 and < 500 => "invalid_request_error",
        _ => "api_error",
    };

    private static void WriteEvent(Sse events, HttpContext http, ApiError error)
    {
        var json = events.Begin("error"u8);
        Write(ref json, http, error);
        events.End();
    }

    private static void Write(ref JsonText json, HttpContext http, ApiError error)
    {
        json.BeginObject();
        json.Name("type"u8);
        json.Value("error");
        json.Name("error"u8);
        json.BeginObject();
        json.Name("type"u8);
        json.Value(TypeOf(error.Status));
        json.Name("message"u8);
        json.Value(error.Message);
        if (error.Cause is UnsupportedFieldException unsupported)
            Details(ref json, unsupported);
        json.EndObject();
        json.Name("request_id"u8);
        json.Value(AnthropicId.OfRequest(http));
        json.EndObject();
    }

    /// <summary>By these a client knows what to leave out, and asks again.</summary>
    private static void Details(ref JsonText json, UnsupportedFieldException unsupported)
    {
        json.Name("details"u8);
        json.BeginObject();
        json.Name("error_code"u8);
        json.Value(unsupported.Code);
        json.Name("unsupported"u8);
        json.BeginArray();
        json.Value(unsupported.Name);
        json.EndArray();
        json.EndObject();
    }
}
