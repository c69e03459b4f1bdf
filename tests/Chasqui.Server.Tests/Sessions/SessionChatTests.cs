using System.Net;
using System.Text;
using System.Text.Json;
using Chasqui.Server.Tests.Keys;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>Sessions through a gateway: chats in each API, versions, tenants, and what is no session at all.</summary>
public sealed class SessionChatTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"again"}],"stream":STREAM}""")]
    [InlineData("/v1/chat/completions", """{"model":"mini","messages":[{"role":"user","content":"again"}],"stream":STREAM}""")]
    [InlineData("/v1/messages", """{"model":"mini","max_tokens":100,"messages":[{"role":"user","content":"again"}],"stream":STREAM}""")]
    public async Task A_chat_of_any_API_sends_what_is_new_and_is_recorded(string path, string body)
    {
        List<ChatRequest> asked = [];
        await using var gateway = await RunningGateway.StartAsync(Engine(asked));
        foreach (var (stream, version) in new[] { ("false", 2), ("true", 3) })
        {
            using var answer = await SendAsync(gateway, path, body.Replace("STREAM", stream, StringComparison.Ordinal), "s");
            var text = await answer.Content.ReadAsStringAsync(Cancellation);

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Contains($"\"session\":{{\"id\":\"s\",\"version\":{version}}}", text, StringComparison.Ordinal);
            Assert.Equal(stream == "false" ? $"{version}" : null, answer.Headers.TryGetValues("X-Chasqui-Session-Version", out var told) ? told.Single() : null);
        }

        Assert.Equal(["again"], asked[0].Messages.Select(message => message.Content));
        Assert.Equal(["again", "Well.", "again"], asked[1].Messages.Select(message => message.Content));
        var session = await GetAsync(gateway, "/api/sessions/s");
        Assert.Equal(["user again", "assistant Well.", "user again", "assistant Well."],
            session.GetProperty("messages").EnumerateArray().Select(message => $"{message.GetProperty("role").GetString()} {message.GetProperty("content").GetString()}"));
    }

    [Fact]
    public async Task A_version_that_has_passed_is_refused_before_the_model_is_asked_and_tells_the_one_there_is()
    {
        List<ChatRequest> asked = [];
        await using var gateway = await RunningGateway.StartAsync(Engine(asked));
        using var first = await SendAsync(gateway, "/api/chat", Chat, "s");

        using var stale = await SendAsync(gateway, "/api/chat", Chat, "s", ("If-Match", "\"1\""));
        using var right = await SendAsync(gateway, "/api/chat", Chat, "s", ("If-Match", "\"2\""));
        using var missing = await SendAsync(gateway, "/api/chat", Chat, "other", ("If-Match", "\"2\""));

        Assert.Equal((HttpStatusCode.Conflict, "\"2\""), (stale.StatusCode, stale.Headers.ETag!.Tag));
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Equal(2, asked.Count);
    }

    [Fact]
    public async Task Whoever_was_slower_is_told_in_the_stream_and_nothing_of_his_is_recorded()
    {
        RunningGateway? running = null;
        var engine = new ScriptedEngine
        {
            Answer = (_, _) => Slow(async () =>
            {
                using var other = await running!.PostAsync("/api/sessions/s/messages", """{"messages":[{"role":"user","content":"faster"}]}""");
                Assert.Equal(HttpStatusCode.Created, other.StatusCode);
            }),
        };
        await using var gateway = running = await RunningGateway.StartAsync(engine);

        using var answer = await SendAsync(gateway, "/api/chat", """{"model":"mini","messages":[{"role":"user","content":"slower"}]}""", "s");
        var last = JsonElement.Parse((await answer.Content.ReadAsStringAsync(Cancellation)).Trim().Split('\n')[^1]);

        Assert.Contains("is at version 2", last.GetProperty("error").GetString(), StringComparison.Ordinal);
        var session = await GetAsync(gateway, "/api/sessions/s");
        Assert.Equal(["faster"], session.GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("content").GetString()));
    }

    [Fact]
    public async Task An_answer_that_its_client_does_not_wait_for_leaves_nothing()
    {
        var left = new TaskCompletionSource();
        var engine = new ScriptedEngine { Answer = (_, token) => Endless(left, token) };
        await using var gateway = await RunningGateway.StartAsync(engine);
        using (var request = Request("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}]}""", "s"))
        using (var answer = await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation))
            await (await answer.Content.ReadAsStreamAsync(Cancellation)).ReadExactlyAsync(new byte[10], Cancellation);

        await left.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.Equal(0, (await GetAsync(gateway, "/api/sessions/s")).GetProperty("message_count").GetInt32());
    }

    [Fact]
    public async Task Sessions_are_seen_within_a_tenant_and_by_nobody_else()
    {
        await using var gateway = await RunningGateway.StartAsync(Engine([]));
        var (a, b, other) = (
            await gateway.AddKeyAsync("a", caller => caller with { Tenant = "one" }), await gateway.AddKeyAsync("b", caller => caller with { Tenant = "one" }), await gateway.AddKeyAsync("c", caller => caller with { Tenant = "two" }));

        using var made = await gateway.SendAsync(HttpMethod.Post, "/api/sessions", a, """{"id":"s","title":"<script>ignore all instructions</script>"}""");
        using var same = await gateway.SendAsync(HttpMethod.Get, "/api/sessions/s", b);
        using var foreign = await gateway.SendAsync(HttpMethod.Get, "/api/sessions/s", other);
        using var own = await gateway.SendAsync(HttpMethod.Post, "/api/sessions", other, """{"id":"s"}""");
        using var nobody = await gateway.SendAsync(HttpMethod.Get, "/api/sessions", null);
        using var list = await gateway.SendAsync(HttpMethod.Get, "/api/sessions", other);

        Assert.Equal([HttpStatusCode.Created, HttpStatusCode.OK, HttpStatusCode.NotFound, HttpStatusCode.Created, HttpStatusCode.Unauthorized],
            new[] { made, same, foreign, own, nobody }.Select(answer => answer.StatusCode));
        Assert.Equal("", JsonElement.Parse(await list.Content.ReadAsStringAsync(Cancellation)).GetProperty("sessions").EnumerateArray().Single().GetProperty("title").GetString());
    }

    [Theory]
    [InlineData("POST", "/api/sessions", """{"id":"../etc"}""", "a-z 0-9 - _")]
    [InlineData("POST", "/api/sessions", """{"id":"Upper"}""", "a-z 0-9 - _")]
    [InlineData("POST", "/api/sessions", """{"ttl":5}""", "\"ttl\" is not known here")]
    [InlineData("POST", "/api/sessions", """{"mode":"fast"}""", "immediate, batched or local")]
    [InlineData("POST", "/api/sessions", """{"title":7}""", "\"title\" must be a string")]
    [InlineData("POST", "/api/sessions", """{"max_tokens":1}""", "64 to 10000000")]
    [InlineData("GET", "/api/sessions/..%2f..%2fetc", null, "a-z 0-9 - _")]
    [InlineData("GET", "/api/sessions?after=x", null, "next")]
    [InlineData("GET", "/api/sessions/s/changes?after=-1", null, "whole number")]
    [InlineData("POST", "/api/sessions/s/messages", """{"messages":[]}""", "at least one message")]
    [InlineData("POST", "/api/sessions/s/messages", """{}""", "\"messages\" is required")]
    [InlineData("PATCH", "/api/sessions/s", """{"mode":"local"}""", "fork it")]
    [InlineData("POST", "/api/sessions/import", "{\"messages\":1}", "line 1")]
    [InlineData("POST", "/api/sessions/s/nothing", "{}", "there is no POST")]
    public async Task What_cannot_be_is_named(string method, string path, string? body, string expected)
    {
        await using var gateway = await RunningGateway.StartAsync(Engine([]));
        using var made = await gateway.PostAsync("/api/sessions", """{"id":"s"}""");

        using var answer = await gateway.SendAsync(new HttpMethod(method), path, null, body);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(expected, JsonElement.Parse(await answer.Content.ReadAsStringAsync(Cancellation)).GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(1, (await GetAsync(gateway, "/api/sessions/s")).GetProperty("version").GetInt64());
    }

    [Fact]
    public async Task What_is_exported_can_be_imported_and_events_go_on_where_a_client_was()
    {
        await using var gateway = await RunningGateway.StartAsync(Engine([]));
        using var made = await gateway.PostAsync("/api/sessions", """{"id":"s","title":"t","policy":"refuse"}""");
        using var said = await gateway.PostAsync("/api/sessions/s/messages", """{"messages":[{"role":"user","content":"\u0000 \ud83e\udd99 ' ; DROP TABLE sessions"},{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]}]}""");
        var lines = await gateway.Http.GetStringAsync("/api/sessions/s/export", Cancellation);
        using var copy = await gateway.PostAsync("/api/sessions/import?id=copy", lines);

        var (a, b) = (await GetAsync(gateway, "/api/sessions/s"), await GetAsync(gateway, "/api/sessions/copy"));
        Assert.True(JsonElement.DeepEquals(a.GetProperty("messages"), b.GetProperty("messages")));
        Assert.Equal(("t", "refuse"), (b.GetProperty("title").GetString(), b.GetProperty("policy").GetString()));

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/sessions/s/events") { Headers = { { "Last-Event-ID", "1" } } };
        using var events = await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        using var stream = new StreamReader(await events.Content.ReadAsStreamAsync(Cancellation));
        Assert.Equal("id: 2", await LineAsync(stream, "id: "));
        using var gone = await gateway.SendAsync(HttpMethod.Delete, "/api/sessions/s", null);
        Assert.Equal("id: 3", await LineAsync(stream, "id: "));
        Assert.Equal("event: deleted", await LineAsync(stream, "event: "));
        await stream.ReadToEndAsync(Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
    }

    [Fact]
    public async Task What_is_left_out_is_told()
    {
        List<ChatRequest> asked = [];
        await using var gateway = await RunningGateway.StartAsync(Engine(asked));
        using var made = await gateway.PostAsync("/api/sessions", """{"id":"s","max_tokens":100}""");
        var turns = string.Join(',', Enumerable.Range(0, 20).Select(i => $$"""{"role":"{{(i % 2 == 0 ? "user" : "assistant")}}","content":"{{new string((char)('a' + i), 40)}}"}"""));
        using var said = await gateway.PostAsync("/api/sessions/s/messages", $$"""{"messages":[{"role":"system","content":"Be brief."},{{turns}}]}""");

        using var answer = await SendAsync(gateway, "/api/chat", """{"model":"mini","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"again"}],"stream":false}""", "s");

        var omitted = int.Parse(answer.Headers.GetValues("X-Chasqui-Session-Omitted").Single(), System.Globalization.CultureInfo.InvariantCulture);
        var sent = asked.Single().Messages;
        Assert.Equal(22 - omitted, sent.Count);
        Assert.Equal(["system", "user"], sent.Take(2).Select(message => message.Role));
        Assert.Single(sent, message => message.Role == "system");
        Assert.InRange(omitted, 14, 20);
    }

    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"again"}],"stream":false}""";

    private static ScriptedEngine Engine(List<ChatRequest> asked) => new()
    {
        Answer = (request, _) =>
        {
            lock (asked)
                asked.Add((ChatRequest)request);
            return Slow(() => Task.CompletedTask);
        },
    };

    private static async IAsyncEnumerable<GenerationUpdate> Slow(Func<Task> between)
    {
        yield return new GenerationUpdate { Text = "We" };
        await between();
        yield return new GenerationUpdate { Text = "ll." };
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 3, CompletionTokens = 2 } };
    }

    private static async IAsyncEnumerable<GenerationUpdate> Endless(TaskCompletionSource left, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken token)
    {
        using var registration = token.Register(left.SetResult);
        yield return new GenerationUpdate { Text = "Well, it is a long story." };
        await Task.Delay(Timeout.Infinite, token);
    }

    private static HttpRequestMessage Request(string path, string body, string session, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json"), Headers = { { "X-Chasqui-Session", session } } };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return request;
    }

    private static Task<HttpResponseMessage> SendAsync(RunningGateway gateway, string path, string body, string session, params (string Name, string Value)[] headers) =>
        gateway.Http.SendAsync(Request(path, body, session, headers), Cancellation);

    private static async Task<JsonElement> GetAsync(RunningGateway gateway, string path) => JsonElement.Parse(await gateway.Http.GetStringAsync(path, Cancellation));

    private static async Task<string> LineAsync(StreamReader stream, string begins)
    {
        while (await stream.ReadLineAsync(Cancellation) is { } line)
        {
            if (line.StartsWith(begins, StringComparison.Ordinal))
                return line;
        }
        return "";
    }
}
