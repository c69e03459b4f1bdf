using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.Protocol;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>What goes on without an end of its own ends with the key that it was begun with.</summary>
public sealed class RevocationTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("gone", ": the key is not taken any more")]
    [InlineData("scope", ": key \"a\" lacks the scope infer; it has models")]
    [InlineData("tenant", ": key \"a\" belongs to another tenant now")]
    public async Task An_event_stream_of_HTTP_ends_when_its_key_does_not_permit_it_any_more(string change, string why)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("a", caller => caller with { Tenant = "t", Scopes = Scopes.Infer | Scopes.Models });
        using var made = await gateway.SendAsync(HttpMethod.Post, "/api/sessions", key, """{"id":"s"}""");
        Assert.True(made.IsSuccessStatusCode);
        using var events = await BeginAsync(gateway, key);
        using var reader = new StreamReader(await events.Content.ReadAsStreamAsync(Cancellation));
        while (!(await reader.ReadLineAsync(Cancellation))!.StartsWith("data: ", StringComparison.Ordinal))
        {
            // Until the session's first change has come.
        }

        // What becomes of other keys, and of other things of this one, is no matter of it.
        await gateway.AddKeyAsync("b");
        await gateway.RemoveKeyAsync("b");
        await ChangeAsync(gateway, caller => caller with { Weight = 2 });
        using var said = await gateway.SendAsync(HttpMethod.Post, "/api/sessions/s/messages", key, """{"messages":[{"role":"user","content":"x"}]}""");
        Assert.True(said.IsSuccessStatusCode, await said.Content.ReadAsStringAsync(Cancellation));
        while (await reader.ReadLineAsync(Cancellation) is { } line && !line.StartsWith("id: 2", StringComparison.Ordinal))
        {
            // It still follows.
        }

        await (change switch
        {
            "gone" => gateway.RemoveKeyAsync("a"),
            "scope" => ChangeAsync(gateway, caller => caller with { Scopes = Scopes.Models }),
            _ => ChangeAsync(gateway, caller => caller with { Tenant = "u" }),
        });
        if (change == "gone")
            Assert.NotNull(await gateway.AddKeyAsync("c"));
        var rest = (await reader.ReadToEndAsync(Cancellation).WaitAsync(_limit, Cancellation)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(why, rest[^1]);
        using var again = await BeginAsync(gateway, key);
        Assert.Equal(change switch { "gone" => 401, "scope" => 403, _ => 404 }, (int)again.StatusCode);
    }

    [Fact]
    public async Task An_event_stream_of_HTTP_inside_MCP_ends_too()
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("a", caller => caller with { Scopes = Scopes.Infer | Scopes.Models });
        using var made = await gateway.SendAsync(HttpMethod.Post, "/api/sessions", key, """{"id":"s"}""");
        await using var client = new ChasquiClient(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key });
        await using var events = await client.HttpAsync("GET", "/api/sessions/s/events", cancellationToken: Cancellation);

        await ChangeAsync(gateway, caller => caller with { Scopes = Scopes.Models });

        // The connection itself stays: the key is still one.
        var body = System.Text.Encoding.UTF8.GetString(await events.ReadBodyAsync(cancellationToken: Cancellation).WaitAsync(_limit, Cancellation));
        Assert.EndsWith(": key \"a\" lacks the scope infer; it has models\n\n", body, StringComparison.Ordinal);
        Assert.Equal("chasqui", (await client.GetServerInfoAsync(null, Cancellation)).Name);
    }

    [Theory]
    [InlineData("models")]
    [InlineData("news")]
    [InlineData("session.s")]
    public async Task A_subscription_of_MCP_ends_when_its_key_does_not_permit_it_any_more(string channel)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("a", caller => caller with { Scopes = Scopes.All });
        using var made = await gateway.SendAsync(HttpMethod.Post, "/api/sessions", key, """{"id":"s"}""");
        await using var connection = Connection.Create(
            await WireDialer.DialAsync(WireEndpoint.Parse(GatewayHost.WireAddresses(gateway.App)[0]), null, Cancellation), ConnectionRole.Connector,
            new ConnectionOptions { Authorization = "Bearer " + key, InlineReplies = false });
        await connection.OpenAsync(Cancellation);
        await using var call = await connection.StartAsync(
            new Protocol.Headers.HeaderList().Add("op", "channel.subscribe"), Google.Protobuf.MessageExtensions.ToByteArray(new Messages.SubscribeRequest { Channel = channel }), end: true, ct: Cancellation);
        Assert.Equal("200", (await call.GetResponseAsync(Cancellation).AsTask().WaitAsync(_limit, Cancellation))["status"]);

        await ChangeAsync(gateway, caller => caller with { Scopes = Scopes.Models });

        var ended = await Assert.ThrowsAsync<StreamException>(async () => await call.ReadAsync(Cancellation).AsTask().WaitAsync(_limit, Cancellation));
        Assert.Contains("lacks the scope infer", ended.Message, StringComparison.Ordinal);
        Assert.True(connection.IsHealthy);
    }

    private static async Task<HttpResponseMessage> BeginAsync(RunningGateway gateway, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/sessions/s/events").With(key);
        return await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
    }

    private static Task ChangeAsync(RunningGateway gateway, Func<Caller, Caller> change) =>
        gateway.ChangeKeysAsync(keys => [.. keys.Select(key => key.Caller.Name == "a" ? key with { Caller = change(key.Caller) } : key)]);
}
