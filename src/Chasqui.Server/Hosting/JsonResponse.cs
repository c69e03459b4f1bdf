using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Sends one whole JSON value with its length, as gin does.</summary>
internal static class JsonResponse
{
    public const string ContentType = "application/json; charset=utf-8";

    public static async Task SendAsync(HttpContext http, int status, ReadOnlyMemory<byte> json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = ContentType;
        http.Response.ContentLength = json.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
            await http.Response.BodyWriter.WriteAsync(json, http.RequestAborted).ConfigureAwait(false);
    }

    public static Task SendErrorAsync(HttpContext http, ApiError error)
    {
        if (error.RetryAfter is { } after)
            http.Response.Headers.RetryAfter = Math.Max(1, Math.Ceiling(after.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        var buffer = new ArrayBufferWriter<byte>(256);
        var json = new JsonText(buffer);
        WriteError(ref json, error.Message);
        return SendAsync(http, error.Status, buffer.WrittenMemory);
    }

    public static void WriteError(ref JsonText json, string message)
    {
        json.BeginObject();
        json.Name("error"u8);
        json.Value(message);
        json.EndObject();
    }
}
