using System.Collections.Concurrent;
using System.Text.Json;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>Limits of a gateway whose clock is moved by hand: who waits, for how long, and what is said to the second.</summary>
public sealed class ShapingTests
{
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"x"}],"max_tokens":5,"stream":false}""";

    // 90 a minute are one in 667 ms, rounded up; no other timer of the gateway runs for so long.
    private static readonly TrafficLimit _even = new() { RequestsPerMinute = 90, RequestBurst = 1 };
    private static readonly TrafficLimit _slow = new() { RequestsPerMinute = 2, RequestBurst = 1 };
    private static readonly TimeSpan _turn = TimeSpan.FromMilliseconds(667);
    private static readonly LimitOptions _patient = new() { MaxDelay = TimeSpan.FromMinutes(1) };
    private static readonly LimitOptions _impatient = new() { MaxDelay = TimeSpan.Zero };

    private readonly SignallingTime _time = new();
    private readonly ConcurrentQueue<string> _asked = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/api/generate")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/completions")]
    [InlineData("/v1/responses")]
    [InlineData("/v1/messages")]
    [InlineData("/infer")]
    public async Task A_request_waits_for_its_turn_before_the_engine_is_asked(string path)
    {
        await using var gateway = await StartAsync(_patient);
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = _even });

        using var first = await gateway.SendAsync(HttpMethod.Post, path, key, Body(path));
        var second = gateway.SendAsync(HttpMethod.Post, path, key, Body(path));
        await _time.TimerAsync(_turn);
        var before = (second.IsCompleted, _asked.Count);
        _time.Advance(_turn);
        using var answer = await second;

        Assert.Equal((false, 1), before);
        Assert.Equal((200, 200, 2), ((int)first.StatusCode, (int)answer.StatusCode, _asked.Count));
        Assert.Equal("0", Header(answer, path == "/v1/messages" ? "anthropic-ratelimit-requests-remaining" : "x-ratelimit-remaining-requests"));
    }

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/messages")]
    [InlineData("/api/embed")]
    public async Task So_does_one_that_passes_on_to_a_node(string path)
    {
        await using var fleet = await Fleet.StartAsync(
            new DoubleScript { Models = [new DoubleModel { Name = "mini", Capabilities = ["completion", "embedding"] }] }, change: options => options with { Limits = _patient }, time: _time);
        await fleet.WarmAsync();
        fleet.Double.Reset();
        var key = await fleet.Gateway.AddKeyAsync("ci", caller => caller with { Limit = _even });

        using var first = await fleet.Gateway.SendAsync(HttpMethod.Post, path, key, Body(path));
        var second = fleet.Gateway.SendAsync(HttpMethod.Post, path, key, Body(path).Replace("\"x\"", "\"y\"", StringComparison.Ordinal));
        await _time.TimerAsync(_turn);
        var before = (second.IsCompleted, Posts());
        _time.Advance(_turn);
        using var answer = await second;

        Assert.Equal((false, 1), before);
        Assert.Equal((200, 200, 2), ((int)first.StatusCode, (int)answer.StatusCode, Posts()));

        int Posts() => fleet.Double.Requests.Count(request => request.Method == "POST" && request.Path != "/api/show");
    }

    [Fact]
    public async Task Each_turn_lets_one_in_and_who_leaves_takes_nothing()
    {
        await using var gateway = await StartAsync(_patient);
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = _even });
        using var first = await gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);
        using var leave = new CancellationTokenSource();
        using var request = Fleet.Post("/api/chat", Chat).With(key);
        var leaving = gateway.Http.SendAsync(request, leave.Token);
        await _time.TimerAsync(_turn);
        var second = gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);
        // It is set again for each who comes, and for those who stay.
        await _time.TimerAsync(_turn);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        await _time.TimerAsync(_turn);

        _time.Advance(_turn);
        using var answer = await second;

        Assert.Equal((200, 2), ((int)answer.StatusCode, _asked.Count));
    }

    [Theory]
    [InlineData("/api/chat", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "30s")]
    [InlineData("/infer", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "30s")]
    [InlineData("/v1/chat/completions", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "30s")]
    [InlineData("/v1/messages", "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset", "2000-01-01T00:00:30Z")]
    public async Task The_headers_are_right_to_the_second_and_who_comes_when_told_is_let_in(string path, string limit, string remaining, string reset, string when)
    {
        await using var gateway = await StartAsync(_impatient);
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = _slow });

        using var first = await gateway.SendAsync(HttpMethod.Post, path, key, Body(path));
        using var second = await gateway.SendAsync(HttpMethod.Post, path, key, Body(path));
        _time.Advance(TimeSpan.FromSeconds(29));
        using var early = await gateway.SendAsync(HttpMethod.Post, path, key, Body(path));
        _time.Advance(TimeSpan.FromSeconds(1));
        using var third = await gateway.SendAsync(HttpMethod.Post, path, key, Body(path));

        Assert.Equal([200, 429, 429, 200], new[] { first, second, early, third }.Select(answer => (int)answer.StatusCode));
        Assert.All([first, second], answer => Assert.Equal(("1", "0", when), (Header(answer, limit), Header(answer, remaining), Header(answer, reset))));
        Assert.Equal(["30", "1"], new[] { second, early }.Select(answer => Header(answer, "Retry-After")));
        Assert.Equal(["30 s", "1 s"], [await AgainAsync(second, path), await AgainAsync(early, path)]);
    }

    [Theory]
    [InlineData("/api/chat", true)]
    [InlineData("/api/chat", false)]
    [InlineData("/v1/chat/completions", true)]
    [InlineData("/v1/chat/completions", false)]
    [InlineData("/v1/messages", true)]
    [InlineData("/v1/messages", false)]
    public async Task A_bucket_of_zero_refuses_at_once_however_long_one_may_wait(string path, bool ofTokens)
    {
        await using var gateway = await StartAsync(_patient);
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = ofTokens ? new TrafficLimit { TokensPerMinute = 0 } : new TrafficLimit { RequestsPerMinute = 0 } });

        using var answer = await gateway.SendAsync(HttpMethod.Post, path, key, Body(path));

        var what = ofTokens ? "tokens" : "requests";
        Assert.Equal((429, 0), ((int)answer.StatusCode, _asked.Count));
        Assert.Null(answer.Headers.RetryAfter);
        Assert.Equal($"the limit of key \"ci\" is 0 {what} a minute, so nothing is let through", await MessageAsync(answer, path));
        var (limit, reset) = path == "/v1/messages" ? ($"anthropic-ratelimit-{what}-limit", $"anthropic-ratelimit-{what}-reset") : ($"x-ratelimit-limit-{what}", $"x-ratelimit-reset-{what}");
        Assert.Equal(("0", false), (Header(answer, limit), answer.Headers.Contains(reset)));
    }

    [Fact]
    public async Task A_key_whose_limit_is_changed_is_held_to_the_new_one_by_its_next_request()
    {
        await using var gateway = await StartAsync(_impatient);
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = _slow });
        using var first = await gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);

        await ChangeAsync(new TrafficLimit { RequestsPerMinute = 0 });
        using var second = await gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);
        await ChangeAsync(TrafficLimit.None);
        using var third = await gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);

        Assert.Equal([200, 429, 200], new[] { first, second, third }.Select(answer => (int)answer.StatusCode));
        Assert.False(third.Headers.Contains("x-ratelimit-limit-requests"));

        Task ChangeAsync(TrafficLimit limit) => gateway.ChangeKeysAsync(keys => [.. keys.Select(one => one with { Caller = one.Caller with { Limit = limit } })]);
    }

    [Fact]
    public async Task Over_MCP_one_waits_for_its_turn_too()
    {
        await using var gateway = await StartAsync(_patient);
        await using var client = Client(gateway, await gateway.AddKeyAsync("ci", caller => caller with { Limit = _even }));

        await DrainAsync(client);
        var second = DrainAsync(client);
        await _time.TimerAsync(_turn);
        var before = (second.IsCompleted, _asked.Count);
        _time.Advance(_turn);
        await second;

        Assert.Equal((false, 1), before);
        Assert.Equal(2, _asked.Count);
    }

    [Fact]
    public async Task Over_MCP_a_refusal_says_when_to_come_again_or_that_it_is_no_use()
    {
        await using var gateway = await StartAsync(_impatient);
        await using var slow = Client(gateway, await gateway.AddKeyAsync("slow", caller => caller with { Limit = _slow }));
        await using var never = Client(gateway, await gateway.AddKeyAsync("never", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 0 } }));

        await DrainAsync(slow);
        var later = await Assert.ThrowsAsync<ClientException>(() => DrainAsync(slow));
        var nothing = await Assert.ThrowsAsync<ClientException>(() => DrainAsync(never));

        Assert.Equal((429, "rate_limited", 30_000u), (later.Status, later.Error.Code, later.Error.RetryAfterMs));
        Assert.Equal((429, "rate_limited", 0u), (nothing.Status, nothing.Error.Code, nothing.Error.RetryAfterMs));
    }

    private Task<RunningGateway> StartAsync(LimitOptions limits) => RunningGateway.StartAsync(
        KeyModels.Engine(() => _asked.Enqueue("")), options => options with { Limits = limits }, builder => builder.Services.AddSingleton<TimeProvider>(_time));

    private static ChasquiClient Client(RunningGateway gateway, string key) => new(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key });

    private static async Task DrainAsync(ChasquiClient client)
    {
        await foreach (var _ in client.GenerateAsync(new Messages.GenerateRequest { Model = "mini", Prompt = "x" }, cancellationToken: Cancellation))
        {
            // Only its end matters.
        }
    }

    private static string Body(string path) => path switch
    {
        "/infer" or "/api/generate" => """{"model":"mini","prompt":"x","stream":false}""",
        "/v1/completions" => """{"model":"mini","prompt":"x"}""",
        "/v1/responses" or "/api/embed" => """{"model":"mini","input":"x"}""",
        _ => Chat,
    };

    private static async Task<string> MessageAsync(HttpResponseMessage answer, string path)
    {
        var error = JsonElement.Parse(await answer.Content.ReadAsStringAsync(Cancellation)).GetProperty("error");
        return (path.StartsWith("/v1/", StringComparison.Ordinal) ? error.GetProperty("message") : error).GetString()!;
    }

    private static async Task<string> AgainAsync(HttpResponseMessage answer, string path)
    {
        var said = await MessageAsync(answer, path);
        Assert.StartsWith("the limit of key \"ci\" is reached, 2 requests a minute; try again in ", said, StringComparison.Ordinal);
        return said[(said.LastIndexOf("in ", StringComparison.Ordinal) + 3)..];
    }

    private static string Header(HttpResponseMessage answer, string name) => Assert.Single(answer.Headers.GetValues(name));
}
