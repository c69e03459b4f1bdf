using System.IO.Compression;
using System.Net;
using System.Text;
using Chasqui.Gateway;
using Chasqui.Gateway.Shaping;
using Chasqui.Server.Tests.Keys;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests.Load;

/// <summary>Bodies count as they come, for their caller and for all; what does not fit is refused in the form of its API, and all goes back.</summary>
public sealed class BodyBudgetTests
{
    private const int Mebibyte = 1 << 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat", "{\"error\":\"key ")]
    [InlineData("/v1/chat/completions", "\"type\":\"requests\",\"param\":null,\"code\":\"rate_limit_exceeded\"")]
    [InlineData("/v1/messages", "\"type\":\"rate_limit_error\"")]
    public async Task Unfinished_bodies_of_a_key_hold_no_more_than_it_may(string path, string form)
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci");
        var budget = gateway.App.Services.GetRequiredService<ByteBudget>();
        using var first = await HoldAsync(gateway, key, budget, chunked: false);
        using var largest = await HoldAsync(gateway, key, budget, chunked: true);

        // It does not matter what is announced, only what comes.
        using var refused = await gateway.Http.SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(Chat(Mebibyte)) }.With(key), Cancellation);
        using var other = await gateway.SendAsync(HttpMethod.Post, path, await gateway.AddKeyAsync("b"), Chat(Mebibyte));
        using var small = await gateway.SendAsync(HttpMethod.Post, path, key, Chat(1024));

        Assert.Equal((HttpStatusCode.TooManyRequests, HttpStatusCode.OK, HttpStatusCode.OK), (refused.StatusCode, other.StatusCode, small.StatusCode));
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter!.Delta);
        var said = await refused.Content.ReadAsStringAsync(Cancellation);
        Assert.Contains(form, said);
        Assert.Contains("(Limits:BodyBytesPerCaller)", said);
        first.Dispose();
        largest.Dispose();
        await EmptyAsync(budget);
    }

    [Theory]
    [InlineData("/api/chat", "{\"error\":\"the gateway holds")]
    [InlineData("/v1/chat/completions", "\"type\":\"api_error\"")]
    [InlineData("/v1/messages", "\"type\":\"overloaded_error\"")]
    public async Task Where_all_callers_hold_too_much_a_body_is_refused_with_503(string path, string form)
    {
        await using var gateway = await StartAsync(load => load with { BodyBytes = 12 * Mebibyte, BodyBytesPerCaller = 16 * Mebibyte });
        var budget = gateway.App.Services.GetRequiredService<ByteBudget>();
        using var one = await HoldAsync(gateway, await gateway.AddKeyAsync("a"), budget, chunked: false);
        using var two = await HoldAsync(gateway, await gateway.AddKeyAsync("b"), budget, chunked: false);
        using var three = await HoldAsync(gateway, await gateway.AddKeyAsync("c"), budget, chunked: false);

        using var refused = await gateway.SendAsync(HttpMethod.Post, path, await gateway.AddKeyAsync("d"), Chat(3 * Mebibyte));

        var said = await refused.Content.ReadAsStringAsync(Cancellation);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 1), (refused.StatusCode, refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds));
        Assert.Contains(form, said);
        Assert.Contains("(Limits:BodyBytes)", said);
    }

    [Fact]
    public async Task The_largest_body_fits_where_its_caller_has_nothing_else()
    {
        await using var gateway = await StartAsync(load => load with { BodyBytes = Mebibyte, BodyBytesPerCaller = 64 << 10 });
        var key = await gateway.AddKeyAsync("ci");

        using var answer = await gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat(4 * Mebibyte));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await EmptyAsync(gateway.App.Services.GetRequiredService<ByteBudget>());
    }

    [Fact]
    public async Task What_a_small_body_unpacks_to_counts()
    {
        await using var gateway = await StartAsync(load => load with { BodyBytes = 12 * Mebibyte, BodyBytesPerCaller = 16 * Mebibyte });
        var budget = gateway.App.Services.GetRequiredService<ByteBudget>();
        using var one = await HoldAsync(gateway, await gateway.AddKeyAsync("a"), budget, chunked: false);
        using var two = await HoldAsync(gateway, await gateway.AddKeyAsync("b"), budget, chunked: false);
        using var three = await HoldAsync(gateway, await gateway.AddKeyAsync("c"), budget, chunked: false);
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(Chat(3 * Mebibyte)), Cancellation);
        var request = new HttpRequestMessage(HttpMethod.Post, "/api/chat") { Content = new ByteArrayContent(packed.ToArray()) }.With(await gateway.AddKeyAsync("d"));
        request.Content!.Headers.ContentEncoding.Add("gzip");

        using var refused = await gateway.Http.SendAsync(request, Cancellation);

        Assert.InRange(packed.Length, 1, 100_000);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
    }

    [Theory]
    [InlineData("chat")]
    [InlineData("http")]
    public async Task Over_MCP_parts_of_messages_count_and_are_refused_with_a_status(string op)
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci");
        var budget = gateway.App.Services.GetRequiredService<ByteBudget>();
        using var first = await HoldAsync(gateway, key, budget, chunked: false);
        using var largest = await HoldAsync(gateway, key, budget, chunked: true);

        await using var connection = await WirePeer.OpenAsync(gateway, key);
        var (status, text) = await connection.CallAsync(op, op == "http" ? Encoding.UTF8.GetBytes(Chat(Mebibyte)) : WirePeer.Chat(Mebibyte));

        Assert.Equal("429", status);
        Assert.Contains("(Limits:BodyBytesPerCaller)", text);
        first.Dispose();
        largest.Dispose();
        await EmptyAsync(budget);
        Assert.Equal("200", (await connection.CallAsync(op, op == "http" ? Encoding.UTF8.GetBytes(Chat(Mebibyte)) : WirePeer.Chat(Mebibyte))).Status);
    }

    [Fact]
    public async Task A_body_that_the_engine_does_not_take_is_no_fault_of_its_node()
    {
        await using var gateway = await RunningGateway.StartAsync(EngineProcess.Worker, options => options);
        var body = Chat(17 * Mebibyte);

        for (var i = 0; i < 4; i++)
        {
            using var refused = await gateway.PostAsync("/api/chat", body);
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        }
        using var next = await gateway.PostAsync("/api/chat", """{"model":"mini","stream":false,"messages":[{"role":"user","content":"x"}],"options":{"num_predict":1}}""");

        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
    }

    private static Task<RunningGateway> StartAsync(Func<LoadOptions, LoadOptions>? change = null)
    {
        // Small, so that little has to be sent; a request that waits is refused soon.
        var load = new LoadOptions { BodyBytes = 64 * Mebibyte, BodyBytesPerCaller = 4 * Mebibyte + (256 << 10), BodyDelay = TimeSpan.FromMilliseconds(100) };
        return RunningGateway.StartAsync(KeyModels.Engine(), options => options with
        {
            Http = options.Http with { MaxRequestBodyBytes = 5 * Mebibyte },
            Limits = options.Limits with { Load = change?.Invoke(load) ?? load },
        });
    }

    /// <summary>Sends all but the end of a body, and waits until it is counted.</summary>
    private static async Task<RawHttp> HoldAsync(RunningGateway gateway, string key, ByteBudget budget, bool chunked)
    {
        var before = budget.Held;
        var client = await RawHttp.ConnectAsync(gateway.Address);
        var length = 4 * Mebibyte;
        var size = chunked ? "Transfer-Encoding: chunked" : $"Content-Length: {length}";
        await client.SendAsync($"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n{size}\r\n\r\n");
        var part = Encoding.UTF8.GetBytes(new string('x', length - 1));
        if (chunked)
            await client.SendAsync($"{length:x}\r\n");
        await client.SendAsync(part);
        // Exactly: while its buffer grows, the old one and the new one are held, and for that moment it is the one body that may be beyond the caller's share.
        await budget.UntilAsync(held => held == before + length);
        return client;
    }

    private static Task EmptyAsync(ByteBudget budget) => budget.UntilAsync(held => held == 0);

    private static string Chat(int length) =>
        $$"""{"model":"mini","stream":false,"max_tokens":5,"messages":[{"role":"user","content":"{{new string('x', length)}}"}]}""";
}
