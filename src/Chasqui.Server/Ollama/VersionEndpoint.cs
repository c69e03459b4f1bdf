using System.Reflection;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>/api/version</c>, <c>/api/status</c> and the greeting at <c>/</c>.</summary>
internal static class VersionEndpoint
{
    /// <summary>The release of Ollama whose API this is. Clients compare it with the least they need, so it is not our own version.</summary>
    public const string OllamaVersion = "0.33.0";

    /// <summary>Our own version, sent in the <c>Server</c> header.</summary>
    public static string Product { get; } = "chasqui/" + (typeof(VersionEndpoint).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0");

    private static readonly byte[] _version = Encoding.UTF8.GetBytes($"{{\"version\":\"{OllamaVersion}\"}}");
    private static readonly byte[] _status = """{"cloud":{"disabled":true,"source":"env"}}"""u8.ToArray();
    private static readonly byte[] _greeting = "Ollama is running"u8.ToArray();

    public static Task InvokeAsync(ApiContext api, HttpContext http)
    {
        http.Response.Headers.Server = Product;
        return JsonResponse.SendAsync(http, StatusCodes.Status200OK, _version);
    }

    /// <summary>There is no cloud behind a gateway of one's own.</summary>
    public static Task StatusAsync(ApiContext api, HttpContext http) => JsonResponse.SendAsync(http, StatusCodes.Status200OK, _status);

    /// <summary>Launchers and health checks look for exactly this text.</summary>
    public static async Task RootAsync(ApiContext api, HttpContext http)
    {
        http.Response.Headers.Server = Product;
        http.Response.ContentType = "text/plain; charset=utf-8";
        http.Response.ContentLength = _greeting.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
            await http.Response.BodyWriter.WriteAsync(_greeting, http.RequestAborted).ConfigureAwait(false);
    }
}
