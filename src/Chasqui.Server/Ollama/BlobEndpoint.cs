using Chasqui.Engines;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>/api/blobs/DIGEST</c>: HEAD asks whether a blob is there, POST uploads it, straight to the disk and of any length.</summary>
internal static class BlobEndpoint
{
    public const string Path = "/api/blobs/";

    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var digest = http.Request.Path.Value![Path.Length..];
        var manager = ManagerOf.Request(api, http);
        var has = await manager.HasBlobAsync(digest, http.RequestAborted).ConfigureAwait(false);
        if (HttpMethods.IsHead(http.Request.Method))
        {
            if (!has)
                await JsonResponse.SendErrorAsync(http, new ApiError(StatusCodes.Status404NotFound, $"blob {GoQuote.Quote(digest)} not found")).ConfigureAwait(false);
            return;
        }
        if (!has)
        {
            var content = api.StreamedBody(http);
            await using (content.ConfigureAwait(false))
                await manager.WriteBlobAsync(digest, content, http.RequestAborted).ConfigureAwait(false);
            http.Response.StatusCode = StatusCodes.Status201Created;
        }
        http.Response.ContentLength = 0;
    }
}
