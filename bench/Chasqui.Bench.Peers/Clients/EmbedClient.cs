using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Chasqui.Bench.Peers.Loads;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>Callers of an Ollama API who each ask for one vector, or for one answer, at a time over HttpClient.</summary>
/// <param name="port">Where.</param>
/// <param name="distinct">Whether no text comes twice; else all ask for the same generation.</param>
internal sealed class EmbedClient(int port, bool distinct) : IClientPeer
{
    private static readonly byte[] _chat = Encoding.UTF8.GetBytes(
        """{"model":"bench:latest","messages":[{"role":"user","content":"Who ran along the royal road of the Andes?"}],"stream":false,"options":{"temperature":0}}""");

    private readonly HttpClient _client = new(new SocketsHttpHandler { MaxConnectionsPerServer = 4096 })
    {
        BaseAddress = new Uri($"http://127.0.0.1:{port}"),
        Timeout = TimeSpan.FromMinutes(5),
    };

    private long _texts;

    public Task ConnectAsync(int connections) => Task.CompletedTask;

    public IUnaryCaller Caller(int connection) => new UnaryCaller(this);

    public Task StreamAsync(int connection, int tokens, TokenCounter counter, CancellationToken cancellationToken) => throw new NotSupportedException("vectors are not streamed");

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return default;
    }

    private byte[] Body() => distinct
        ? Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"model":"bench:latest","input":"Text {{Interlocked.Increment(ref _texts)}} of process {{Environment.ProcessId}} at port {{port}}"}"""))
        : _chat;

    private sealed class UnaryCaller(EmbedClient owner) : IUnaryCaller
    {
        public async ValueTask<int> CallAsync()
        {
            using var content = new ByteArrayContent(owner.Body());
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var response = await owner._client.PostAsync(owner.Path, content);
            var body = await response.Content.ReadAsByteArrayAsync();
            response.EnsureSuccessStatusCode();
            // What is counted is answers, whatever their length.
            return body.Length > 0 ? Payload.BodyBytes : 0;
        }
    }

    private string Path => distinct ? "/api/embed" : "/api/chat";
}
