using System.Text;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>A node that breaks an answer off at once, so that what came of it waits to be sent when the break is seen.</summary>
public sealed class BrokenPassageTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/generate", """{"model":"mini","response":"Hi","done":false}""", "\n")]
    [InlineData("/api/chat", """{"model":"mini","message":{"role":"assistant","content":"Hi"},"done":false}""", "\n")]
    [InlineData("/v1/chat/completions", """data: {"choices":[{"delta":{"content":"Hi"}}]}""", "\n\n")]
    [InlineData("/v1/completions", """data: {"choices":[{"text":"Hi"}]}""", "\n\n")]
    [InlineData("/v1/responses", """data: {"type":"response.output_text.delta","delta":"Hi"}""", "\n\n")]
    [InlineData("/v1/messages", """data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}""", "\n\n")]
    public async Task What_came_is_passed_on_before_the_error(string path, string piece, string end)
    {
        foreach (var sent in (string[])[piece + end, piece])
        {
            await using var gateway = await StartAsync(sent);

            var result = await ApiCall.Of(path, stream: true).SendAsync(gateway.Http, Cancellation);

            Assert.True(result is { End: CallEnd.Broken, Status: 200, Node: "n0" }, result.ToString());
            Assert.StartsWith(piece + "\n", result.Body, StringComparison.Ordinal);
            Assert.Contains("the node broke off", result.Body, StringComparison.Ordinal);
        }
    }

    private static async Task<RunningGateway> StartAsync(string sent)
    {
        var node = new NodeOptions { Name = "n0", Url = "http://127.0.0.1:1", Kind = NodeKind.Ollama };
        var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine(),
            options => options with { EngineEnabled = false, Nodes = [node] },
            builder => builder.Services.AddSingleton(provider =>
                new NodeSet(new GatewaySettings { Nodes = [node] }, _ => new BreakingNode(sent), provider.GetRequiredService<TimeProvider>(), NullLogger<NodeSet>.Instance)));
        await gateway.App.Services.GetRequiredService<NodeSet>().RefreshAsync(Cancellation);
        return gateway;
    }

    private sealed class BreakingNode(string sent) : INodeConnection, IHttpPassage
    {
        public IEngine Engine { get; } = new ScriptedEngine();

        public IHttpPassage Passage => this;

        public Task<NodeReport> ReportAsync(CancellationToken cancellationToken) => Task.FromResult(new NodeReport
        {
            Dialects = Dialects.Ollama | Dialects.OpenAi | Dialects.OpenAiResponses | Dialects.Anthropic,
            Models = [new ModelSummary { Name = "mini:latest", Digest = "", Details = new ModelDetails() }],
        });

        public ValueTask<IPassageAnswer> SendAsync(PassageRequest request, CancellationToken cancellationToken) => ValueTask.FromResult<IPassageAnswer>(
            new Broken(sent, request.Path.StartsWith("/api/", StringComparison.Ordinal) ? "application/x-ndjson" : "text/event-stream"));

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Broken(string sent, string type) : IPassageAnswer
    {
        private bool _read;

        public int Status => 200;

        public long? ContentLength => null;

        public IReadOnlyList<KeyValuePair<string, string>> Headers { get; } = [new("Content-Type", type)];

        public ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
        {
            if (_read)
                return ValueTask.FromException<ReadOnlyMemory<byte>>(new EngineFailedException("the node broke off"));
            _read = true;
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(Encoding.UTF8.GetBytes(sent));
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
