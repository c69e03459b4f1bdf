using System.Text.Json;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Protocol.Headers;
using Chasqui.Server.Tests.Nodes;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>What a key hears on the channels of the gateway.</summary>
public sealed class ChannelScopeTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_hears_of_the_models_that_it_may_use_and_does_not_count_the_others()
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini" }, new DoubleModel { Name = "other:7b" }] });
        await using var all = Client(fleet, await fleet.Gateway.AddKeyAsync("ops", caller => caller with { Scopes = Scopes.All }));
        await using var some = Client(fleet, await fleet.Gateway.AddKeyAsync("ci", caller => caller with { Models = ["mini*"] }));
        await all.LoadModelAsync(new Messages.LoadRequest { Model = "other:7b" }, null, Cancellation);
        await using var everything = await SubscribeAsync(all, "models");
        await using var own = await SubscribeAsync(some, "models");

        foreach (var model in new[] { "other:7b", "mini", "other:7b", "mini" })
            await all.LoadModelAsync(new Messages.LoadRequest { Model = model }, null, Cancellation);

        Assert.Equal(["2 other:7b", "3 mini:latest", "4 other:7b", "5 mini:latest"], await ReadAsync(everything, 4));
        Assert.Equal(["1 mini:latest", "2 mini:latest"], await ReadAsync(own, 2));
    }

    [Fact]
    public async Task A_key_whose_models_are_changed_hears_of_the_new_ones_alone()
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini" }, new DoubleModel { Name = "other:7b" }] });
        await using var all = Client(fleet, await fleet.Gateway.AddKeyAsync("ops", caller => caller with { Scopes = Scopes.All }));
        await using var some = Client(fleet, await fleet.Gateway.AddKeyAsync("ci", caller => caller with { Models = ["mini*"] }));
        await using var own = await SubscribeAsync(some, "models");

        await fleet.Gateway.ChangeKeysAsync(keys => [.. keys.Select(key => key.Caller.Name == "ci" ? key with { Caller = key.Caller with { Models = ["other*"] } } : key)]);
        foreach (var model in new[] { "mini", "other:7b" })
            await all.LoadModelAsync(new Messages.LoadRequest { Model = model }, null, Cancellation);

        Assert.Equal(["1 other:7b"], await ReadAsync(own, 1));
    }

    [Fact]
    public async Task Nodes_are_told_to_admins_alone()
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        await using var some = Client(gateway, await gateway.AddKeyAsync("ci", caller => caller with { Scopes = Scopes.Infer | Scopes.Models }));
        await using var ops = Client(gateway, await gateway.AddKeyAsync("ops", caller => caller with { Scopes = Scopes.Infer | Scopes.Admin }));

        var refused = await Assert.ThrowsAsync<ClientException>(() => ReadAsync(some.SubscribeAsync("nodes", null, Cancellation)));
        await using var heard = await SubscribeAsync(ops, "nodes");

        Assert.Equal((403, "permission_denied", "key \"ci\" lacks the scope admin; it has infer, models"), (refused.Status, refused.Error.Code, refused.Error.Message));
        Assert.Equal(200, heard.Status);
    }

    [Theory]
    [InlineData(Scopes.Infer, false)]
    [InlineData(Scopes.Infer | Scopes.Admin, true)]
    public async Task The_names_of_nodes_are_told_to_admins_alone(Scopes scopes, bool isTold)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript());
        var key = await fleet.Gateway.AddKeyAsync("a", caller => caller with { Scopes = scopes });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/tags").With(key);
        request.Headers.Add("X-Chasqui-Node", "nothing");
        await using var client = Client(fleet, key);

        using var answer = await fleet.Gateway.Http.SendAsync(request, Cancellation);
        var refused = await Assert.ThrowsAsync<ClientException>(() => client.ListModelsAsync(new CallOptions { Node = "nothing" }, Cancellation));

        Assert.Equal(isTold, (await answer.Content.ReadAsStringAsync(Cancellation)).Contains("n0", StringComparison.Ordinal));
        Assert.Equal(isTold, refused.Message.Contains("n0", StringComparison.Ordinal));
    }

    /// <summary>Both have chosen the same id, and each hears of its own request.</summary>
    [Fact]
    public async Task Two_callers_with_the_same_id_hear_each_of_their_own_place_in_line()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var script = new DoubleScript { Faults = [new Fault { Kind = FaultKind.HangMidStream, Requests = 1 }] };
        await using var fleet = await Fleet.StartAsync(script, time: time);
        var keys = new[] { await fleet.Gateway.AddKeyAsync("one"), await fleet.Gateway.AddKeyAsync("two") };
        var admin = await fleet.Gateway.AddKeyAsync("ops", caller => caller with { Scopes = Scopes.All });
        using var holding = new HttpRequestMessage(HttpMethod.Post, "/api/generate") { Content = new StringContent("""{"model":"mini","prompt":"Hold it"}""") }.With(admin);
        using var held = await fleet.Gateway.Http.SendAsync(holding, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await using var first = Client(fleet, keys[0]);
        await using var second = Client(fleet, keys[1]);
        await using var heardByFirst = await SubscribeAsync(first, "queue.same");
        await using var heardBySecond = await SubscribeAsync(second, "queue.same");
        await using var one = await WaitAsync(fleet, keys[0], admin, 1);
        time.Advance(TimeSpan.FromSeconds(10));
        var places = new List<string> { (await ReadAsync(heardByFirst, 1, "waited_seconds"))[0] };
        await using var two = await WaitAsync(fleet, keys[1], admin, 2);
        time.Advance(TimeSpan.FromSeconds(1.5));
        places.Add((await ReadAsync(heardByFirst, 1, "waited_seconds"))[0]);
        places.Add((await ReadAsync(heardBySecond, 1, "waited_seconds"))[0]);

        Assert.Equal(["1 10", "2 11.5", "1 1.5"], places);
    }

    /// <summary>Begins a generation that has to wait, and comes back when it does.</summary>
    private static async Task<IAsyncDisposable> WaitAsync(Fleet fleet, string key, string admin, int waiting)
    {
        var pipe = await WireDialer.DialAsync(WireEndpoint.Parse(GatewayHost.WireAddresses(fleet.Gateway.App)[0]), null, Cancellation);
        var connection = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions { Authorization = "Bearer " + key });
        await connection.OpenAsync(Cancellation);
        var headers = new HeaderList().Add("op", "generate").Add("request-id", "same").Add("queue-progress", "1");
        await connection.StartAsync(headers, new Messages.GenerateRequest { Model = "mini", Prompt = "Hello!" }.ToByteArray(), end: true, ct: Cancellation);
        while (true)
        {
            using var answer = await fleet.Gateway.SendAsync(HttpMethod.Get, "/api/queue", admin);
            if (JsonElement.Parse(await answer.Content.ReadAsStringAsync(Cancellation)).GetProperty("waiting").GetInt32() == waiting)
                return connection;
        }
    }

    private static async Task<RawAnswer> SubscribeAsync(ChasquiClient client, string channel) =>
        await client.SendAsync("channel.subscribe", new Messages.SubscribeRequest { Channel = channel }.ToByteArray(), null, Cancellation).WaitAsync(_limit, Cancellation);

    private static async Task<string[]> ReadAsync(RawAnswer events, int count, string member = "model")
    {
        var read = new string[count];
        for (var i = 0; i < count; i++)
        {
            var next = Messages.ChannelEvent.Parser.ParseFrom((await events.ReadAsync().AsTask().WaitAsync(_limit, Cancellation))!.Value.Span);
            Assert.Equal(0ul, next.Missed);
            read[i] = $"{next.Number} {JsonElement.Parse(next.Payload.Span).GetProperty(member)}";
        }
        return read;
    }

    private static async Task ReadAsync(IAsyncEnumerable<Messages.ChannelEvent> events)
    {
        await foreach (var _ in events.WithCancellation(Cancellation))
            Assert.Fail("there is an event");
    }

    private static ChasquiClient Client(Fleet fleet, string key) => Client(fleet.Gateway, key);

    private static ChasquiClient Client(RunningGateway gateway, string key) =>
        new(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key, ConnectAttempts = 1 });
}
