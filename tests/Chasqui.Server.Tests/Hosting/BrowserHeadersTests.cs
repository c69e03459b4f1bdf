using System.Net;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Keys;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests.Hosting;

/// <summary>What scripts of a web page may send and read. A browser keeps the rest from them, so each answer is read here as a browser would.</summary>
public sealed class BrowserHeadersTests
{
    private const string Page = "http://localhost:3000";
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"x"}],"max_tokens":5,"stream":false,"options":{"temperature":0}}""";

    // Those that every script may read, and what is of no use to one.
    private static readonly string[] _always =
    [
        "Cache-Control", "Content-Language", "Content-Length", "Content-Type", "Expires", "Last-Modified", "Pragma",
        "Date", "Server", "Connection", "Transfer-Encoding", "Vary", "X-Accel-Buffering",
        "Access-Control-Allow-Origin", "Access-Control-Expose-Headers",
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Authorization")]
    [InlineData("X-Api-Key")]
    [InlineData("X-Chasqui-Node")]
    [InlineData("X-Chasqui-Explain")]
    [InlineData("X-Chasqui-Priority")]
    [InlineData("X-Chasqui-Max-Wait")]
    [InlineData("X-Chasqui-Queue-Progress")]
    [InlineData("X-Request-Id")]
    [InlineData("Cache-Control")]
    [InlineData("anthropic-version")]
    [InlineData("anthropic-beta")]
    [InlineData("anthropic-dangerous-direct-browser-access")]
    [InlineData("traceparent")]
    public async Task A_page_may_send_what_the_gateway_heeds(string name)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var preflight = new HttpRequestMessage(HttpMethod.Options, "/v1/messages")
        {
            Headers = { { "Origin", Page }, { "Access-Control-Request-Method", "POST" }, { "Access-Control-Request-Headers", name.ToUpperInvariant() } },
        };

        using var answer = await gateway.Http.SendAsync(preflight, Cancellation);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Contains(name, List(answer, "Access-Control-Allow-Headers"), StringComparer.OrdinalIgnoreCase);
        Assert.Contains("POST", List(answer, "Access-Control-Allow-Methods"));
    }

    [Theory]
    [InlineData("/api/chat", "x-ratelimit-remaining-requests")]
    [InlineData("/v1/chat/completions", "x-ratelimit-remaining-requests")]
    [InlineData("/v1/responses", "x-ratelimit-remaining-requests")]
    [InlineData("/v1/messages", "anthropic-ratelimit-requests-remaining")]
    public async Task A_page_may_read_all_that_an_answer_says(string path, string limit)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript());
        await fleet.WarmAsync();
        var key = await fleet.Gateway.AddKeyAsync("page", caller => caller with { Scopes = Scopes.All, Limit = new TrafficLimit { RequestsPerMinute = 2, TokensPerMinute = 10_000 } });

        using var made = await AskAsync(fleet.Gateway, path, key);
        using var kept = await AskAsync(fleet.Gateway, path, key);
        using var refused = await AskAsync(fleet.Gateway, path, key);

        Assert.Equal([200, 200, 429], new[] { made, kept, refused }.Select(answer => (int)answer.StatusCode));
        AssertReads(made, limit, "X-Request-Id");
        AssertReads(refused, limit, "X-Request-Id", "Retry-After");
        if (path != "/v1/responses")
        {
            AssertReads(made, "X-Chasqui-Node", "X-Chasqui-Route", "X-Chasqui-Cache");
            AssertReads(kept, "X-Chasqui-Cache", "Age");
        }
    }

    [Fact]
    public async Task A_page_may_read_that_a_key_is_needed_and_that_trying_again_is_no_use()
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        var key = await gateway.AddKeyAsync("page", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 0 } });

        using var stranger = await AskAsync(gateway, "/v1/chat/completions", null);
        using var never = await AskAsync(gateway, "/v1/chat/completions", key);

        Assert.Equal([401, 429], new[] { stranger, never }.Select(answer => (int)answer.StatusCode));
        AssertReads(stranger, "WWW-Authenticate");
        AssertReads(never, "x-should-retry");
    }

    [Fact]
    public void Every_header_of_the_documented_ones_is_named()
    {
        foreach (var line in File.ReadLines(Path.Combine(Repository.Root, "docs", "apis.md")).Where(line => line.StartsWith("| `X-Chasqui-", StringComparison.Ordinal)))
        {
            var cells = line.Split('|', StringSplitOptions.TrimEntries);
            foreach (var name in cells[1].Split(',', StringSplitOptions.TrimEntries).Select(name => name.Trim('`')))
                Assert.Contains(name, (cells[2] == "request" ? BrowserHeaders.Sent : BrowserHeaders.Read).Split(','));
        }
    }

    [Fact]
    public async Task Who_is_no_page_of_another_origin_is_told_nothing_of_it()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var answer = await gateway.GetAsync("/api/version");
        Assert.False(answer.Headers.Contains("Access-Control-Expose-Headers"));
    }

    private static Task<HttpResponseMessage> AskAsync(RunningGateway gateway, string path, string? key)
    {
        var body = path == "/v1/responses" ? """{"model":"mini","input":"x","max_output_tokens":5,"temperature":0}"""
            : path.StartsWith("/v1/", StringComparison.Ordinal) ? Chat.Replace("\"options\":{\"temperature\":0}", "\"temperature\":0", StringComparison.Ordinal) : Chat;
        var request = Fleet.Post(path, body).With(key);
        request.Headers.Add("Origin", Page);
        request.Headers.Add("X-Chasqui-Explain", "1");
        return gateway.Http.SendAsync(request, Cancellation);
    }

    /// <summary>A script can read each header of an answer, and these are there.</summary>
    private static void AssertReads(HttpResponseMessage answer, params string[] names)
    {
        Assert.Equal(Page, answer.Headers.GetValues("Access-Control-Allow-Origin").Single());
        var exposed = List(answer, "Access-Control-Expose-Headers").Concat(_always).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var there = answer.Headers.Concat(answer.Content.Headers).Select(header => header.Key).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.Empty(there.Except(exposed, StringComparer.OrdinalIgnoreCase));
        Assert.Empty(names.Except(there, StringComparer.OrdinalIgnoreCase));
    }

    private static string[] List(HttpResponseMessage answer, string name) => answer.Headers.GetValues(name).Single().Split(',', StringSplitOptions.TrimEntries);
}
