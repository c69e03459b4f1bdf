using System.Net;
using System.Net.Sockets;

namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>A request to a registry failed. Inside only; who uses the store gets an <see cref="EngineFailedException"/>.</summary>
/// <param name="message">Why, in Ollama's words where it has any.</param>
/// <param name="mayRetry">Whether the same request may go well later.</param>
/// <param name="inner">What it came from.</param>
internal sealed class RegistryException(string message, bool mayRetry, Exception? inner = null) : Exception(message, inner)
{
    public bool MayRetry { get; } = mayRetry;

    /// <summary>The status, where it was an answer.</summary>
    public HttpStatusCode? Status { get; private init; }

    /// <summary>An answer that says no. What else it says is another's text, perhaps from where the caller cannot look, and is not told.</summary>
    public static RegistryException Of(HttpResponseMessage response)
    {
        var status = response.StatusCode;
        var again = (int)status >= 500 || status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;
        var message = status == HttpStatusCode.NotFound ? "file does not exist" : $"the registry answered with status {(int)status}";
        return new RegistryException(message, again) { Status = status };
    }

    /// <summary>A request without an answer, as Go words it.</summary>
    public static RegistryException Of(HttpRequestException e, HttpMethod method, Uri uri)
    {
        var address = $"{uri.Host}:{uri.Port}";
        var reason = e.InnerException is SocketException socket ? socket.SocketErrorCode switch
        {
            SocketError.ConnectionRefused => $"dial tcp {address}: connect: connection refused",
            SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => $"dial tcp: lookup {uri.Host}: no such host",
            SocketError.HostUnreachable or SocketError.NetworkUnreachable => $"dial tcp {address}: connect: no route to host",
            SocketError.TimedOut => $"dial tcp {address}: i/o timeout",
            _ => $"dial tcp {address}: {socket.Message}",
        }
        : e.InnerException is { } inner and not HttpRequestException ? $"{e.Message} ({inner.Message})" : e.Message;
        // A name that does not resolve or a port that nobody listens on will not do so a second later either.
        var again = e.HttpRequestError is not (HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError);
        return new RegistryException($"{Title(method)} \"{uri.GetLeftPart(UriPartial.Path)}\": {reason}", again, e);
    }

    private static string Title(HttpMethod method) => method.Method[..1] + method.Method[1..].ToLowerInvariant();
}
