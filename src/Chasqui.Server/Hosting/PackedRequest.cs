using Chasqui.Engines.Http;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>A request's body is packed in a way that is not known here.</summary>
internal sealed class UnsupportedCodingException(string coding)
    : InvalidRequestException($"the request body comes with Content-Encoding '{coding}', which is not known here; send it as it is, or with one of: {ContentCodings.Accepted}");

/// <summary>Unpacks the body of a request that has <c>Content-Encoding</c>; all readers see it as it was before.</summary>
internal static class PackedRequest
{
    /// <summary>Puts the unpacked body in place of the packed one. Nothing is read yet.</summary>
    /// <param name="http">The request.</param>
    /// <param name="limit">The most bytes that it may unpack to.</param>
    /// <exception cref="UnsupportedCodingException">It has a coding that is not known here.</exception>
    public static void Unpack(HttpContext http, long limit)
    {
        var request = http.Request;
        if (request.Headers.ContentEncoding.Count == 0 || HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
            return;
        if (!ContentCodings.TryRead(request.Headers.ContentEncoding, out var codings, out var unknown))
            throw new UnsupportedCodingException(unknown);
        // The body that goes on to a node is not packed any more.
        request.Headers.Remove("Content-Encoding");
        if (codings.Count == 0)
            return;
        if (request.ContentLength > limit)
            throw new RequestTooLargeException(limit);
        request.ContentLength = null;
        var body = ContentCodings.Unpack(
            request.Body, codings, limit,
            why => new InvalidRequestException($"the request body is not what its Content-Encoding says: {why}"),
            () => new RequestTooLargeException(limit));
        request.Body = body;
        http.Response.RegisterForDisposeAsync(body);
    }
}
