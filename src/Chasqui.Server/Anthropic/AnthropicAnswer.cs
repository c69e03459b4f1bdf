using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Sends one whole JSON value with its length and the request's name.</summary>
internal static class AnthropicAnswer
{
    public const string ContentType = "application/json";

    public static async Task SendAsync(HttpContext http, int status, string contentType, ReadOnlyMemory<byte> json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = contentType;
        http.Response.ContentLength = json.Length;
        http.Response.Headers[AnthropicId.Header] = AnthropicId.OfRequest(http);
        await http.Response.BodyWriter.WriteAsync(json, http.RequestAborted).ConfigureAwait(false);
    }
}
