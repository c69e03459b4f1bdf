using Chasqui.Client;
using Chasqui.Engines.Http;
using Chasqui.Engines.Remote;
using Chasqui.Engines.Tests.LlamaCpp;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Engines.Tests.Http;

/// <summary>What a server is, found out by asking it; and another gateway over MCP.</summary>
[Collection(EngineCollection.Name)]
public sealed class NodeDetectorTests
{
    [Theory]
    [InlineData("/api/version", "{\"version\":\"0.33.0\"}", DetectedNode.Ollama)]
    [InlineData("/v1/models", "{\"object\":\"list\",\"data\":[]}", DetectedNode.OpenAi)]
    [InlineData("/v1/models", "{\"error\":\"Unexpected endpoint or method\"}", DetectedNode.Unknown)]
    [InlineData("/v1/models", "[]", DetectedNode.Unknown)]
    [InlineData("/nothing", "{}", DetectedNode.Unknown)]
    public async Task By_its_answers(string path, string body, DetectedNode expected)
    {
        await using var server = new ScriptedNode(exchange => exchange.Request.Path == path ? exchange.AnswerAsync(body) : exchange.AnswerAsync("404 page not found", 404, "text/plain"));
        Assert.Equal(expected, await NodeDetector.DetectAsync(Nodes.Options(server.Address), cancellationToken: Nodes.Token));
        Assert.InRange(server.Requests.Count, 1, 2);
    }

    [Fact]
    public async Task An_address_that_ends_with_v1_is_asked_as_OpenAIs()
    {
        await using var server = new ScriptedNode(exchange => exchange.AnswerAsync("{\"data\":[]}"));
        Assert.Equal(DetectedNode.OpenAi, await NodeDetector.DetectAsync(Nodes.Options(new Uri(server.Address, "/v1/")), cancellationToken: Nodes.Token));
        Assert.Equal("/v1/models", Assert.Single(server.Requests).Path);
    }

    [Fact]
    public async Task One_that_hangs_is_not_waited_for_long()
    {
        var time = new FakeTimeProvider();
        var asked = new TaskCompletionSource();
        await using var server = new ScriptedNode(async exchange =>
        {
            asked.SetResult();
            await exchange.UntilGoneAsync();
        });
        var detecting = NodeDetector.DetectAsync(Nodes.Options(server.Address), time, cancellationToken: Nodes.Token);
        await asked.Task.WaitAsync(Nodes.Token);
        time.Advance(TimeSpan.FromSeconds(10));
        await Assert.ThrowsAsync<EngineFailedException>(() => detecting);
    }

    [Fact]
    public async Task One_that_refuses_the_key_says_so()
    {
        await using var server = ScriptedNode.Answering("{\"error\":\"unauthorized\"}", 401);
        var error = await Assert.ThrowsAsync<EngineUnavailableException>(() => NodeDetector.DetectAsync(Nodes.Options(server.Address), cancellationToken: Nodes.Token));
        Assert.Contains("ApiKey", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gateway_is_seen_as_one_and_reports_over_MCP()
    {
        await using var bed = new EngineBed();
        await using var gateway = await TestGateway.StartAsync(bed.Engine);
        Assert.Equal(DetectedNode.Chasqui, await NodeDetector.DetectAsync(Nodes.Options(gateway.Address), cancellationToken: Nodes.Token));

        await using var node = new ChasquiNode(new ChasquiClient(gateway.WireAddress), "far", new NoPassage());
        await node.Engine.LoadAsync(new LoadRequest { Model = "mini" }, Nodes.Token);
        var report = await node.ReportAsync(Nodes.Token);

        Assert.Equal("far", node.Engine.Name);
        Assert.Equal("mini:latest", Assert.Single(report.Models).Name);
        Assert.Equal("mini:latest", Assert.Single(report.Resident).Summary.Name);
        Assert.Equal((EngineBed.Settings.Slots, 0), (report.Slots!.Value, report.BusySlots!.Value));
        Assert.StartsWith("Chasqui ", report.Software, StringComparison.Ordinal);
        Assert.True(report.Dialects.HasFlag(Dialects.Ollama | Dialects.OpenAi | Dialects.OpenAiResponses | Dialects.Anthropic | Dialects.AnthropicCountTokens));
    }

    [Fact]
    public async Task A_gateway_that_is_not_there_is_unavailable()
    {
        Uri address;
        await using (var server = ScriptedNode.Answering(""))
            address = server.Address;
        await using var node = new ChasquiNode(new ChasquiClient(new ChasquiClientOptions { Endpoint = $"tcp://127.0.0.1:{address.Port}", ConnectAttempts = 1, Retries = 0 }));
        await Assert.ThrowsAsync<EngineUnavailableException>(() => node.ReportAsync(Nodes.Token));
    }

    private sealed class NoPassage : IHttpPassage
    {
        public ValueTask<IPassageAnswer> SendAsync(PassageRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
