using Chasqui.Client;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.Logging;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>What requests reserve, and what those cost that fail or that their client leaves: what a node works on is paid for, the rest is given back.</summary>
public sealed class FailedTokensTests : IDisposable
{
    // Forty characters are about ten tokens.
    private const string Text = "Tell me a story that is long, and then 1";

    private readonly EndedRequests _ended = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _ended.Dispose();

    [Theory]
    [InlineData("/api/embed", FaultKind.Status)]
    [InlineData("/api/embed", FaultKind.Drop)]
    [InlineData("/api/embed", FaultKind.FewVectors)]
    [InlineData("/v1/embeddings", FaultKind.Status)]
    [InlineData("/v1/embeddings", FaultKind.Drop)]
    [InlineData("/api/embeddings", FaultKind.Status)]
    [InlineData("/api/embeddings", FaultKind.Drop)]
    [InlineData("embed", FaultKind.Status)]
    [InlineData("embed", FaultKind.Drop)]
    [InlineData("embed", FaultKind.FewVectors)]
    public async Task Vectors_that_were_not_made_cost_nothing(string path, FaultKind fault)
    {
        await using var fleet = await FleetAsync(new Fault { Kind = fault, Status = 500 });
        var key = await AddKeyAsync(fleet);

        await EmbedAsync(fleet, path, key, Cancellation);
        await _ended.NextAsync(path);

        Assert.Equal(0, fleet.Gateway.UsedTokens("ci"));
    }

    [Theory]
    [InlineData("/api/embed")]
    [InlineData("embed")]
    public async Task An_engine_that_fails_gives_the_reservation_back(string path)
    {
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine { Models = KeyModels.Engine().Models, Failure = () => new EngineFailedException("scripted") }, configure: builder => builder.Logging.AddProvider(_ended));
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = KeyedGateway.Counted });

        await EmbedAsync(gateway, path, key, Cancellation);
        await _ended.NextAsync(path);

        Assert.Equal(0, gateway.UsedTokens("ci"));
    }

    [Theory]
    [InlineData("/api/embed")]
    [InlineData("/v1/embeddings")]
    [InlineData("/api/embeddings")]
    [InlineData("embed")]
    public async Task Vectors_that_a_client_leaves_cost_what_a_node_works_on(string path)
    {
        await using var fleet = await HangingAsync();
        var key = await AddKeyAsync(fleet);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var asking = EmbedAsync(fleet, path, key, leave.Token);
        await fleet.UntilAsync(state => state.Faults == 1);

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await _ended.NextAsync(path);

        // The estimate over HTTP is one token more than over MCP.
        Assert.Equal(path == "embed" ? 10 : 11, fleet.Gateway.UsedTokens("ci"));
    }

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/api/generate")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/completions")]
    [InlineData("/v1/messages")]
    [InlineData("/v1/responses")]
    public async Task A_whole_answer_that_a_client_leaves_costs_the_prompt_at_least(string path)
    {
        await using var fleet = await HangingAsync();
        var key = await AddKeyAsync(fleet);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var request = Fleet.Post(path, path switch
        {
            "/api/generate" or "/v1/completions" => $$"""{"model":"mini","prompt":"{{Text}}","stream":false}""",
            "/v1/responses" => $$"""{"model":"mini","store":false,"input":"{{Text}}"}""",
            _ => $$"""{"model":"mini","max_tokens":100,"stream":false,"messages":[{"role":"user","content":"{{Text}}"}]}""",
        }).With(key);
        var asking = fleet.Gateway.Http.SendAsync(request, leave.Token);
        await fleet.UntilAsync(state => state.Faults == 1);

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        var ended = await _ended.NextAsync(path);

        Assert.InRange(ended.Prompt, 10, 15);
        Assert.Equal(ended.Prompt + ended.Completion, fleet.Gateway.UsedTokens("ci"));
    }

    [Theory]
    [InlineData("/v1/chat/completions", "\"n\":4", 4)]
    [InlineData("/v1/chat/completions", "\"n\":2e0", 2)]
    [InlineData("/v1/chat/completions", "\"n\":null", 1)]
    [InlineData("/v1/completions", "\"n\":3,\"best_of\":5", 5)]
    [InlineData("/v1/completions", "\"best_of\":1,\"n\":3", 3)]
    [InlineData("/v1/completions", "\"n\":2,\"prompt\":[\"a\",\"b\",\"c\"]", 6)]
    [InlineData("/v1/completions", "\"prompt\":[[1,2],[3]]", 2)]
    [InlineData("/v1/completions", "\"prompt\":[1,2,3]", 1)]
    [InlineData("/v1/chat/completions", "\"n\":2147483647", 10_000)]
    public async Task Each_of_several_answers_is_reserved(string path, string member, int answers)
    {
        await using var fleet = await FleetAsync(new Fault { Kind = FaultKind.Hang });
        var key = await AddKeyAsync(fleet);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var prompt = path == "/v1/completions" ? "\"prompt\":\"x\"" : "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]";
        using var request = Fleet.Post(path, $$"""{"model":"mini","max_tokens":111,{{prompt}},{{member}}}""").With(key);
        var asking = fleet.Gateway.Http.SendAsync(request, leave.Token);
        await fleet.UntilAsync(state => state.Faults == 1);

        var reserved = fleet.Gateway.UsedTokens("ci");
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);

        Assert.InRange(reserved, Math.Min(1_000_000, 111 * answers), Math.Min(1_000_000, (111 * answers) + 10));
    }

    private Task<Fleet> FleetAsync(params IReadOnlyList<Fault> faults) => Fleet.StartAsync(
        new DoubleScript
        {
            Models = [new DoubleModel { Name = "mini" }, new DoubleModel { Name = "vectors", Capabilities = ["embedding"] }],
            Faults = faults,
        },
        change: options => options with { Routing = options.Routing with { HedgeAfter = TimeSpan.Zero } }, log: _ended);

    /// <summary>A node that has both models in memory and answers nothing. A request that loads a model would go on without its client.</summary>
    private async Task<Fleet> HangingAsync()
    {
        var fleet = await FleetAsync();
        await fleet.WarmAsync();
        using var answer = await fleet.Gateway.PostAsync("/api/embed", """{"model":"vectors","input":"x"}""");
        Assert.True(answer.IsSuccessStatusCode);
        await fleet.Nodes.RefreshAsync(Cancellation);
        await _ended.NextAsync("/api/generate");
        await _ended.NextAsync("/api/embed");
        fleet.Double.Script = fleet.Double.Script with { Faults = [new Fault { Kind = FaultKind.Hang }] };
        return fleet;
    }

    private static Task<string> AddKeyAsync(Fleet fleet) => fleet.Gateway.AddKeyAsync("ci", caller => caller with { Limit = KeyedGateway.Counted });

    private static Task EmbedAsync(Fleet fleet, string path, string key, CancellationToken cancellationToken) => EmbedAsync(fleet.Gateway, path, key, cancellationToken);

    /// <summary>Asks for a vector; fails only where it is cancelled.</summary>
    private static async Task EmbedAsync(RunningGateway gateway, string path, string key, CancellationToken cancellationToken)
    {
        var model = gateway.Engine.Name == "scripted" ? "mini" : "vectors";
        if (path.StartsWith('/'))
        {
            var member = path == "/api/embeddings" ? "prompt" : "input";
            using var request = Fleet.Post(path, $$"""{"model":"{{model}}","{{member}}":"{{Text}}"}""").With(key);
            using var answer = await gateway.Http.SendAsync(request, cancellationToken);
            Assert.False(answer.IsSuccessStatusCode, path);
            return;
        }
        await using var client = new ChasquiClient(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key });
        try
        {
            await client.EmbedAsync(new Messages.EmbedRequest { Model = model, Inputs = { Text } }, null, cancellationToken);
            Assert.Fail("it was answered");
        }
        catch (ClientException)
        {
            // As it has to.
        }
    }
}
