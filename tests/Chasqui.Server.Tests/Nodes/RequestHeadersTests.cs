using System.Text;
using Chasqui.Client;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Headers of a request that are for one connection alone stay there: whatever <c>Connection</c> names, and those that always
/// are.</summary>
public sealed class RequestHeadersTests
{
    private const string Body = """{"model":"mini","messages":[{"role":"user","content":"x"}]}""";

    private static readonly KeyValuePair<string, string>[] _headers =
    [
        new("X-A", "1"), new("X-B", "2"), new("Accept-Language", "es"), new("X-Chasqui-Priority", "batch"),
        new("Keep-Alive", "timeout=5"), new("HTTP2-Settings", "AAMAAABkAAQAAP__"), new("TE", "trailers"),
        new("Proxy-Connection", "keep-alive"), new("Upgrade", "h2c"),
        new("Cache-Control", "no-cache"), new("User-Agent", "tests/1"),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat", "X-A, accept-language , x-chasqui-priority")]
    [InlineData("/v1/chat/completions", "Accept-Language,X-Chasqui-Priority")]
    [InlineData("/v1/messages", "other, accept-language, http2-settings, x-chasqui-priority")]
    public async Task By_HTTP(string path, string connection)
    {
        var node = Node();
        await using var gateway = await PassingNode.StartAsync(node);
        using var request = Fleet.Post(path, Body);
        foreach (var (name, value) in (IEnumerable<KeyValuePair<string, string>>)[new("Connection", connection), .. _headers])
            Assert.True(request.Headers.TryAddWithoutValidation(name, value), name);
        using var response = await gateway.Http.SendAsync(request, Cancellation);

        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Cancellation));
        AssertPassed(node);
    }

    [Theory]
    [InlineData("/api/chat", "keep-alive, X-A, accept-language , x-chasqui-priority")]
    [InlineData("/v1/chat/completions", "Accept-Language,X-Chasqui-Priority,HTTP2-Settings")]
    [InlineData("/v1/messages", "close, accept-language, x-chasqui-priority")]
    public async Task By_the_operation_http_of_MCP(string path, string connection)
    {
        var node = Node();
        await using var gateway = await PassingNode.StartAsync(node);
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        await using var answer = await client.HttpAsync("POST", path, Encoding.UTF8.GetBytes(Body),
            [new("Connection", connection), .. _headers, new("Content-Type", "application/json; charset=utf-8")], Cancellation);

        Assert.Equal(200, answer.Status);
        AssertPassed(node);
    }

    /// <summary>Of a value with <c>keep-alive</c>, <c>close</c> or <c>upgrade</c> the server in front keeps that word alone; what stands
    /// beside it is none of those that go on in any case.</summary>
    [Theory]
    [InlineData("keep-alive, X-A, X-B, HTTP2-Settings")]
    [InlineData("X-A")]
    public async Task A_node_itself_sees_none_of_them(string connection)
    {
        await using var fleet = await Fleet.StartAsync(new Chasqui.OllamaDouble.DoubleScript());
        using var request = Fleet.Post("/api/chat", Body);
        foreach (var (name, value) in (IEnumerable<KeyValuePair<string, string>>)[new("Connection", connection), .. _headers])
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await fleet.Gateway.Http.SendAsync(request, Cancellation);

        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Cancellation));
        var asked = fleet.Double.Requests.Last(one => one.Path == "/api/chat");
        Assert.Equal("tests/1", asked.Header("User-Agent"));
        Assert.All(["X-A", "X-B", "HTTP2-Settings", "TE", "Proxy-Connection", "Upgrade", "Keep-Alive"], name =>
            Assert.Null(asked.Header(name)));
    }

    private static PassingNode Node() => new(request => new PassingAnswer("application/json") { Parts = ["{}"] });

    private static void AssertPassed(PassingNode node) => Assert.Equal(
        ["Cache-Control: no-cache", "Content-Type: application/json; charset=utf-8", "User-Agent: tests/1"],
        Assert.Single(node.Requests).Headers.Where(header => !header.Key.Equals("X-Request-Id", StringComparison.OrdinalIgnoreCase))
            .Select(header => $"{header.Key}: {header.Value}").Order(StringComparer.OrdinalIgnoreCase), StringComparer.OrdinalIgnoreCase);
}
