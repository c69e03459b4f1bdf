using System.Text.Json;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>The channel <c>nodes</c>.</summary>
public sealed class NodeEventsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_subscriber_hears_of_a_node_that_fails_and_may_be_tried_again()
    {
        var well = new DoubleScript { Models = [new DoubleModel { Name = "mini" }] };
        var routing = new RoutingOptions { RefreshInterval = TimeSpan.FromMilliseconds(100), BreakerPause = TimeSpan.FromMilliseconds(100), RampUp = TimeSpan.FromMilliseconds(200), CanaryAfter = TimeSpan.Zero };
        await using var fleet = await Fleet.StartAsync([well, well], routing);
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(fleet.Gateway.App)[0]);
        await using var events = client.SubscribeAsync("nodes", null, Cancellation).GetAsyncEnumerator(Cancellation);
        // The subscription is there once an event of it could come.
        Task<bool>? next = events.MoveNextAsync().AsTask();

        await fleet.Doubles[1].StopListeningAsync();
        await fleet.Nodes.RefreshAsync(Cancellation);
        var paused = await UntilAsync("down");
        await fleet.Doubles[1].ListenAsync(Cancellation);
        await UntilAsync("testing");

        Assert.NotEmpty(paused.GetProperty("reason").GetString()!);

        async Task<JsonElement> UntilAsync(string state)
        {
            while (await (next ?? events.MoveNextAsync().AsTask()))
            {
                next = null;
                var change = JsonDocument.Parse(events.Current.Payload.Memory).RootElement.Clone();
                if (change.GetProperty("node").GetString() == "n1" && change.GetProperty("event").GetString() == "state" && change.GetProperty("state").GetString() == state)
                    return change;
            }
            throw new InvalidOperationException("the events have ended");
        }
    }

    [Fact]
    public async Task Only_the_gateway_publishes_there()
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript());
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(fleet.Gateway.App)[0]);

        var refused = await Assert.ThrowsAsync<ClientException>(() => client.PublishAsync("nodes", "{}"u8.ToArray(), cancellationToken: Cancellation));

        Assert.Contains("only the gateway", refused.Message, StringComparison.Ordinal);
    }
}
