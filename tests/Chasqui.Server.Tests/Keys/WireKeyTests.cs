using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Telemetry;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>Keys in the hello of MCP.</summary>
public sealed class WireKeyTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);
    private static readonly Messages.ChatRequest _chat = new() { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = "x" } } };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task A_hello_without_the_right_key_is_refused(bool socket, bool wrong)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("a");
        await using var stranger = Client(gateway, wrong ? KeySecret.Make().Text : null, socket);
        await using var known = Client(gateway, key, socket);

        var error = await Assert.ThrowsAsync<ClientException>(() => stranger.ConnectAsync(Cancellation));
        var info = await known.GetServerInfoAsync(null, Cancellation);

        Assert.Equal("unauthenticated", error.Error.Code);
        Assert.Equal("chasqui", info.Name);
    }

    [Fact]
    public async Task Who_asks_is_known_whichever_way_it_comes()
    {
        var callers = new ConcurrentQueue<string>();
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine(() => callers.Enqueue(RequestMeasure.Current!.Caller.Name)));
        var (one, other) = (await gateway.AddKeyAsync("one"), await gateway.AddKeyAsync("other"));
        await using var client = Client(gateway, one);
        const string body = """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false}""";

        await DrainAsync(client.ChatAsync(_chat, null, Cancellation));
        // What a call says of itself is not who the connection is.
        await using var over = await client.HttpAsync("POST", "/api/chat", Encoding.UTF8.GetBytes(body), [new("authorization", "Bearer " + other)], Cancellation);
        await over.ReadBodyAsync(cancellationToken: Cancellation);
        using var plain = await gateway.SendAsync(HttpMethod.Post, "/api/chat", other, body);

        Assert.Equal(200, over.Status);
        Assert.True(plain.IsSuccessStatusCode);
        Assert.Equal(["one", "one", "other"], callers);
    }

    [Fact]
    public async Task Operations_beyond_a_key_are_refused_by_name_and_models_hidden()
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        await using var client = Client(gateway, await gateway.AddKeyAsync("ci", caller => caller with { Models = ["other*"] }));

        var scope = await Assert.ThrowsAsync<ClientException>(() => client.UnloadModelAsync("other:7b", null, Cancellation));
        var publish = await Assert.ThrowsAsync<ClientException>(() => client.PublishAsync("news", Encoding.UTF8.GetBytes("x"), cancellationToken: Cancellation));
        var model = await Assert.ThrowsAsync<ClientException>(() => DrainAsync(client.ChatAsync(_chat, null, Cancellation)));
        var shown = await Assert.ThrowsAsync<ClientException>(() => client.ShowModelAsync("mini", null, Cancellation));
        var missing = await Assert.ThrowsAsync<ClientException>(() => client.ShowModelAsync("other:8", null, Cancellation));
        await using var over = await client.HttpAsync("GET", "/api/nodes", cancellationToken: Cancellation);

        Assert.Equal((403, "permission_denied", "key \"ci\" lacks the scope models; it has infer"), (scope.Status, scope.Error.Code, scope.Error.Message));
        Assert.Equal("key \"ci\" lacks the scope admin; it has infer", publish.Error.Message);
        Assert.Equal((403, "key \"ci\" may not use model \"mini\"; it may use other*"), (model.Status, model.Error.Message));
        Assert.Equal("permission_denied", shown.Error.Code);
        Assert.Equal(["other:7b"], missing.Error.Suggestions);
        Assert.Equal(["other:7b"], (await client.ListModelsAsync(null, Cancellation)).Models.Select(one => one.Name));
        Assert.Equal(403, over.Status);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task A_connection_ends_when_its_key_is_removed_or_the_first_key_is_made(bool keyed, bool overSocket)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = keyed ? await gateway.AddKeyAsync("a") : null;
        var endpoint = overSocket ? SocketAddress(gateway).ToString() : GatewayHost.WireAddresses(gateway.App)[0];
        await using var connection = Connection.Create(
            await WireDialer.DialAsync(WireEndpoint.Parse(endpoint), null, Cancellation), ConnectionRole.Connector, new ConnectionOptions { Authorization = key is null ? null : "Bearer " + key });
        await connection.OpenAsync(Cancellation);

        await gateway.AddKeyAsync("b");
        if (keyed)
        {
            Assert.True(connection.IsHealthy);
            await gateway.RemoveKeyAsync("a");
        }

        var reason = await connection.Closed.WaitAsync(_limit, Cancellation);
        Assert.Equal((ErrorCode.Unauthenticated, true), (reason.Code, reason.ByPeer));
    }

    [Fact]
    public async Task A_key_that_was_shown_when_a_socket_was_opened_need_not_be_shown_again()
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("a");
        using var wrong = Socket(KeySecret.Make().Text);
        await Assert.ThrowsAsync<WebSocketException>(() => wrong.ConnectAsync(SocketAddress(gateway), Cancellation));
        using var socket = Socket(key);
        await socket.ConnectAsync(SocketAddress(gateway), Cancellation);

        await using var connection = Connection.Create(WirePipe.Over(socket), ConnectionRole.Connector, new ConnectionOptions());
        await connection.OpenAsync(Cancellation);
        using var reply = await connection.CallAsync(new Protocol.Headers.HeaderList().Add("op", "models.list"), Array.Empty<byte>(), ct: Cancellation);

        Assert.Equal("200", reply.Headers["status"]);

        static ClientWebSocket Socket(string key)
        {
            var socket = new ClientWebSocket();
            socket.Options.SetRequestHeader("Authorization", "Bearer " + key);
            return socket;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_gateway_shows_its_own_key_to_the_one_behind_it(bool overWire)
    {
        await using var back = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await back.AddKeyAsync("front");
        var url = overWire ? GatewayHost.WireAddresses(back.App)[0] : back.Address.ToString();
        await using var front = await RunningGateway.StartAsync(new ScriptedEngine(), options => options with
        {
            EngineEnabled = false,
            Nodes = [new NodeOptions { Name = "back", Url = url, ApiKey = key, Kind = overWire ? NodeKind.Chasqui : NodeKind.Auto }],
        });
        var own = await front.AddKeyAsync("user");
        await front.App.Services.GetRequiredService<NodeSet>().RefreshAsync(Cancellation);

        using var answer = await front.SendAsync(HttpMethod.Post, "/v1/chat/completions", own, """{"model":"mini","messages":[{"role":"user","content":"x"}]}""");
        await using var client = Client(front, own);
        await DrainAsync(client.ChatAsync(_chat, null, Cancellation));

        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
    }

    /// <summary>The body never ends, so an answer shows that it was not waited for.</summary>
    [Theory]
    [InlineData("/nothing", 404)]
    [InlineData("/api/pull", 403)]
    [InlineData("/api/nodes", 403)]
    [InlineData("/api/blobs/sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 403)]
    public async Task Path_and_scope_are_checked_before_any_of_a_body_is_read(string path, int status)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("a");
        var pipe = await WireDialer.DialAsync(WireEndpoint.Parse(GatewayHost.WireAddresses(gateway.App)[0]), null, Cancellation);
        await using var connection = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions { InlineReplies = false, Authorization = "Bearer " + key });
        await connection.OpenAsync(Cancellation);

        await using var call = await connection.StartAsync(new HeaderList().Add("op", "http").Add("path", path), new byte[1_000], end: false, ct: Cancellation);
        var head = await call.GetResponseAsync(Cancellation).AsTask().WaitAsync(_limit, Cancellation);

        Assert.Equal(status.ToString(System.Globalization.CultureInfo.InvariantCulture), head["status"]);
    }

    private static Uri SocketAddress(RunningGateway gateway) => new UriBuilder(gateway.Address) { Scheme = "ws", Path = "/ws" }.Uri;

    private static ChasquiClient Client(RunningGateway gateway, string? key, bool socket = false) => new(new ChasquiClientOptions
    {
        Endpoint = socket ? SocketAddress(gateway).ToString() : GatewayHost.WireAddresses(gateway.App)[0],
        ApiKey = key,
        ConnectAttempts = 1,
    });

    private static async Task DrainAsync(IAsyncEnumerable<Messages.GenerationUpdate> updates)
    {
        await foreach (var _ in updates)
        {
            // Only its end matters.
        }
    }
}
