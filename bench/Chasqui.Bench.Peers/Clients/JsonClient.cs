using System.Net;
using System.Net.Http.Json;
using Chasqui.Bench.Peers.Loads;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>JSON requests with HttpClient and its defaults. Over HTTP/1.1 each request under way has a connection of its own.</summary>
internal sealed class JsonClient(int port, bool http2) : IClientPeer
{
    private readonly List<HttpClient> _clients = [];

    public Task ConnectAsync(int connections)
    {
        for (var i = 0; i < connections; i++)
        {
            _clients.Add(new HttpClient
            {
                BaseAddress = new Uri($"http://127.0.0.1:{port}"),
                DefaultRequestVersion = http2 ? HttpVersion.Version20 : HttpVersion.Version11,
                DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            });
        }
        return Task.CompletedTask;
    }

    public IUnaryCaller Caller(int connection) => new UnaryCaller(_clients[connection]);

    public Task StreamAsync(int connection, int tokens, TokenCounter counter, CancellationToken cancellationToken) =>
        throw new NotSupportedException("streams over HTTP are ndjson and sse");

    public ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            client.Dispose();
        return default;
    }

    private sealed class UnaryCaller(HttpClient client) : IUnaryCaller
    {
        private readonly EchoJson _body = new(Payload.Body);

        public async ValueTask<int> CallAsync()
        {
            using var response = await client.PostAsJsonAsync("/echo", _body, BodyJson.Default.EchoJson);
            response.EnsureSuccessStatusCode();
            return (await response.Content.ReadFromJsonAsync(BodyJson.Default.EchoJson))!.Data.Length;
        }
    }
}
