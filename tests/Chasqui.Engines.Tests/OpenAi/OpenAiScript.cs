using System.Text.Json;
using Chasqui.Engines.OpenAi;

namespace Chasqui.Engines.Tests.OpenAi;

/// <summary>A server of OpenAI's API that says what a test has it say.</summary>
internal sealed class OpenAiScript : IAsyncDisposable
{
    private readonly ScriptedNode _server;
    private readonly Dictionary<string, (int Status, string Body)> _answers = new(StringComparer.Ordinal);

    /// <param name="owner">What it calls itself: <c>llamacpp</c>, <c>vllm</c>, <c>organization_owner</c> (LM Studio), <c>library</c> (Ollama).</param>
    /// <param name="stream">The events with which it answers chats and completions.</param>
    public OpenAiScript(string owner, string stream = "")
        : this(owner, _ => stream)
    {
    }

    /// <param name="owner">What it calls itself.</param>
    /// <param name="stream">The events with which it answers chats and completions, by the request's body.</param>
    public OpenAiScript(string owner, Func<string, string> stream)
    {
        _answers["GET /v1/models"] = (200, $$"""{"object":"list","data":[{"id":"mini","object":"model","created":1700000000,"owned_by":"{{owner}}","max_model_len":4096}]}""");
        _server = new ScriptedNode(async exchange =>
        {
            var request = exchange.Request;
            if (_answers.TryGetValue($"{request.Method} {request.Path}", out var answer))
                await exchange.AnswerAsync(answer.Body, answer.Status);
            else if (request.Path.EndsWith("/completions", StringComparison.Ordinal) && Refused is { } refused && request.Body.Contains(refused, StringComparison.Ordinal))
                await exchange.AnswerAsync($$$"""{"error":{"message":"extra field {{{refused}}} is not permitted"}}""", 400);
            else if (request.Path.EndsWith("/completions", StringComparison.Ordinal))
                await exchange.AnswerAsync(stream(request.Body), 200, "text/event-stream");
            else
                await exchange.AnswerAsync("""{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}""", 404);
        });
        Node = new OpenAiNode(Nodes.Options(new Uri(_server.Address, "/v1")), new NoPassage());
    }

    public OpenAiNode Node { get; }

    public IEngine Engine => Node.Engine;

    /// <summary>A member that it refuses by name; null for none.</summary>
    public string? Refused { get; init; }

    public Uri Address => _server.Address;

    public IReadOnlyList<ScriptedNode.Request> Requests => [.. _server.Requests];

    /// <summary>The body of the last request that had one.</summary>
    public JsonElement Sent => JsonElement.Parse(_server.Requests.Last(r => r.Body.Length > 0).Body);

    public OpenAiScript With(string request, string body, int status = 200)
    {
        _answers[request] = (status, body);
        return this;
    }

    public static ChatRequest Chat(string text = "Hello!") => new() { Model = "mini", Messages = [new ChatMessage { Role = "user", Content = text }] };

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        await _server.DisposeAsync();
    }

    private sealed class NoPassage : IHttpPassage
    {
        public ValueTask<IPassageAnswer> SendAsync(PassageRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
