using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Chasqui.Server.Tests.Keys;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Load;

/// <summary>Requests, event streams and connections of one caller at a time, and that nothing is read of who may ask for nothing.</summary>
public sealed class RequestsAtATimeTests
{
    private const string Chat = """{"model":"mini","stream":false,"max_tokens":5,"messages":[{"role":"user","content":"x"}]}""";

    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _begun = new(0);
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat", "{\"error\":\"key ")]
    [InlineData("/v1/chat/completions", "\"code\":\"rate_limit_exceeded\"")]
    [InlineData("/v1/messages", "\"type\":\"rate_limit_error\"")]
    public async Task One_too_many_of_a_key_is_refused_whichever_way_it_comes(string path, string form)
    {
        await using var gateway = await RunningGateway.StartAsync(Slow());
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Concurrency = 2 });
        await using var peer = await WirePeer.OpenAsync(gateway, key);
        var overHttp = gateway.SendAsync(HttpMethod.Post, path, key, Chat);
        var overMcp = peer.CallAsync("chat", WirePeer.Chat(1));
        await _begun.WaitAsync(_limit, Cancellation);
        await _begun.WaitAsync(_limit, Cancellation);

        using var refused = await gateway.SendAsync(HttpMethod.Post, path, key, Chat);
        var typed = await peer.CallAsync("chat", WirePeer.Chat(1));
        var passed = await peer.CallAsync("http", Encoding.UTF8.GetBytes(Chat));
        using var other = await gateway.SendAsync(HttpMethod.Get, "/api/tags", await gateway.AddKeyAsync("b"));
        _end.TrySetResult();

        Assert.Equal((HttpStatusCode.TooManyRequests, 1), (refused.StatusCode, refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds));
        Assert.Contains(form, await refused.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal(("429", "429", HttpStatusCode.OK), (typed.Status, passed.Status, other.StatusCode));
        Assert.Contains("has 2 requests under way, the most at a time (of the key)", typed.Text);
        using var first = await overHttp;
        Assert.Equal((HttpStatusCode.OK, "200"), (first.StatusCode, (await overMcp).Status));
        // What has ended makes room.
        using var next = await gateway.SendAsync(HttpMethod.Post, path, key, Chat);
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
    }

    [Fact]
    public async Task Event_streams_take_no_request_and_have_a_number_of_their_own()
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine(), options => options with
        {
            Limits = options.Limits with { Load = new LoadOptions { SubscriptionsPerCaller = 2 } },
        });
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Concurrency = 1 });
        using var made = await gateway.SendAsync(HttpMethod.Post, "/api/sessions", key, """{"id":"s"}""");
        using var events = await gateway.Http.SendAsync(
            new HttpRequestMessage(HttpMethod.Get, "/api/sessions/s/events").With(key), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await using var peer = await WirePeer.OpenAsync(gateway, key);
        var subscribe = new Messages.SubscribeRequest { Channel = "news" }.ToByteArray();
        await using var channel = await peer.Connection.StartAsync(WirePeer.Head("channel.subscribe"), subscribe, end: true, ct: Cancellation);
        Assert.Equal("200", (await channel.GetResponseAsync(Cancellation))["status"]);

        using var refused = await gateway.SendAsync(HttpMethod.Get, "/api/sessions/s/events", key);
        var typed = await peer.CallAsync("channel.subscribe", subscribe);
        using var request = await gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.TooManyRequests, "429"), (events.StatusCode, refused.StatusCode, typed.Status));
        Assert.Contains("2 event streams open", typed.Text);
        Assert.Equal(HttpStatusCode.OK, request.StatusCode);
    }

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/infer")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/messages")]
    public async Task Who_has_no_request_left_is_told_so_before_the_body(string path)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 1 } });
        using var first = await gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);
        using var client = await RawHttp.ConnectAsync(gateway.Address);

        // No byte of the body is sent, and the answer comes all the same.
        await client.SendAsync($"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Length: 40000000\r\n\r\n");
        var (status, headers) = await client.ReadHeadAsync();

        Assert.Equal((HttpStatusCode.OK, 429), (first.StatusCode, status));
        Assert.True(headers.ContainsKey("Retry-After"));
        Assert.Contains(headers.Keys, name => name.EndsWith("-requests-remaining", StringComparison.Ordinal) || name == "x-ratelimit-remaining-requests");
    }

    [Theory]
    [InlineData("chat")]
    [InlineData("http")]
    public async Task Over_MCP_it_is_the_same(string op)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 1 } });
        using var first = await gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);
        await using var peer = await WirePeer.OpenAsync(gateway, key);

        await using var call = await peer.Connection.StartAsync(WirePeer.Head(op), new byte[100], end: false, ct: Cancellation);
        var (status, text) = await WirePeer.AnswerAsync(call);

        Assert.Equal("429", status);
        Assert.Contains("1 requests a minute", text);
    }

    [Theory]
    [InlineData("/nowhere", null, 404)]
    [InlineData("/api/pull", null, 403)]
    [InlineData("/api/chat", "wrong", 401)]
    public async Task Path_key_and_scope_are_looked_at_before_the_body(string path, string? other, int expected)
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("ci");
        using var client = await RawHttp.ConnectAsync(gateway.Address);

        await client.SendAsync($"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {other ?? key}\r\nContent-Length: 40000000\r\n\r\n");

        Assert.Equal(expected, (await client.ReadHeadAsync()).Status);
    }

    [Fact]
    public async Task One_connection_of_HTTP_too_many_is_told_so()
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine(), options => options with { Http = options.Http with { MaxConnections = 1 } });
        using (var first = await RawHttp.ConnectAsync(gateway.Address))
        {
            await first.SendAsync("GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
            Assert.Equal(200, (await first.ReadHeadAsync()).Status);
            using var second = await RawHttp.ConnectAsync(gateway.Address);
            // A whole request is already on its way.
            await second.SendAsync("GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
            var (status, headers) = await second.ReadHeadAsync();

            Assert.Equal((503, "1", "close"), (status, headers["Retry-After"], headers["Connection"]));
            Assert.Contains("(Http:MaxConnections)", await second.ReadAsync(int.Parse(headers["Content-Length"], System.Globalization.CultureInfo.InvariantCulture)));
            Assert.Equal("", await second.ReadLineAsync());
        }
        Assert.Equal(1, gateway.App.Services.GetRequiredService<RefusalCounts>().Of(RefusalReason.Connections));
    }

    [Theory]
    [InlineData("192.0.2.1", 2)]
    [InlineData("2001:db8::1", 2)]
    [InlineData("127.0.0.1", 4)]
    [InlineData(null, 4)]
    public void An_address_has_a_number_of_its_own_but_for_the_machines(string? address, int expected)
    {
        var refusals = new RefusalCounts();
        var settings = new LiveGatewaySettings(new GatewaySettings { Limits = new LimitOptions { Load = new LoadOptions { ConnectionsPerAddress = 2 } } });
        var quota = new ConnectionQuota(4, settings, refusals);
        var from = address is null ? null : IPAddress.Parse(address);

        var entered = Enumerable.Range(0, 6).Count(_ => quota.TryEnter(from) is null);
        Assert.Equal((expected, expected), (entered, quota.Count));
        Assert.Equal(6 - expected, refusals.Of(RefusalReason.Connections) + refusals.Of(RefusalReason.AddressConnections));
        quota.Leave(from);
        Assert.Null(quota.TryEnter(from));
        for (var i = 0; i < expected; i++)
            quota.Leave(from);
        Assert.Equal(0, quota.Count);
    }

    private ScriptedEngine Slow()
    {
        return new ScriptedEngine { Models = KeyModels.Engine().Models, Resident = KeyModels.Engine().Resident, Answer = (_, cancellationToken) => AnswerAsync(cancellationToken) };

        async IAsyncEnumerable<GenerationUpdate> AnswerAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            _begun.Release();
            await _end.Task.WaitAsync(cancellationToken);
            await foreach (var update in ScriptedEngine.TokensAsync(["Hi"], cancellationToken))
                yield return update;
        }
    }
}
