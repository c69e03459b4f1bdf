using System.Net;
using System.Net.Sockets;

namespace Chasqui.Engines.Models.Managed.Registry;

/// <summary>A request to a registry failed. Inside only; who uses the store gets an <see cref="EngineFailedException"/>.</summary>
/// <param name="message">Why, in Ollama's words where it has any.</param>
/// <param name="mayRetry">Whether the same request may go well later.</param>
/// <param name="inner">What it came from.</param>
internal sealed class RegistryException(string message, bool mayRetry, Exception? inner = null) : Exception(message, inner)
{
    private const int MaxBody = 512;

    public bool MayRetry { get; } = mayRetry;

    /// <summary>The status, where it was an answer.</summary>
    public HttpStatusCode? Status { get; private init; }

    /// <summary>An answer that says no.</summary>
    public static async Task<RegistryException> OfAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var status = response.StatusCode;
        var again = (int)status >= 500 || status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;
        var message = status == HttpStatusCode.NotFound ? "file does not exist" : $"{(int)status}: {await BodyAsync(response, cancellationToken).ConfigureAwait(false)}";
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
        return new RegistryException($"{Title(method)} \"{uri}\": {reason}", again, e);
    }

    private static string Title(HttpMethod method) => method.Method[..1] + method.Method[1..].ToLowerInvariant();

    private static async Task<string> BodyAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            var buffer = new byte[MaxBody];
            var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                var read = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
                var text = System.Text.Encoding.UTF8.GetString(buffer, 0, read).Trim();
                return text.Length > 0 ? text : response.ReasonPhrase ?? "";
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            return response.ReasonPhrase ?? "";
        }
    }
}
