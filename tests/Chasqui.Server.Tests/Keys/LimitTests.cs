using System.ClientModel;
using System.ClientModel.Primitives;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Anthropic.Exceptions;
using Anthropic.Models.Messages;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Shaping;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OpenAI;
using OpenAI.Chat;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>Limits, as each API tells of them.</summary>
public sealed class LimitTests
{
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"x"}],"max_tokens":50,"stream":false,"options":{"num_predict":50}}""";
    private const string Message = """{"model":"mini","messages":[{"role":"user","content":"x"}],"max_tokens":50}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat", """{"error":"the limit of key \"ci\" is reached, 1 requests a minute; try again in 60 s"}""")]
    [InlineData("/infer", """{"error":"the limit of key \"ci\" is reached, 1 requests a minute; try again in 60 s"}""")]
    [InlineData("/v1/chat/completions",
        """{"error":{"message":"the limit of key \"ci\" is reached, 1 requests a minute; try again in 60 s","type":"requests","param":null,"code":"rate_limit_exceeded"}}""")]
    [InlineData("/v1/messages",
        """{"type":"error","error":{"type":"rate_limit_error","message":"the limit of key \"ci\" is reached, 1 requests a minute; try again in 60 s"},"request_id":"ID"}""")]
    public async Task Beyond_a_limit_each_API_says_when_to_come_again(string path, string expected)
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 1 } });
        var body = path switch
        {
            "/infer" => """{"model":"mini","prompt":"x"}""",
            "/v1/messages" => Message,
            _ => Chat,
        };

        using var first = await gateway.SendAsync(HttpMethod.Post, path, key, body);
        using var second = await gateway.SendAsync(HttpMethod.Post, path, key, body);
        using var list = await gateway.SendAsync(HttpMethod.Get, "/api/tags", key);
        using var other = await gateway.SendAsync(HttpMethod.Post, path, await gateway.AddKeyAsync("b"), body);

        var said = await second.Content.ReadAsStringAsync(Cancellation);
        if (second.Headers.TryGetValues("request-id", out var ids))
            expected = expected.Replace("ID", ids.Single(), StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.TooManyRequests), (first.StatusCode, second.StatusCode));
        Assert.Equal(expected, said.TrimEnd('\n'));
        Assert.InRange(second.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 55, 60);
        // To look costs nothing, and nobody else is concerned.
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (list.StatusCode, other.StatusCode));
        Assert.False(other.Headers.Contains("x-ratelimit-limit-requests"));
    }

    [Theory]
    [InlineData("/v1/chat/completions")]
    [InlineData("/api/chat")]
    [InlineData("/infer")]
    public async Task Every_answer_tells_where_the_caller_stands_and_the_real_tokens_count(string path)
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 10, TokensPerMinute = 1000, TokenBurst = 100 } });
        var body = path == "/infer" ? """{"model":"mini","prompt":"x","options":{"num_predict":50}}""" : Chat;

        using var first = await gateway.SendAsync(HttpMethod.Post, path, key, body);
        await first.Content.ReadAsStringAsync(Cancellation);
        using var second = await gateway.SendAsync(HttpMethod.Post, path, key, body);

        Assert.Equal("10", Header(first, "x-ratelimit-limit-requests"));
        Assert.Equal("9", Header(first, "x-ratelimit-remaining-requests"));
        Assert.Matches("^[56]s$", Header(first, "x-ratelimit-reset-requests"));
        Assert.Equal("100", Header(first, "x-ratelimit-limit-tokens"));
        // Those that are wanted, and about as many as the prompt has.
        Assert.InRange(Number(first, "x-ratelimit-remaining-tokens"), 48, 50);
        Assert.Matches("^[234]s$", Header(first, "x-ratelimit-reset-tokens"));
        // Of the first there were 4 tokens in the end, and some have come since.
        Assert.InRange(Number(second, "x-ratelimit-remaining-tokens"), 44, 50);
        Assert.Equal("8", Header(second, "x-ratelimit-remaining-requests"));
    }

    [Fact]
    public async Task Anthropics_API_tells_it_in_its_own_headers()
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 2, TokensPerMinute = 1000 } });

        using var answer = await gateway.SendAsync(HttpMethod.Post, "/v1/messages", key, Message);

        Assert.Equal(("2", "1"), (Header(answer, "anthropic-ratelimit-requests-limit"), Header(answer, "anthropic-ratelimit-requests-remaining")));
        Assert.Equal("1000", Header(answer, "anthropic-ratelimit-tokens-limit"));
        Assert.InRange(Number(answer, "anthropic-ratelimit-tokens-remaining"), 948, 950);
        var reset = DateTimeOffset.ParseExact(Header(answer, "anthropic-ratelimit-requests-reset"), "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        Assert.InRange((reset - DateTimeOffset.UtcNow).TotalSeconds, 15, 32);
        Assert.False(answer.Headers.Contains("x-ratelimit-limit-requests"));
    }

    [Fact]
    public async Task A_limit_of_zero_says_nothing_of_later()
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { TokensPerMinute = 0 } });

        using var answer = await gateway.SendAsync(HttpMethod.Post, "/v1/chat/completions", key, Chat);

        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.Null(answer.Headers.RetryAfter);
        Assert.Equal("false", Header(answer, "x-should-retry"));
        Assert.False(answer.Headers.Contains("x-ratelimit-reset-tokens"));
        Assert.Contains("\"insufficient_quota\"", await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Models_and_all_together_have_limits_too_and_keys_are_not_needed_for_them()
    {
        await using var gateway = await StartAsync(new LimitOptions
        {
            MaxDelay = TimeSpan.Zero,
            Overall = new TrafficLimit { RequestsPerMinute = 3 },
            Models = [new ModelLimit(["mini"], new TrafficLimit { RequestsPerMinute = 1 })],
        });

        using var mini = await gateway.PostAsync("/api/chat", Chat);
        using var miniAgain = await gateway.PostAsync("/api/chat", Chat);
        using var other = await gateway.PostAsync("/api/chat", Chat.Replace("mini", "other:7b", StringComparison.Ordinal));
        using var third = await gateway.PostAsync("/api/chat", Chat.Replace("mini", "other:7b", StringComparison.Ordinal));
        using var fourth = await gateway.PostAsync("/api/chat", Chat.Replace("mini", "other:7b", StringComparison.Ordinal));

        Assert.Equal([200, 429, 200, 200, 429], new[] { mini, miniAgain, other, third, fourth }.Select(answer => (int)answer.StatusCode));
        Assert.Contains("the limit of model mini is reached", await miniAgain.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Contains("the limit of all callers together is reached", await fourth.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal("0", Header(mini, "x-ratelimit-remaining-requests"));
    }

    [Fact]
    public async Task A_request_that_passes_through_to_a_node_is_counted_by_what_the_node_says()
    {
        await using var fleet = await Fleet.StartAsync(new OllamaDouble.DoubleScript());
        var key = await fleet.Gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { TokensPerMinute = 60, TokenBurst = 1000 } });

        using var first = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);
        var said = JsonElement.Parse(await first.Content.ReadAsStringAsync(Cancellation));
        var real = said.GetProperty("prompt_eval_count").GetInt32() + said.GetProperty("eval_count").GetInt32();
        using var second = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);

        Assert.InRange(Number(first, "x-ratelimit-remaining-tokens"), 948, 950);
        Assert.InRange(Number(second, "x-ratelimit-remaining-tokens"), 948 - real, 958 - real);
    }

    [Fact]
    public async Task Over_MCP_the_head_and_the_error_tell_the_same()
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 2 } });
        await using var client = new ChasquiClient(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key });
        var request = new Messages.GenerateRequest { Model = "mini", Prompt = "x" };

        await foreach (var _ in client.GenerateAsync(request, cancellationToken: Cancellation))
        {
            // Only its end matters.
        }
        await using var over = await client.HttpAsync("POST", "/api/chat", Encoding.UTF8.GetBytes(Chat), cancellationToken: Cancellation);
        var refused = await Assert.ThrowsAsync<ClientException>(async () => await client.GenerateAsync(request, cancellationToken: Cancellation).FirstAsync(Cancellation));

        Assert.Equal((200, "0"), (over.Status, over.Headers["x-ratelimit-remaining-requests"]));
        Assert.Equal((429, "rate_limited"), (refused.Status, refused.Error.Code));
        Assert.InRange(refused.Error.RetryAfterMs, 25_000u, 30_000u);
    }

    [Fact]
    public async Task OpenAIs_package_works_with_a_key_and_knows_what_it_is_told()
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Limit = new TrafficLimit { RequestsPerMinute = 1 } });
        var options = new OpenAIClientOptions { Endpoint = new Uri(gateway.Address, "v1"), RetryPolicy = new ClientRetryPolicy(0) };
        var stranger = new ChatClient("mini", new ApiKeyCredential("sk-anything"), options);
        var known = new ChatClient("mini", new ApiKeyCredential(key), options);

        var unknown = await Assert.ThrowsAsync<ClientResultException>(() => stranger.CompleteChatAsync([new UserChatMessage("Hello!")], cancellationToken: Cancellation));
        ChatCompletion answer = await known.CompleteChatAsync([new UserChatMessage("Hello!")], cancellationToken: Cancellation);
        var limited = await Assert.ThrowsAsync<ClientResultException>(() => known.CompleteChatAsync([new UserChatMessage("Hello!")], cancellationToken: Cancellation));

        Assert.Equal((401, 429), (unknown.Status, limited.Status));
        Assert.Contains("invalid_api_key", unknown.Message, StringComparison.Ordinal);
        Assert.Contains("rate_limit_exceeded", limited.Message, StringComparison.Ordinal);
        Assert.Equal("Hi", answer.Content[0].Text);
    }

    [Fact]
    public async Task Anthropics_package_works_with_a_key_and_knows_what_it_is_told()
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Models = ["mini"], Limit = new TrafficLimit { RequestsPerMinute = 1 } });
        using var stranger = Client("sk-anything");
        using var known = Client(key);

        await Assert.ThrowsAsync<AnthropicUnauthorizedException>(() => stranger.Messages.Create(Hello("mini"), Cancellation));
        await Assert.ThrowsAsync<AnthropicForbiddenException>(() => known.Messages.Create(Hello("other:7b"), Cancellation));
        await known.Messages.Create(Hello("mini"), Cancellation);
        await Assert.ThrowsAsync<AnthropicRateLimitException>(() => known.Messages.Create(Hello("mini"), Cancellation));

        Anthropic.AnthropicClient Client(string key) => new() { BaseUrl = gateway.Address.ToString(), ApiKey = key, MaxRetries = 0 };

        static MessageCreateParams Hello(string model) => new() { Model = model, MaxTokens = 8, Messages = [new() { Role = Role.User, Content = "Hello!" }] };
    }

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/infer")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/messages")]
    [InlineData("MCP")]
    public async Task An_answer_is_reserved_no_more_than_the_context_whatever_was_asked_for(string path)
    {
        LimitView? view = null;
        long? remaining = null;
        var limits = new LimitOptions { MaxDelay = TimeSpan.Zero, Overall = new TrafficLimit { TokensPerMinute = 60, TokenBurst = 100_000 } };
        await using var gateway = await RunningGateway.StartAsync(
            KeyModels.Engine(() => remaining = view!.Status().Tokens!.Value.Remaining), options => options with { Limits = limits });
        await gateway.App.Services.GetRequiredService<NodeSet>().RefreshAsync(Cancellation);
        view = gateway.App.Services.GetRequiredService<TrafficShaper>().ViewOf(Chasqui.Gateway.Caller.Anonymous, "mini:latest");

        if (path == "MCP")
        {
            await using var client = new ChasquiClient(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0] });
            var request = new Messages.ChatRequest { Model = "mini", Common = new() { Options = new() { NumPredict = 2_000_000_000 } }, Messages = { new Messages.ChatMessage { Role = "user", Content = "x" } } };
            await foreach (var _ in client.ChatAsync(request, null, Cancellation))
            {
                // What was reserved is looked at while the answer is made.
            }
        }
        else
        {
            var body = path == "/infer"
                ? """{"model":"mini","prompt":"x","options":{"num_predict":2000000000}}"""
                : Chat.Replace("50", "2000000000", StringComparison.Ordinal);
            using var answer = await gateway.SendAsync(HttpMethod.Post, path, null, path == "/v1/messages" ? Message.Replace("50", "2000000000", StringComparison.Ordinal) : body);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        Assert.InRange(remaining!.Value, 100_000 - 4_096 - 10, 100_000 - 4_096 + 30);
    }

    /// <summary>Of what can be sent in several requests, one takes no more than the limits let through at once: else all who share them would wait for the debt.</summary>
    [Theory]
    [InlineData("/api/embed", "input")]
    [InlineData("/v1/embeddings", "input")]
    [InlineData("MCP", "")]
    public async Task Texts_of_more_tokens_than_a_limit_lets_through_at_once_are_to_be_sent_in_several_requests(string path, string member)
    {
        await using var gateway = await StartAsync(new LimitOptions { MaxDelay = TimeSpan.Zero, Overall = new TrafficLimit { TokensPerMinute = 100, TokenBurst = 100 } });
        var texts = Enumerable.Repeat("a", 202).ToList();

        if (path == "MCP")
        {
            await using var client = new ChasquiClient(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0] });
            var error = await Assert.ThrowsAsync<ClientException>(() => client.EmbedAsync(new Messages.EmbedRequest { Model = "mini", Inputs = { texts } }, cancellationToken: Cancellation));
            Assert.Equal("rate_limited", error.Error.Code);
            Assert.Contains("send it in several requests", error.Message, StringComparison.Ordinal);
            return;
        }
        using var refused = await gateway.SendAsync(HttpMethod.Post, path, null, JsonSerializer.Serialize(new Dictionary<string, object> { ["model"] = "mini", [member] = texts }));
        using var taken = await gateway.SendAsync(HttpMethod.Post, path, null, JsonSerializer.Serialize(new Dictionary<string, object> { ["model"] = "mini", [member] = texts[..50] }));

        // The engine of this test has no vectors.
        Assert.Equal((HttpStatusCode.TooManyRequests, HttpStatusCode.NotFound), (refused.StatusCode, taken.StatusCode));
        Assert.Contains("the request has about 202 tokens, but its limits let 100 through at once; send it in several requests", await refused.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    /// <summary>Two readers in a row could read these names in two ways, and one of them could be a model that the key may not use.</summary>
    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/api/generate")]
    [InlineData("/api/show")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/responses")]
    [InlineData("/v1/messages")]
    [InlineData("MCP")]
    public async Task A_name_that_can_be_read_in_two_ways_is_refused_before_it_is_compared_with_the_key(string path)
    {
        const string Name = "x://mini://registry.ollama.ai/library/other:7b";
        var asked = 0;
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine(() => asked++));
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Models = ["mini*", "library/m*"] });

        if (path == "MCP")
        {
            await using var client = new ChasquiClient(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key });
            foreach (var (name, code) in new[] { (Name, "invalid_model_name"), ("other:7b", "permission_denied"), ("jane/mini", "permission_denied") })
            {
                var request = new Messages.ChatRequest { Model = name, Messages = { new Messages.ChatMessage { Role = "user", Content = "x" } } };
                var error = await Assert.ThrowsAsync<ClientException>(() => client.ChatAsync(request, null, Cancellation).GetAsyncEnumerator(Cancellation).MoveNextAsync().AsTask());
                Assert.Equal(code, error.Error.Code);
            }
        }
        else
        {
            using var twice = await SendAsync(Name);
            using var other = await SendAsync("other:7b");
            using var jane = await SendAsync("jane/mini");
            Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (twice.StatusCode, other.StatusCode, jane.StatusCode));
            Assert.Contains("model name", await twice.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        }

        Assert.Equal(0, asked);

        Task<HttpResponseMessage> SendAsync(string model) => gateway.SendAsync(
            HttpMethod.Post, path, key, JsonSerializer.Serialize(new { model, prompt = "x", input = "x", max_tokens = 5, messages = new[] { new { role = "user", content = "x" } } }));
    }

    private static Task<RunningGateway> StartAsync(LimitOptions? limits = null) =>
        RunningGateway.StartAsync(KeyModels.Engine(), options => options with { Limits = limits ?? new LimitOptions { MaxDelay = TimeSpan.Zero } });

    private static int Number(HttpResponseMessage answer, string name) => int.Parse(Header(answer, name), CultureInfo.InvariantCulture);

    private static string Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? Assert.Single(values) : throw new InvalidOperationException($"no {name}");
}
