using System.Net.Http.Headers;
using System.Text;
using Chasqui.Client;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests.Hosting;

/// <summary>Requests whose body is packed, before a node that gets it as it is and before the engine by types.</summary>
public sealed class PackedRequestTests
{
    private const string Path = "/v1/chat/completions";
    private const long Limit = 100_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Codings => new("gzip", "deflate", "raw deflate", "br", "zstd", "gzip, br", "zstd, deflate, gzip");

    [Theory]
    [MemberData(nameof(Codings))]
    public async Task It_goes_on_to_a_node_unpacked(string coding)
    {
        var body = ApiCall.Of(Path, stream: false).Body;
        var node = new PassingNode(_ => new PassingAnswer("application/json") { Parts = ["{\"choices\":[]}"] });
        await using var gateway = await PassingNode.StartAsync(node);

        using var response = await gateway.Http.SendAsync(Request(Path, Packed.Of(coding, body), Packed.Header(coding)), Cancellation);

        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Cancellation));
        var request = Assert.Single(node.Requests);
        Assert.Equal(body, Encoding.UTF8.GetString(request.Body.Span));
        Assert.DoesNotContain(request.Headers, header => header.Key == "Content-Encoding");
    }

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/messages")]
    public async Task It_is_read_by_types_over_HTTP_and_MCP(string path)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        var body = Packed.Of("gzip", ApiCall.Of(path, stream: false).Body);

        using var response = await gateway.Http.SendAsync(Request(path, body, "GZip"), Cancellation);
        Assert.Equal(CallEnd.Whole, ApiCall.Of(path, stream: false).End((int)response.StatusCode, await response.Content.ReadAsStringAsync(Cancellation)));

        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        await using var answer = await client.HttpAsync("POST", path, body, [new("content-encoding", "gzip")], Cancellation);
        Assert.Equal(200, answer.Status);
    }

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/messages")]
    public async Task One_that_is_not_known_is_refused_with_those_that_are(string path)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        foreach (var coding in (string[])["compress", "gzip, lzma", "gzip, gzip, gzip, gzip, gzip"])
        {
            using var response = await gateway.Http.SendAsync(Request(path, "x"u8.ToArray(), coding), Cancellation);
            var body = await response.Content.ReadAsStringAsync(Cancellation);

            Assert.Equal((415, CallEnd.Refused), ((int)response.StatusCode, ApiCall.Of(path, stream: false).End((int)response.StatusCode, body)));
            Assert.Equal("gzip, deflate, br, zstd", string.Join(", ", response.Headers.GetValues("Accept-Encoding")));
            Assert.Contains("gzip, deflate, br, zstd", body, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public async Task One_that_unpacks_to_more_than_the_limit_is_refused(string coding)
    {
        await using var gateway = await StartAsync();
        foreach (var size in (int[])[(int)Limit + 1, 50_000_000])
        {
            using var response = await gateway.Http.SendAsync(Request(Path, Packed.Of(coding, new byte[size]), Packed.Header(coding)), Cancellation);
            var body = await response.Content.ReadAsStringAsync(Cancellation);

            Assert.Equal((413, CallEnd.Refused), ((int)response.StatusCode, ApiCall.Of(Path, stream: false).End(413, body)));
            Assert.Contains("100000 bytes", body, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task One_that_unpacks_to_much_in_between_and_to_nothing_in_the_end_is_refused_too()
    {
        await using var gateway = await StartAsync();
        // Empty frames, one after the other.
        var empty = Packed.Of("zstd", []);
        var many = Enumerable.Repeat(empty, 50_000).SelectMany(frame => frame).ToArray();

        using var response = await gateway.Http.SendAsync(Request(Path, Packed.Of("gzip", many), "zstd, gzip"), Cancellation);

        Assert.Equal(413, (int)response.StatusCode);
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public async Task One_that_is_cut_off_or_is_something_else_is_a_bad_request(string coding)
    {
        await using var gateway = await StartAsync();
        var packed = Packed.Of(coding, ApiCall.Of(Path, stream: false).Body);
        foreach (var bytes in new[] { packed[..^(packed.Length / 2)], packed[..1], "{\"model\":\"mini\"}"u8.ToArray() })
        {
            using var response = await gateway.Http.SendAsync(Request(Path, bytes, Packed.Header(coding)), Cancellation);
            var body = await response.Content.ReadAsStringAsync(Cancellation);
            Assert.Equal((400, CallEnd.Refused), ((int)response.StatusCode, ApiCall.Of(Path, stream: false).End(400, body)));
        }
    }

    private static Task<RunningGateway> StartAsync() =>
        RunningGateway.StartAsync(new ScriptedEngine(), options => options with { Http = options.Http with { MaxRequestBodyBytes = Limit } });

    private static HttpRequestMessage Request(string path, byte[] body, string coding)
    {
        var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        content.Headers.TryAddWithoutValidation("Content-Encoding", coding);
        return new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
    }
}
