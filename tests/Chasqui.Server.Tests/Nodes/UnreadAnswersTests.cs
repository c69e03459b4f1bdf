using System.Text;
using Chasqui.OllamaDouble;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Google.Protobuf;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>A client that takes nothing of its answer keeps no slot for which others wait, long before its time is up; no node is blamed.</summary>
public sealed class UnreadAnswersTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/v1/chat/completions")]
    // Translated, not passed.
    [InlineData("/v1/messages")]
    public async Task Over_HTTP(string path)
    {
        await using var fleet = await StartAsync();
        using var client = await RawHttp.ConnectAsync(fleet.Gateway.Address);
        client.Socket.ReceiveBufferSize = 4_096;
        await client.PostAsync(path, Encoding.UTF8.GetBytes("""{"model":"long","stream":true,"max_tokens":100000,"messages":[{"role":"user","content":"x"}]}"""));

        await AssertServedAsync(fleet);
    }

    [Theory]
    [InlineData("chat")]
    [InlineData("http")]
    public async Task Over_MCP(string operation)
    {
        await using var fleet = await StartAsync();
        var pipe = await WireDialer.DialAsync(WireEndpoint.Parse(GatewayHost.WireAddresses(fleet.Gateway.App)[0]), null, Cancellation);
        await using var connection = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions { InlineReplies = false, Settings = new Settings { StreamCredit = 0 } });
        await connection.OpenAsync(Cancellation);
        var request = operation == "chat"
            ? new Messages.ChatRequest { Model = "long", Messages = { new Messages.ChatMessage { Role = "user", Content = "x" } } }.ToByteArray()
            : Encoding.UTF8.GetBytes("""{"model":"long","messages":[{"role":"user","content":"x"}]}""");
        await using var call = await connection.StartAsync(new HeaderList().Add("op", operation).Add("path", "/api/chat"), request, end: true, ct: Cancellation);

        await AssertServedAsync(fleet);
        Assert.False(connection.Closed.IsCompleted);
        var error = await Assert.ThrowsAsync<StreamException>(async () => await call.ReadAsync(Cancellation));
        if (operation == "chat")
            Assert.Equal("the client took nothing of its answer for 0.1 s, or little of it for longer, while others waited for its slot", error.Reason);
    }

    private static Task<Fleet> StartAsync() => Fleet.StartAsync(
        new DoubleScript { Models = [new DoubleModel { Name = "mini" }, new DoubleModel { Name = "long", AnswerTokens = 300_000 }] },
        change: options => options with
        {
            Http = options.Http with { StallTimeout = TimeSpan.FromHours(1) },
            Wire = options.Wire with { StallTimeout = TimeSpan.FromHours(1) },
            Queue = options.Queue with { StallGrace = TimeSpan.FromMilliseconds(100) },
            Nodes = [.. options.Nodes!.Select(node => node with { Slots = 1 })],
        });

    private static async Task AssertServedAsync(Fleet fleet)
    {
        await fleet.UntilAsync(state => state.Computing == 1);

        using var answer = await fleet.BeginAsync("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false}""", Cancellation).WaitAsync(_limit, Cancellation);

        Assert.Equal(200, (int)answer.StatusCode);
        Assert.Equal((1.0, ""), (fleet.Node.Health.Share, fleet.Node.Health.LastFailure));
    }
}
