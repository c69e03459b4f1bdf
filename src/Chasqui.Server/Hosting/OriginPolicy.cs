using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// Which web pages may call the API: those served from this machine, local applications, browser extensions, and those configured.
/// The same rules as Ollama's, so that a page that works there works here, and more headers: those of keys, limits and the gateway itself.
/// </summary>
internal sealed class OriginPolicy(RequestDelegate next, ApiContext api)
{
    private static readonly string[] _local =
    [
        .. from host in (string[])["localhost", "127.0.0.1", "0.0.0.0"]
           from scheme in (string[])["http", "https"]
           from port in (string[])["", ":*"]
           select $"{scheme}://{host}{port}",
        "app://*", "file://*", "tauri://*", "vscode-webview://*", "vscode-file://*",
        "chrome-extension://*", "safari-extension://*", "moz-extension://*", "ms-browser-extension://*",
    ];

    private readonly string[] _allowed = [.. api.Origins, .. _local];

    public Task InvokeAsync(HttpContext http)
    {
        var origin = http.Request.Headers.Origin.ToString();
        var host = http.Request.Host.Value;
        if (origin.Length == 0 || origin == "http://" + host || origin == "https://" + host)
            return next(http);
        if (!_allowed.Any(pattern => Matches(pattern, origin)))
        {
            http.Response.StatusCode = StatusCodes.Status403Forbidden;
            http.Response.ContentLength = 0;
            return Task.CompletedTask;
        }

        var headers = http.Response.Headers;
        headers.AccessControlAllowOrigin = origin;
        if (!HttpMethods.IsOptions(http.Request.Method))
        {
            headers.AccessControlExposeHeaders = BrowserHeaders.Read;
            headers.Vary = "Origin";
            return next(http);
        }
        headers.AccessControlAllowHeaders = BrowserHeaders.Sent;
        headers.AccessControlAllowMethods = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS";
        headers.AccessControlMaxAge = "43200";
        headers.Vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        if (Router.AllowedInstead(http) is { } allow)
            headers.Allow = allow;
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    /// <summary>A pattern has at most one <c>*</c>, for any text; an origin's case does not matter.</summary>
    internal static bool Matches(string pattern, string origin)
    {
        var star = pattern.IndexOf('*', StringComparison.Ordinal);
        return star < 0
            ? string.Equals(pattern, origin, StringComparison.OrdinalIgnoreCase)
            : origin.Length >= pattern.Length - 1
                && origin.StartsWith(pattern[..star], StringComparison.OrdinalIgnoreCase)
                && origin.EndsWith(pattern[(star + 1)..], StringComparison.OrdinalIgnoreCase);
    }
}
