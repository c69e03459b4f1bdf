using System.Net;
using System.Text;
using System.Text.Json;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.Gateway.Sessions;
using Chasqui.Server.Tests.Keys;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>How much a tenant may keep in sessions, and how fast it may write.</summary>
public sealed class SessionQuotaTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_more_sessions_than_the_quota_until_one_is_deleted()
    {
        await using var gateway = await StartAsync(sessions => sessions with { MaxSessions = 2 });
        await MakeAsync(gateway, "a");
        await MakeAsync(gateway, "b");

        var refused = new List<(HttpStatusCode, string, string)>
        {
            await SendAsync(gateway, "/api/sessions", """{"id":"c"}"""),
            await SendAsync(gateway, "/api/sessions/a/fork", """{"id":"c"}"""),
            await SendAsync(gateway, "/api/sessions/import?id=c", Say("x")),
            await SendAsync(gateway, "/api/chat", Chat("/api/chat"), session: "c"),
        };
        Assert.All(refused, one => Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "sessions"), (one.Item1, one.Item2)));
        Assert.All(refused, one => Assert.Contains("Sessions:MaxSessions", one.Item3, StringComparison.Ordinal));
        Assert.All(refused, one => Assert.Contains("DELETE /api/sessions/ID", one.Item3, StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.GetAsync("/api/sessions/c")).StatusCode);

        using var gone = await gateway.SendAsync(HttpMethod.Delete, "/api/sessions/a", null);
        await MakeAsync(gateway, "c");
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await SendAsync(gateway, "/api/sessions", "{}")).Status);
    }

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/responses")]
    [InlineData("/v1/messages")]
    public async Task No_more_turns_than_the_quota_and_no_model_works_for_what_cannot_be_recorded(string path)
    {
        var asked = 0;
        await using var gateway = await StartAsync(sessions => sessions with { MaxTurns = 3 }, () => asked++);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(gateway, path, Chat(path), session: "s")).Status);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(gateway, "/api/sessions/s/messages", Say("third"))).Status);

        var (status, quota, body) = await SendAsync(gateway, path, Chat(path), session: "s");
        var appended = await SendAsync(gateway, "/api/sessions/s/messages", Say("fourth"));
        var forked = await SendAsync(gateway, "/api/sessions/s/fork", """{"version":2}""");

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "turns", 1), (status, quota, asked));
        Assert.Contains("Sessions:MaxTurns", body, StringComparison.Ordinal);
        if (path.StartsWith("/v1/", StringComparison.Ordinal) && path != "/v1/messages")
            Assert.Equal("session_quota_turns", JsonElement.Parse(body).GetProperty("error").GetProperty("code").GetString());
        Assert.All([appended, forked], one => Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "turns"), (one.Status, one.Quota)));
        Assert.Contains("\"message_count\":3", await gateway.Http.GetStringAsync("/api/sessions/s", Cancellation), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("immediate")]
    [InlineData("batched")]
    [InlineData("local")]
    public async Task No_more_bytes_than_the_quota_whatever_they_are_written_as(string mode)
    {
        await using var gateway = await StartAsync(sessions => sessions with { MaxBytes = 100_000 });
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(gateway, "/api/sessions", $$"""{"id":"s","mode":"{{mode}}"}""")).Status);

        var written = 0;
        while ((await SendAsync(gateway, "/api/sessions/s/messages", Say(new string('x', 9_000)))).Status == HttpStatusCode.Created)
            written++;
        var fork = await SendAsync(gateway, "/api/sessions/s/fork", "{}");
        var titles = 0;
        while (await RenameAsync(gateway, new string('t', 900)) == HttpStatusCode.OK)
            titles++;

        Assert.Equal(10, written);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "bytes"), (fork.Status, fork.Quota));
        Assert.InRange(titles, 0, 10);
        using var gone = await gateway.SendAsync(HttpMethod.Delete, "/api/sessions/s", null);
        Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(gateway, "/api/sessions/import?id=t", Say(new string('x', 50_000)))).Status);
    }

    [Fact]
    public async Task Many_at_once_are_no_more_than_one_after_the_other()
    {
        await using var open = new OpenLog(new SessionOptions { MaxTurns = 50, MaxBytes = 1 << 20 });
        await open.CreateAsync(SyncMode.Batched);

        var done = await Task.WhenAll(Enumerable.Range(0, 200).Select(async _ =>
        {
            try
            {
                await open.SayAsync("x");
                return true;
            }
            catch (SessionQuotaException)
            {
                return false;
            }
        }));

        // What is being written may be counted twice for a moment, and never not at all.
        var written = done.Count(one => one);
        Assert.InRange(written, 1, 50);
        for (; written < 50; written++)
            await open.SayAsync("x");
        await Assert.ThrowsAsync<SessionQuotaException>(() => open.SayAsync("one more"));
        Assert.Equal(50, (await open.TextsAsync()).Count);
    }

    [Fact]
    public async Task A_write_that_failed_takes_nothing_of_the_quota()
    {
        await using var open = new OpenLog(new SessionOptions { MaxTurns = 1 });
        await open.CreateAsync();
        await Assert.ThrowsAsync<SessionConflictException>(() => open.SayAsync("stale", expected: 7));
        open.Store.Failure = new SessionStoreException(StoreFault.Locked, "locked");
        await Assert.ThrowsAsync<SessionStoreException>(() => open.SayAsync("x"));
        open.Store.Recover();

        await open.SayAsync("right");

        Assert.Equal("turns", (await Assert.ThrowsAsync<SessionQuotaException>(() => open.SayAsync("more"))).Quota);
    }

    [Fact]
    public async Task A_full_tenant_is_nothing_to_another_and_all_together_have_a_bound()
    {
        await using var gateway = await StartAsync(sessions => sessions with { MaxBytes = 60_000, MaxStoreBytes = 100_000 });
        var (one, two) = (await gateway.AddKeyAsync("a", caller => caller with { Tenant = "one" }), await gateway.AddKeyAsync("b", caller => caller with { Tenant = "two" }));
        foreach (var key in new[] { one, two })
            Assert.Equal(HttpStatusCode.Created, (await SendAsync(gateway, "/api/sessions", """{"id":"s"}""", key)).Status);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(gateway, "/api/sessions/s/messages", Say(new string('x', 55_000)), one)).Status);

        var full = await SendAsync(gateway, "/api/sessions/s/messages", Say(new string('x', 10_000)), one);
        var other = await SendAsync(gateway, "/api/sessions/s/messages", Say(new string('x', 30_000)), two);
        var all = await SendAsync(gateway, "/api/sessions/s/messages", Say(new string('x', 20_000)), two);

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "bytes"), (full.Status, full.Quota));
        Assert.Equal(HttpStatusCode.Created, other.Status);
        Assert.Equal((HttpStatusCode.InsufficientStorage, ""), (all.Status, all.Quota));
        Assert.Contains("Sessions:MaxStoreBytes", all.Body, StringComparison.Ordinal);
        // A response that has no room is answered, and not kept.
        var (status, _, body) = await SendAsync(gateway, "/v1/responses", """{"model":"mini","input":"INPUT"}""".Replace("INPUT", new string('x', 20_000), StringComparison.Ordinal), two);
        Assert.Equal((HttpStatusCode.OK, false), (status, JsonElement.Parse(body).GetProperty("store").GetBoolean()));
    }

    [Fact]
    public async Task MCP_has_the_same_quotas_with_a_code()
    {
        await using var gateway = await StartAsync(sessions => sessions with { MaxTurns = 1 });
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        await MakeAsync(gateway, "s");

        await using var answer = await client.HttpAsync("POST", "/api/sessions/s/messages", Encoding.UTF8.GetBytes(Say("one", "two")), cancellationToken: Cancellation);
        var error = await Assert.ThrowsAsync<ClientException>(async () =>
        {
            await foreach (var update in client.ChatAsync(
                new Messages.ChatRequest { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = "x" } } }, new CallOptions { Session = "s" }, Cancellation))
            {
                _ = update;
            }
        });

        Assert.Equal(413, answer.Status);
        Assert.Equal("session_quota_turns", error.Error.Code);
    }

    [Theory]
    [InlineData("POST", "/api/sessions", "{}")]
    [InlineData("POST", "/api/sessions/s/messages", """{"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("POST", "/api/sessions/s/fork", "{}")]
    [InlineData("POST", "/api/sessions/import", """{"messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("PATCH", "/api/sessions/s", """{"title":"t"}""")]
    public async Task Each_write_is_a_request_of_its_key(string method, string path, string body)
    {
        await using var gateway = await StartAsync(sessions => sessions);
        var free = await gateway.AddKeyAsync("free", caller => caller with { Tenant = "t" });
        var slow = await gateway.AddKeyAsync("slow", caller => caller with { Tenant = "t", Limit = new TrafficLimit { RequestsPerMinute = 2, RequestBurst = 2 } });
        await SendAsync(gateway, "/api/sessions", """{"id":"s"}""", free);

        using var first = await gateway.SendAsync(new HttpMethod(method), path, slow, body);
        await using var client = new ChasquiClient(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = slow });
        await using var second = await client.HttpAsync(method, path, Encoding.UTF8.GetBytes(body), cancellationToken: Cancellation);
        using var third = await gateway.SendAsync(new HttpMethod(method), path, slow, body);
        await using var fourth = await client.HttpAsync(method, path, Encoding.UTF8.GetBytes(body), cancellationToken: Cancellation);
        var before = await CountAsync(gateway, free);
        var chat = await SendAsync(gateway, "/api/chat", Chat("/api/chat"), slow, "new");
        using var read = await gateway.SendAsync(HttpMethod.Get, "/api/sessions/s", slow);
        using var gone = await gateway.SendAsync(HttpMethod.Delete, "/api/sessions/s", slow);

        Assert.True(first.IsSuccessStatusCode);
        Assert.InRange(second.Status, 200, 201);
        Assert.Equal((429, 429, HttpStatusCode.TooManyRequests), ((int)third.StatusCode, fourth.Status, chat.Status));
        Assert.Equal(before - 1, await CountAsync(gateway, free));
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.NoContent), (read.StatusCode, gone.StatusCode));
    }

    private static Task<RunningGateway> StartAsync(Func<SessionOptions, SessionOptions> change, Action? asked = null) =>
        RunningGateway.StartAsync(KeyModels.Engine(asked), options => options with { Sessions = change(options.Sessions), Limits = new LimitOptions { MaxDelay = TimeSpan.Zero } });

    private static string Say(params string[] texts) => JsonSerializer.Serialize(new { messages = texts.Select(content => new { role = "user", content }) });

    private static string Chat(string path) => path == "/v1/responses" ? """{"model":"mini","input":"x"}"""
        : """{"model":"mini","max_tokens":10,"stream":false,"messages":[{"role":"user","content":"x"}]}""";

    private static async Task MakeAsync(RunningGateway gateway, string id) =>
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(gateway, "/api/sessions", $$"""{"id":"{{id}}"}""")).Status);

    private static async Task<HttpStatusCode> RenameAsync(RunningGateway gateway, string title)
    {
        using var answer = await gateway.SendAsync(HttpMethod.Patch, "/api/sessions/s", null, JsonSerializer.Serialize(new { title }));
        return answer.StatusCode;
    }

    private static async Task<int> CountAsync(RunningGateway gateway, string key)
    {
        using var answer = await gateway.SendAsync(HttpMethod.Get, "/api/sessions", key);
        return JsonElement.Parse(await answer.Content.ReadAsStringAsync(Cancellation)).GetProperty("sessions").GetArrayLength();
    }

    private static async Task<(HttpStatusCode Status, string Quota, string Body)> SendAsync(RunningGateway gateway, string path, string body, string? key = null, string? session = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") }.With(key);
        if (session is not null)
            request.Headers.Add("X-Chasqui-Session", session);
        using var answer = await gateway.Http.SendAsync(request, Cancellation);
        return (answer.StatusCode, answer.Headers.TryGetValues("X-Chasqui-Quota", out var quota) ? quota.Single() : "", await answer.Content.ReadAsStringAsync(Cancellation));
    }
}
