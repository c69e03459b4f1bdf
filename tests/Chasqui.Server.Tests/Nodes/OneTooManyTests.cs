using System.Text;
using System.Text.Json.Nodes;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>What a node says when it is asked too much reaches the caller: its status, its words and when to come again. Another node is asked first.</summary>
public sealed class OneTooManyTests
{
    private static readonly DoubleScript _well = new() { Models = [new DoubleModel { Name = "mini", AnswerTokens = 4 }] };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<NodeKind, string, bool, int> Calls
    {
        get
        {
            var calls = new TheoryData<NodeKind, string, bool, int>();
            foreach (var kind in (NodeKind[])[NodeKind.Ollama, NodeKind.OpenAi])
            {
                foreach (var path in (string[])["/api/chat", "/api/generate", "/v1/chat/completions", "/v1/responses", "/v1/messages"])
                {
                    foreach (var status in (int[])[429, 503])
                    {
                        calls.Add(kind, path, true, status);
                        calls.Add(kind, path, false, status);
                    }
                }
            }
            return calls;
        }
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task The_status_the_words_and_the_wait_of_a_node_reach_the_caller(NodeKind kind, string path, bool stream, int status)
    {
        await using var fleet = await Fleet.StartAsync(_well, kind: kind);
        await fleet.WarmAsync();
        Strike(fleet, 0, status, "7");

        using var response = await SendAsync(fleet, path, stream);
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancellation))!;

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("7", Assert.Single(response.Headers.GetValues("Retry-After")));
        Assert.Equal("two of three are busy", (string?)(body["error"] is JsonObject error ? error["message"] : body["error"]));
        if (path == "/v1/messages" && kind == NodeKind.OpenAi)
            Assert.Equal(status == 429 ? "rate_limit_error" : "overloaded_error", (string?)body["error"]!["type"]);
        // It says of the node that it is full, not that it is broken.
        Assert.Contains(fleet.Nodes.All, node => node.Health.FailureRate > 0);
    }

    [Theory]
    [InlineData(NodeKind.Ollama, "chat", 429)]
    [InlineData(NodeKind.OpenAi, "chat", 429)]
    [InlineData(NodeKind.Ollama, "generate", 429)]
    [InlineData(NodeKind.OpenAi, "generate", 429)]
    [InlineData(NodeKind.Ollama, "chat", 503)]
    [InlineData(NodeKind.OpenAi, "chat", 503)]
    public async Task They_reach_a_client_of_MCP(NodeKind kind, string operation, int status)
    {
        await using var fleet = await Fleet.StartAsync(_well, kind: kind);
        await fleet.WarmAsync();
        Strike(fleet, 0, status, "7");
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(fleet.Gateway.App)[0]);
        var chat = new Messages.ChatRequest { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = "Hello!" } } };
        var updates = operation == "chat"
            ? client.ChatAsync(chat, cancellationToken: Cancellation)
            : client.GenerateAsync(new Messages.GenerateRequest { Model = "mini", Prompt = "Hello!" }, cancellationToken: Cancellation);

        var error = await Assert.ThrowsAsync<ClientException>(async () => await updates.GetAsyncEnumerator(Cancellation).MoveNextAsync());

        Assert.Equal((status, "overloaded", 7000UL), (error.Status, error.Error.Code, error.Error.RetryAfterMs));
        Assert.Equal("two of three are busy", error.Error.Message);
        Assert.Equal(status == 429 ? "true" : null, error.Error.Details.GetValueOrDefault("one_too_many"));
    }

    [Theory]
    [InlineData(NodeKind.Ollama, "/api/chat")]
    [InlineData(NodeKind.OpenAi, "/api/chat")]
    [InlineData(NodeKind.Ollama, "/v1/chat/completions")]
    [InlineData(NodeKind.OpenAi, "/v1/messages")]
    public async Task They_reach_a_request_of_HTTP_over_MCP(NodeKind kind, string path)
    {
        await using var fleet = await Fleet.StartAsync(_well, kind: kind);
        await fleet.WarmAsync();
        Strike(fleet, 0, 429, "7");
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(fleet.Gateway.App)[0]);
        await using var answer = await client.HttpAsync("POST", path, Encoding.UTF8.GetBytes(ApiCall.Of(path, false).Body),
            cancellationToken: Cancellation);

        Assert.Equal((429, "7"), (answer.Status, answer.Headers["retry-after"]));
        Assert.Contains("two of three are busy", Encoding.UTF8.GetString(await answer.ReadBodyAsync(cancellationToken: Cancellation)),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(NodeKind.Ollama)]
    [InlineData(NodeKind.OpenAi)]
    public async Task Another_node_is_asked_first(NodeKind kind)
    {
        await using var fleet = await Fleet.StartAsync([_well, _well], kind: kind);
        await fleet.WarmAsync();
        Strike(fleet, 0, 429, "7");
        for (var i = 0; i < 4; i++)
        {
            using var response = await SendAsync(fleet, "/api/chat", stream: false);
            Assert.Equal(200, (int)response.StatusCode);
        }
    }

    [Fact]
    public async Task A_date_to_come_again_at_becomes_seconds_where_the_answer_is_translated()
    {
        await using var fleet = await Fleet.StartAsync(_well, kind: NodeKind.OpenAi);
        await fleet.WarmAsync();
        Strike(fleet, 0, 429, DateTimeOffset.UtcNow.AddHours(1).ToString("R"));

        using var response = await SendAsync(fleet, "/api/chat", stream: true);

        Assert.InRange(response.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 3000, 3601);
    }

    private static void Strike(Fleet fleet, int node, int status, string retryAfter) => fleet.Doubles[node].Script = fleet.Doubles[node].Script with
    {
        Faults = [new Fault { Kind = FaultKind.Status, Status = status, Message = "two of three are busy", RetryAfter = retryAfter }],
    };

    private static async Task<HttpResponseMessage> SendAsync(Fleet fleet, string path, bool stream)
    {
        using var request = Fleet.Post(path, ApiCall.Of(path, stream).Body);
        return await fleet.Gateway.Http.SendAsync(request, Cancellation);
    }
}
