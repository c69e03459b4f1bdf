using System.Net.Http.Json;
using System.Text.Json;
using Chasqui.Bench.Peers.Loads;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>Tokens over HTTP/1.1, a connection for each stream: lines as Ollama sends them, or events as OpenAI does.</summary>
internal sealed class HttpStreamClient(int port, bool ollama) : IClientPeer
{
    private const string Prefix = "data: ";

    private readonly HttpClient _client = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Timeout.InfiniteTimeSpan };

    public Task ConnectAsync(int connections) => Task.CompletedTask;

    public IUnaryCaller Caller(int connection) => throw new NotSupportedException("a stream has no single answer");

    public async Task StreamAsync(int connection, int tokens, TokenCounter counter, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, ollama ? "/api/generate" : "/v1/chat/completions")
        {
            Content = JsonContent.Create(new TokenJson(Payload.Model, "Tell me a story.", tokens), BodyJson.Default.TokenJson),
        };
        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (ollama)
                counter.Add(JsonSerializer.Deserialize(line, BodyJson.Default.OllamaLine)!.Response);
            else if (line.StartsWith(Prefix, StringComparison.Ordinal))
                counter.Add(JsonSerializer.Deserialize(line.AsSpan(Prefix.Length), BodyJson.Default.OpenAIChunk)!.Choices[0].Delta.Content!);
        }
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return default;
    }
}
