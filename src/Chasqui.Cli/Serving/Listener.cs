using System.Net;
using Chasqui.Server;

namespace Chasqui.Cli;

/// <summary>Finds out what listens at an address that this gateway wanted.</summary>
internal static class Listener
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(1);

    /// <returns>What it is, to begin a sentence with; null where it is neither a Chasqui nor an Ollama, or only another address is taken.</returns>
    public static async Task<string?> FindAsync(HttpEndpoint endpoint, CancellationToken cancellationToken)
    {
        var host = endpoint.Address.Equals(IPAddress.Any) || endpoint.Address.Equals(IPAddress.IPv6Any) ? IPAddress.Loopback : endpoint.Address;
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = _patience, MaxResponseContentBufferSize = 4_096 };
        try
        {
            using var answer = await http.GetAsync(new Uri($"http://{new IPEndPoint(host, endpoint.Port)}/"), cancellationToken);
            if (answer.Headers.TryGetValues("Server", out var product) && product.Any(name => name.StartsWith("chasqui/", StringComparison.Ordinal)))
                return $"a Chasqui is running already at http://{endpoint}";
            return (await answer.Content.ReadAsStringAsync(cancellationToken)).Contains("Ollama is running", StringComparison.Ordinal) ? $"an Ollama is running at http://{endpoint}" : null;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }
}
