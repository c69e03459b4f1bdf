using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Finds the endpoint of a request, and answers as Go's mux and gin do where there is none.</summary>
internal sealed class Router(ApiContext api, DispatchEndpoint dispatch)
{
    public Task InvokeAsync(HttpContext http)
    {
        var path = http.Request.Path.Value is { Length: > 0 } given ? given : "/";
        // Almost every path is plain ASCII, and is looked at no more than once.
        if (path.AsSpan().ContainsAnyExceptInRange(' ', '~') && path.Any(char.IsControl))
            throw HasControl(http, path);
        if (ApiRoutes.Find(path) is { } found)
            return RunAsync(found, http);

        var clean = Clean(path);
        if (clean != path)
            return RedirectAsync(http, clean, StatusCodes.Status307TemporaryRedirect, page: true);
        // gin's own redirect for a slash too many: 301 for GET, a method-keeping 307 for the rest.
        if (path.Length > 1 && path[^1] == '/' && ApiRoutes.Find(path[..^1]) is { } route && Allows(route, http))
        {
            var get = HttpMethods.IsGet(http.Request.Method);
            return RedirectAsync(http, path[..^1], get ? StatusCodes.Status301MovedPermanently : StatusCodes.Status307TemporaryRedirect, page: get);
        }
        return PlainAsync(http, StatusCodes.Status404NotFound, "404 page not found");
    }

    /// <summary>No path of any API has one. It is told in the form of the API that the path begins like.</summary>
    private static InvalidRequestException HasControl(HttpContext http, string path)
    {
        var control = path.First(char.IsControl);
        RequestState.Of(http).Form = path.StartsWith("/v1/messages", StringComparison.Ordinal) ? AnthropicForm.Instance
            : path.StartsWith("/v1/", StringComparison.Ordinal) ? OpenAiForm.Instance : OllamaForm.Instance;
        return new InvalidRequestException(FormattableString.Invariant($"the path has a control character, U+{(int)control:X4}; leave it out"));
    }

    /// <summary>The route of this request's path, whatever its method; null where there is none.</summary>
    public static Route? Find(HttpContext http) => ApiRoutes.Find(http.Request.Path.Value ?? "");

    /// <summary>The value of <c>Allow</c> for a request whose path has no such method; null where the method or path is another matter.</summary>
    public static string? AllowedInstead(HttpContext http) =>
        ApiRoutes.Find(http.Request.Path.Value ?? "") is { } route && !Allows(route, http) ? string.Join(", ", route.Methods) : null;

    private Task RunAsync(Route route, HttpContext http)
    {
        if (Allows(route, http) && RequestState.Of(http).Measure is { } measure)
        {
            QueueHeaders.Read(http.Request.Headers, measure);
            ScopeHeader.Read(http.Request.Headers, measure);
        }
        if (Allows(route, http))
            PackedRequest.Unpack(http, route.StreamsBody ? long.MaxValue : api.MaxBody);
        if (Allows(route, http))
            return route.Dialect == Dialects.None ? route.Handler(api, http) : dispatch.InvokeAsync(route, http);
        http.Response.Headers.Allow = string.Join(", ", route.Methods);
        return PlainAsync(http, StatusCodes.Status405MethodNotAllowed, "405 method not allowed");
    }

    private static bool Allows(Route route, HttpContext http) => route.Methods.Contains(http.Request.Method, StringComparer.Ordinal);

    private static Task RedirectAsync(HttpContext http, string path, int status, bool page)
    {
        // Characters that no header can have are spelled as in a request; over MCP a query comes as it is.
        var query = http.Request.QueryString.Value ?? "";
        var location = new PathString(path).ToUriComponent() + (query.AsSpan().ContainsAnyExceptInRange('!', '~') ? "" : query);
        http.Response.Headers.Location = location;
        http.Response.StatusCode = status;
        if (!page || !(HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)))
            return Task.CompletedTask;
        var title = status == StatusCodes.Status307TemporaryRedirect ? "Temporary Redirect" : "Moved Permanently";
        return SendAsync(http, "text/html; charset=utf-8", $"<a href=\"{WebUtility.HtmlEncode(location)}\">{title}</a>.\n\n");
    }

    private static Task PlainAsync(HttpContext http, int status, string text)
    {
        http.Response.StatusCode = status;
        return SendAsync(http, "text/plain", text);
    }

    private static async Task SendAsync(HttpContext http, string contentType, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        http.Response.ContentType = contentType;
        http.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
            await http.Response.BodyWriter.WriteAsync(bytes, http.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>A path without empty and dot segments, as Go's <c>path.Clean</c>; a slash at the end stays.</summary>
    private static string Clean(string path)
    {
        var kept = new List<string>();
        foreach (var segment in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment == ".." && kept.Count > 0)
                kept.RemoveAt(kept.Count - 1);
            else if (segment is not ("." or ".."))
                kept.Add(segment);
        }
        var clean = "/" + string.Join('/', kept);
        return path[^1] == '/' && clean.Length > 1 ? clean + "/" : clean;
    }
}
