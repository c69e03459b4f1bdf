using System.Net;
using System.Text.Json;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.Logging;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>What loads, unloads and counts stands under the limits of a key as what generates does.</summary>
public sealed class LoadLimitTests : IDisposable
{
    private const string Count = """{"model":"mini","messages":[{"role":"user","content":"Tell me a story that is long, and then 1"}]}""";

    private readonly EndedRequests _ended = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _ended.Dispose();

    [Theory]
    [InlineData("/api/generate", """{"model":"mini"}""")]
    [InlineData("/api/generate", """{"model":"mini","keep_alive":0}""")]
    [InlineData("/api/chat", """{"model":"mini"}""")]
    [InlineData("/api/chat", """{"model":"mini","messages":[],"keep_alive":0}""")]
    [InlineData("/api/embed", """{"model":"mini"}""")]
    [InlineData("/api/embed", """{"model":"mini","input":[]}""")]
    [InlineData("/api/embeddings", """{"model":"mini"}""")]
    [InlineData("/v1/completions", """{"model":"mini","prompt":""}""")]
    [InlineData("/v1/messages/count_tokens", Count)]
    public async Task Loads_unloads_and_counts_over_HTTP(string path, string body)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini", Capabilities = ["completion", "embedding"] }] });
        var key = await fleet.Gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 1 } });

        using var first = await fleet.Gateway.SendAsync(HttpMethod.Post, path, key, body);
        using var second = await fleet.Gateway.SendAsync(HttpMethod.Post, path, key, body);

        Assert.True(first.IsSuccessStatusCode, await first.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        Assert.InRange(second.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 30, 60);
    }

    [Theory]
    [InlineData("tokenize")]
    [InlineData("load")]
    [InlineData("unload")]
    [InlineData("pin")]
    [InlineData("http")]
    public async Task Loads_unloads_and_counts_over_MCP(string operation)
    {
        await using var gateway = await StartAsync(_ended);
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Scopes = Scopes.Infer | Scopes.Models, Limit = new TrafficLimit { RequestsPerMinute = 1 } });
        await using var client = Client(gateway, key);

        if (operation == "http")
        {
            await using var first = await client.HttpAsync("POST", "/v1/messages/count_tokens", System.Text.Encoding.UTF8.GetBytes(Count), cancellationToken: Cancellation);
            await using var second = await client.HttpAsync("POST", "/v1/messages/count_tokens", System.Text.Encoding.UTF8.GetBytes(Count), cancellationToken: Cancellation);
            Assert.Equal((200, 429), (first.Status, second.Status));
            return;
        }
        await RunAsync();
        var refused = await Assert.ThrowsAsync<ClientException>(RunAsync);

        Assert.Equal((429, "rate_limited"), (refused.Status, refused.Error.Code));

        Task RunAsync() => operation switch
        {
            "tokenize" => client.TokenizeAsync(new Messages.TokenizeRequest { Model = "mini", Text = "Once upon a time" }, null, Cancellation),
            "load" => client.LoadModelAsync(new Messages.LoadRequest { Model = "mini" }, null, Cancellation),
            "unload" => client.UnloadModelAsync("mini", null, Cancellation),
            _ => client.PinModelAsync("mini", unpin: true, null, Cancellation),
        };
    }

    [Fact]
    public async Task A_text_that_is_counted_takes_as_many_tokens_as_it_has()
    {
        await using var gateway = await StartAsync(_ended);
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = KeyedGateway.Counted });
        await using var client = Client(gateway, key);

        var tokens = (await client.TokenizeAsync(new Messages.TokenizeRequest { Model = "mini", Text = "Once upon a time" }, null, Cancellation)).Tokens.Count;
        Assert.Equal(tokens, (await _ended.NextAsync("tokenize")).Prompt);
        Assert.Equal(tokens, gateway.UsedTokens("ci"));
        var counted = await CountAsync(gateway, key);

        Assert.InRange(counted, 1, 100);
        Assert.Equal(tokens + counted, gateway.UsedTokens("ci"));
    }

    [Fact]
    public async Task So_it_does_where_another_gateway_counts_and_where_nobody_can()
    {
        await using var back = await StartAsync(log: null);
        await using var front = await RunningGateway.StartAsync(
            new ScriptedEngine(), options => options with { EngineEnabled = false, Nodes = [new NodeOptions { Name = "back", Url = back.Address.ToString() }] },
            builder => builder.Logging.AddProvider(_ended));
        await using var fleet = await Fleet.StartAsync(new DoubleScript(), log: _ended);
        foreach (var gateway in new[] { front, fleet.Gateway })
        {
            var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = KeyedGateway.Counted });

            var counted = await CountAsync(gateway, key);

            Assert.InRange(counted, 1, 100);
            // A node that answers instead of telling its prompt is stopped at its first word.
            Assert.InRange(gateway.UsedTokens("ci") - counted, 0, gateway == front ? 0 : 1);
        }
    }

    [Fact]
    public async Task Texts_become_vectors_for_as_many_tokens_as_they_are_long_where_the_node_does_not_count()
    {
        var script = new DoubleScript { Models = [new DoubleModel { Name = "mini", Capabilities = ["embedding"], CountsTokens = false }] };
        await using var fleet = await Fleet.StartAsync(script, log: _ended);
        var key = await fleet.Gateway.AddKeyAsync("ci", caller => caller with { Limit = KeyedGateway.Counted });

        using var answer = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/embed", key, $$"""{"model":"mini","input":"{{new string('x', 400)}}"}""");

        Assert.True(answer.IsSuccessStatusCode);
        Assert.InRange((await _ended.NextAsync("/api/embed")).Prompt, 100, 101);
        Assert.InRange(fleet.Gateway.UsedTokens("ci"), 100, 101);
    }

    private async Task<int> CountAsync(RunningGateway gateway, string key)
    {
        using var answer = await gateway.SendAsync(HttpMethod.Post, "/v1/messages/count_tokens", key, Count);
        var counted = JsonElement.Parse(await answer.Content.ReadAsStringAsync(Cancellation)).GetProperty("input_tokens").GetInt32();
        Assert.Equal(counted, (await _ended.NextAsync("/v1/messages/count_tokens")).Prompt);
        return counted;
    }

    private static Task<RunningGateway> StartAsync(EndedRequests? log) => RunningGateway.StartAsync(
        options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } },
        log is null ? null : builder => builder.Logging.AddProvider(log));

    private static ChasquiClient Client(RunningGateway gateway, string key) => new(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key });
}
