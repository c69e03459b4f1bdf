using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Chasqui.Gateway;

namespace Chasqui.Server.Tests;

/// <summary>Answers in Anthropic's form, of engines that call tools, think, fail, or say nothing.</summary>
public sealed class AnthropicStreamingTests
{
    private const string Calls =
        """[{"id":"call_1","function":{"index":0,"name":"weather","arguments":{"city":"Lima"}}},{"function":{"index":1,"name":"height","arguments":{}}}]""";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Thoughts_text_and_calls_are_blocks_one_after_another()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => EverythingAsync(token) });

        var events = await StreamAsync(gateway, Body(stream: true));

        Assert.Equal(
            [
                "message_start", "content_block_start 0 thinking", "content_block_delta 0 thinking_delta Hm", "content_block_delta 0 thinking_delta m.",
                $"content_block_delta 0 signature_delta {ThinkingSignature.Of("Hmm.")}", "content_block_stop 0",
                "content_block_start 1 text", "content_block_delta 1 text_delta Wait.", "content_block_stop 1",
                "content_block_start 2 tool_use", """content_block_delta 2 input_json_delta {"city":"Lima"}""", "content_block_stop 2",
                "content_block_start 3 tool_use", "content_block_delta 3 input_json_delta {}", "content_block_stop 3",
                "message_delta tool_use 3 5", "message_stop",
            ], events.Select(Describe));
        var start = events[0].GetProperty("message");
        Assert.Equal(("assistant", "m", 0), (start.GetProperty("role").GetString(), start.GetProperty("model").GetString(), start.GetProperty("content").GetArrayLength()));
        var call = events[9].GetProperty("content_block");
        Assert.Equal(("call_1", "weather", "{}"), (call.GetProperty("id").GetString(), call.GetProperty("name").GetString(), call.GetProperty("input").GetRawText()));
        Assert.StartsWith("toolu_", events[12].GetProperty("content_block").GetProperty("id").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_whole_answer_has_the_same_blocks()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => EverythingAsync(token) });

        var answer = await PostAsync(gateway, Body(stream: false), 200);

        var content = answer.GetProperty("content").EnumerateArray().ToList();
        Assert.Equal(["thinking", "text", "tool_use", "tool_use"], content.Select(Type));
        Assert.Equal("Hmm.", content[0].GetProperty("thinking").GetString());
        Assert.Equal(ThinkingSignature.Of("Hmm."), content[0].GetProperty("signature").GetString());
        Assert.Equal("Wait.", content[1].GetProperty("text").GetString());
        Assert.Equal("""{"city":"Lima"}""", content[2].GetProperty("input").GetRawText());
        Assert.Equal("tool_use", answer.GetProperty("stop_reason").GetString());
        Assert.Equal("""{"input_tokens":3,"output_tokens":5}""", answer.GetProperty("usage").GetRawText());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Without_parallel_calls_one_is_told(bool stream)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => EverythingAsync(token) });
        var body = Body(stream, "\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true},");

        var blocks = stream
            ? (await StreamAsync(gateway, body)).Where(one => Type(one) == "content_block_start").Select(one => one.GetProperty("content_block"))
            : (await PostAsync(gateway, body, 200)).GetProperty("content").EnumerateArray();

        Assert.Equal(["thinking", "text", "tool_use"], blocks.Select(Type));
    }

    [Fact]
    public async Task An_answer_that_says_nothing_has_no_blocks()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => ScriptedEngine.TokensAsync([], token) });

        Assert.Equal("[]", (await PostAsync(gateway, Body(stream: false), 200)).GetProperty("content").GetRawText());
        Assert.Equal(["message_start", "message_delta end_turn 3 0", "message_stop"], (await StreamAsync(gateway, Body(stream: true))).Select(Describe));
    }

    [Fact]
    public async Task An_engine_that_fails_midway_ends_the_stream_with_an_error_event()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.FailAfterAsync(["one"], new EngineOverloadedException("too much"), token),
        });

        var events = await StreamAsync(gateway, Body(stream: true));

        Assert.Equal(["message_start", "content_block_start", "content_block_delta", "error"], events.Select(Type));
        Assert.Equal("overloaded_error", events[^1].GetProperty("error").GetProperty("type").GetString());
        Assert.StartsWith("req_", events[^1].GetProperty("request_id").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_engine_that_just_stops_is_an_error_too()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, _) => JustStopAsync() });

        Assert.Equal("api_error", (await StreamAsync(gateway, Body(stream: true)))[^1].GetProperty("error").GetProperty("type").GetString());
        Assert.Equal("api_error", (await PostAsync(gateway, Body(stream: false), 500)).GetProperty("error").GetProperty("type").GetString());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_error_before_the_first_word_has_a_status_of_its_own(bool stream)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.FailAfterAsync([], new EngineOverloadedException("too much") { RetryAfter = TimeSpan.FromSeconds(7) }, token),
        });

        using var response = await gateway.PostAsync("/v1/messages", Body(stream));

        Assert.Equal(503, (int)response.StatusCode);
        Assert.Equal("7", response.Headers.RetryAfter!.ToString());
        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
        Assert.Contains("overloaded_error", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_the_engine_is_silent_the_client_hears_pings()
    {
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine { Answer = (_, token) => WaitAsync(goOn.Task, token) },
            options => options with { Routing = new RoutingOptions { KeepAliveInterval = TimeSpan.FromMilliseconds(100) } });
        using var raw = await RawHttp.ConnectAsync(gateway.Address);

        await raw.PostAsync("/v1/messages", Encoding.UTF8.GetBytes(Body(stream: true)));
        var (status, headers) = await raw.ReadHeadAsync();

        Assert.Equal((200, "text/event-stream"), (status, headers["Content-Type"]));
        Assert.Equal("event: ping\ndata: {\"type\":\"ping\"}\n\n", await raw.ReadChunkAsync());
        goOn.SetResult();
        var rest = "";
        while (await raw.ReadChunkAsync() is { Length: > 0 } chunk)
            rest += chunk;
        Assert.Contains("event: message_start\n", rest, StringComparison.Ordinal);
        Assert.EndsWith("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", rest, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/messages", true)]
    [InlineData("/v1/messages", false)]
    [InlineData("/v1/messages/count_tokens", false)]
    public async Task A_client_that_leaves_cancels_the_engine(string path, bool stream)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => HangAsync(stream, begun, cancelled, token) });
        using (var raw = await RawHttp.ConnectAsync(gateway.Address))
        {
            await raw.PostAsync(path, Encoding.UTF8.GetBytes(Body(stream)));
            await begun.Task.WaitAsync(Token);
            if (stream)
                await raw.ReadHeadAsync();
        }

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_model_that_cannot_think_answers_without(bool stream)
    {
        var asked = new List<string?>();
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (request, token) =>
            {
                asked.Add(request.Think);
                return request.Think is null
                    ? ScriptedEngine.TokensAsync(["Hi"], token)
                    : ScriptedEngine.FailAfterAsync([], new UnsupportedCapabilityException("m", "thinking"), token);
            },
        });
        var body = Body(stream, "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},");

        using var response = await gateway.PostAsync("/v1/messages", body);

        Assert.Contains("Hi", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Equal(["true", null], asked);
    }

    [Fact]
    public async Task Counting_is_an_estimate_where_the_engine_answers_instead_of_telling_its_prompt()
    {
        var left = new TaskCompletionSource();
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, _) => ChatterAsync(left) });

        using var response = await gateway.PostAsync("/v1/messages/count_tokens", Body(stream: false));

        Assert.Equal("""{"input_tokens":1}""", await response.Content.ReadAsStringAsync(Token));
        Assert.Equal("input_tokens", Assert.Single(response.Headers.GetValues("X-Chasqui-Estimated")));
        await left.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tokens_that_were_found_computed_are_counted_beside_the_input(bool stream)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, _) => CachedAsync() });

        var usage = stream
            ? (await StreamAsync(gateway, Body(stream: true))).Single(one => Type(one) == "message_delta").GetProperty("usage")
            : (await PostAsync(gateway, Body(stream: false), 200)).GetProperty("usage");

        Assert.Equal("""{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":7,"output_tokens":1}""", usage.GetRawText());
    }

    [Theory]
    [InlineData(413, "request_too_large")]
    [InlineData(429, "rate_limit_error")]
    [InlineData(401, "authentication_error")]
    [InlineData(403, "permission_error")]
    [InlineData(404, "not_found_error")]
    [InlineData(500, "api_error")]
    [InlineData(503, "overloaded_error")]
    [InlineData(504, "timeout_error")]
    public void Every_status_has_Anthropics_name(int status, string type) => Assert.Equal(type, AnthropicForm.TypeOf(status));

    [Fact]
    public async Task A_body_that_is_too_large_is_told_in_their_form()
    {
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine(), options => options with { Http = options.Http with { MaxRequestBodyBytes = 1024 } });

        var error = await PostAsync(gateway, Body(stream: false).PadRight(2000), 413);

        Assert.Equal("request_too_large", error.GetProperty("error").GetProperty("type").GetString());
    }

    private static async IAsyncEnumerable<GenerationUpdate> CachedAsync()
    {
        await Task.Yield();
        yield return new GenerationUpdate { Text = "x" };
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 10, CachedPromptTokens = 7, CompletionTokens = 1 } };
    }

    private static string Body(bool stream, string more = "") =>
        $$"""{"model":"m","max_tokens":9,"stream":{{(stream ? "true" : "false")}},{{more}}"messages":[{"role":"user","content":"x"}]}""";

    private static string Type(JsonElement value) => value.GetProperty("type").GetString()!;

    private static string Describe(JsonElement one)
    {
        var parts = new List<string> { Type(one) };
        if (one.TryGetProperty("index", out var index))
            parts.Add(index.GetRawText());
        if (one.TryGetProperty("content_block", out var block))
            parts.Add(Type(block));
        if (one.TryGetProperty("delta", out var delta))
        {
            parts.AddRange(delta.EnumerateObject().Where(member => member.Value.ValueKind == JsonValueKind.String).Select(member => member.Value.GetString()!));
        }
        if (one.TryGetProperty("usage", out var usage))
            parts.AddRange(usage.EnumerateObject().Select(member => member.Value.GetRawText()));
        return string.Join(' ', parts);
    }

    private static async Task<List<JsonElement>> StreamAsync(RunningGateway gateway, string body)
    {
        using var response = await gateway.PostAsync("/v1/messages", body);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.ToString());
        var events = new List<JsonElement>();
        foreach (var block in (await response.Content.ReadAsStringAsync(Token)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var lines = block.Split('\n');
            events.Add(JsonDocument.Parse(lines[1]["data: ".Length..]).RootElement);
            Assert.Equal("event: " + Type(events[^1]), lines[0]);
        }
        return events;
    }

    private static async Task<JsonElement> PostAsync(RunningGateway gateway, string body, int status, string path = "/v1/messages")
    {
        using var response = await gateway.PostAsync(path, body);
        var text = await response.Content.ReadAsStringAsync(Token);
        Assert.True(status == (int)response.StatusCode, text);
        return JsonDocument.Parse(text).RootElement;
    }

    private static async IAsyncEnumerable<GenerationUpdate> EverythingAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new GenerationUpdate { Thinking = "Hm" };
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        yield return new GenerationUpdate { Thinking = "m.", Text = "Wait." };
        yield return new GenerationUpdate
        {
            ToolCalls = JsonDocument.Parse(Calls).RootElement,
            Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 3, CompletionTokens = 5 },
        };
    }

    private static async IAsyncEnumerable<GenerationUpdate> JustStopAsync()
    {
        await Task.Yield();
        yield return new GenerationUpdate { Text = "one" };
    }

    private static async IAsyncEnumerable<GenerationUpdate> WaitAsync(Task pause, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await pause.WaitAsync(cancellationToken);
        await foreach (var update in ScriptedEngine.TokensAsync(["one"], cancellationToken))
            yield return update;
    }

    private static async IAsyncEnumerable<GenerationUpdate> HangAsync(
        bool speak, TaskCompletionSource begun, TaskCompletionSource cancelled, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.Register(cancelled.SetResult);
        begun.SetResult();
        if (speak)
            yield return new GenerationUpdate { Text = "one" };
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    private static async IAsyncEnumerable<GenerationUpdate> ChatterAsync(TaskCompletionSource left)
    {
        try
        {
            while (true)
            {
                await Task.Yield();
                yield return new GenerationUpdate { Text = "bla" };
            }
        }
        finally
        {
            left.SetResult();
        }
    }
}
