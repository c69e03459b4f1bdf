using Chasqui.Client;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.Logging;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>What requests reserve, and that those which fail at a node or in an engine give it back.</summary>
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

    private Task<Fleet> FleetAsync(Fault fault) => Fleet.StartAsync(
        new DoubleScript
        {
            Models = [new DoubleModel { Name = "mini" }, new DoubleModel { Name = "vectors", Capabilities = ["embedding"] }],
            Faults = [fault],
        },
        change: options => options with { Routing = options.Routing with { HedgeAfter = TimeSpan.Zero } }, log: _ended);

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
