using System.Net;

namespace Chasqui.Server.Tests;

public sealed class RoutingTests
{
    [Theory]
    [InlineData("GET", "/", 200, "Ollama is running")]
    [InlineData("GET", "/api/version?x=1", 200, """{"version":"0.33.0"}""")]
    [InlineData("GET", "/nope", 404, "404 page not found")]
    [InlineData("GET", "/API/tags", 404, "404 page not found")]
    [InlineData("GET", "/api/nope/", 404, "404 page not found")]
    [InlineData("PUT", "/api/generate", 405, "405 method not allowed")]
    [InlineData("POST", "/api/tags", 405, "405 method not allowed")]
    [InlineData("GET", "/api/version/", 301, "<a href=\"/api/version\">Moved Permanently</a>.\n\n")]
    [InlineData("POST", "/api/show/", 307, "")]
    [InlineData("GET", "//api//version", 307, "<a href=\"/api/version\">Temporary Redirect</a>.\n\n")]
    [InlineData("GET", "/api/../api/version", 200, """{"version":"0.33.0"}""")]
    public async Task Paths_are_matched_as_gin_matches_them(string method, string path, int status, string body)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var raw = await RawHttp.ConnectAsync(gateway.Address);

        await raw.SendAsync($"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
        var (actual, headers) = await raw.ReadHeadAsync();

        Assert.Equal(body, await raw.ReadAsync(int.Parse(headers["Content-Length"], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal(status, actual);
        if (status == 405)
            Assert.Equal(path == "/api/tags" ? "HEAD, GET" : "POST", headers["Allow"]);
    }

    [Theory]
    [InlineData("/", "text/plain; charset=utf-8", 17)]
    [InlineData("/api/version", "application/json; charset=utf-8", 20)]
    public async Task HEAD_has_the_headers_of_GET_and_no_body(string path, string contentType, int length)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var request = new HttpRequestMessage(HttpMethod.Head, path);

        using var response = await gateway.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(contentType, response.Content.Headers.ContentType!.ToString());
        Assert.Equal(length, response.Content.Headers.ContentLength);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("http://localhost:3000", 200)]
    [InlineData("https://127.0.0.1", 200)]
    [InlineData("chrome-extension://abc", 200)]
    [InlineData("https://chat.example.org", 200)]
    [InlineData("https://evil.example", 403)]
    [InlineData("http://localhost.evil.example", 403)]
    [InlineData("null", 403)]
    public async Task Only_local_and_configured_origins_may_call(string origin, int status)
    {
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine(), options => options with { Http = options.Http with { Origins = ["https://*.example.org"] } });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/version") { Headers = { { "Origin", origin } } };

        using var response = await gateway.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(status == 200, response.Headers.TryGetValues("Access-Control-Allow-Origin", out var allowed) && allowed.Single() == origin);
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST", true)]
    [InlineData("box.local", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("[::1]", true)]
    [InlineData("192.168.1.5", true)]
    [InlineData("172.32.0.1", false)]
    [InlineData("8.8.8.8", false)]
    [InlineData("evil.example", false)]
    [InlineData("notlocal", false)]
    public void A_host_is_local_or_not(string host, bool local) => Assert.Equal(local, HostFilter.IsLocal(host));

    [Fact]
    public async Task A_public_name_that_points_here_is_refused()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/version") { Headers = { Host = "evil.example" } };

        using var response = await gateway.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }
}
