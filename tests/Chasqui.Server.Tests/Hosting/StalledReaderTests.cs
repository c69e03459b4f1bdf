using System.Runtime.CompilerServices;
using System.Text;
using Chasqui.Gateway.Nodes;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Chasqui.Server.Tests.Keys;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Hosting;

/// <summary>A client that takes nothing of its answer loses it; the engine is free again, and no node is blamed.</summary>
public sealed class StalledReaderTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    private readonly TaskCompletionSource _freed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/messages")]
    public async Task Over_HTTP_its_connection_is_closed(string path)
    {
        await using var gateway = await StartAsync();
        using var client = await RawHttp.ConnectAsync(gateway.Address);
        client.Socket.ReceiveBufferSize = 4_096;

        await client.PostAsync(path, Encoding.UTF8.GetBytes("""{"model":"mini","stream":true,"max_tokens":100000,"messages":[{"role":"user","content":"x"}]}"""));

        await _freed.Task.WaitAsync(_limit, Cancellation);
        AssertWell(gateway);
    }

    [Fact]
    public async Task Over_MCP_its_stream_is_reset_and_the_connection_serves_others()
    {
        await using var gateway = await StartAsync();
        var pipe = await WireDialer.DialAsync(WireEndpoint.Parse(GatewayHost.WireAddresses(gateway.App)[0]), null, Cancellation);
        await using var connection = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions
        {
            InlineReplies = false,
            Settings = new Settings { StreamCredit = 0 },
        });
        await connection.OpenAsync(Cancellation);
        var request = new Messages.ChatRequest { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = "x" } } };

        await using var call = await connection.StartAsync(new HeaderList().Add("op", "chat"), request.ToByteArray(), end: true, ct: Cancellation);
        await _freed.Task.WaitAsync(_limit, Cancellation);
        // The head of the answer was sent without credit; what follows it is the reset.
        var error = await Assert.ThrowsAsync<StreamException>(async () => await call.ReadAsync(Cancellation));

        Assert.Equal(ErrorCode.Deadline, error.Code);
        Assert.Equal("no credit came for 1 s while a message waited", error.Reason);
        Assert.False(connection.Closed.IsCompleted);
        AssertWell(gateway);
    }

    private Task<RunningGateway> StartAsync() => RunningGateway.StartAsync(
        new ScriptedEngine { Models = KeyModels.Engine().Models, Answer = (_, cancellationToken) => EndlessAsync(cancellationToken) },
        options => options with
        {
            Http = options.Http with { StallTimeout = TimeSpan.FromSeconds(1) },
            Wire = options.Wire with { StallTimeout = TimeSpan.FromSeconds(1) },
        });

    private static void AssertWell(RunningGateway gateway)
    {
        var node = Assert.Single(gateway.App.Services.GetRequiredService<NodeSet>().All);
        Assert.Equal((1.0, ""), (node.Health.Share, node.Health.LastFailure));
    }

    private async IAsyncEnumerable<GenerationUpdate> EndlessAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var text = new string('x', 16 * 1024);
        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                await Task.Yield();
                yield return new GenerationUpdate { Text = text };
            }
        }
        finally
        {
            _freed.TrySetResult();
        }
    }
}
