using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests;

/// <summary>Streams of the OpenAI API, with engines that do what a small model does not.</summary>
public sealed class OpenAiStreamTests
{
    private const string ChatPath = "/v1/chat/completions";
    private const string ChatBody = """{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}""";
    private const string ResponsesBody = """{"model":"m","input":"x","stream":true}""";

    private static readonly GenerationUpdate _end = new() { Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 3, CompletionTokens = 2 } };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_event_is_a_chunk_of_its_own_and_the_end_is_one()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => ScriptedEngine.TokensAsync(["a", "", "b"], token) });
        using var raw = await RawHttp.ConnectAsync(gateway.Address);

        await raw.PostAsync(ChatPath, Encoding.UTF8.GetBytes(ChatBody.Replace("true}", "true,\"stream_options\":{\"include_usage\":true}}", StringComparison.Ordinal)));
        var (status, headers) = await raw.ReadHeadAsync();

        Assert.Equal(200, status);
        Assert.Equal("text/event-stream", headers["Content-Type"]);
        Assert.Equal("""{"role":"assistant","content":"a"}""", Delta(Assert.Single(Events(await raw.ReadChunkAsync()))));
        Assert.Equal("""{"content":"b"}""", Delta(Assert.Single(Events(await raw.ReadChunkAsync()))));
        var last = Events(await raw.ReadChunkAsync());
        Assert.Equal(3, last.Count);
        Assert.Equal("stop", Parse(last[0]).GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal("""{"prompt_tokens":3,"completion_tokens":3,"total_tokens":6}""", Parse(last[1]).GetProperty("usage").GetRawText());
        Assert.Equal("data: [DONE]", last[2]);
        Assert.Equal("", await raw.ReadChunkAsync());
    }

    [Fact]
    public async Task Thinking_and_calls_of_tools_are_streamed()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => ListAsync(ThinkingAndCalls(), token) });

        var events = Events(await TextAsync(gateway, ChatPath, ChatBody));

        Assert.Equal(
        [
            """{"role":"assistant","content":"","reasoning":"hm"}""",
            """{"reasoning":"m."}""",
            """{"content":"Wait."}""",
            """{"content":"","tool_calls":[{"id":"c1","index":0,"type":"function","function":{"name":"f","arguments":"{\"a\":\"\u003c1\u003e\"}"}}]}""",
            "{}",
        ], events.SkipLast(1).Select(Delta));
        Assert.Equal("tool_calls", Parse(events[^2]).GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Thinking_and_calls_of_tools_are_told_whole()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => ListAsync(ThinkingAndCalls(), token) });

        var choice = Parse(await TextAsync(gateway, ChatPath, ChatBody.Replace("true", "false", StringComparison.Ordinal))).GetProperty("choices")[0];

        Assert.Equal(
            """{"role":"assistant","content":"Wait.","reasoning":"hmm.","tool_calls":[{"id":"c1","index":0,"type":"function","function":{"name":"f","arguments":"{\"a\":\"\u003c1\u003e\"}"}}]}""",
            choice.GetProperty("message").GetRawText());
        Assert.Equal("tool_calls", choice.GetProperty("finish_reason").GetString());
    }

    [Theory]
    [InlineData("/v1/chat/completions", true)]
    [InlineData("/v1/chat/completions", false)]
    [InlineData("/v1/responses", true)]
    [InlineData("/v1/responses", false)]
    public async Task The_arguments_of_a_call_have_no_spaces_but_those_of_their_texts(string path, bool stream)
    {
        var calls = Parse("""[{"id":"c1","function":{"name":"f","arguments":{ "a" : "1 \" {2}\\" ,  "b":[1, 2] }}}]""");
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ListAsync([new() { ToolCalls = calls, Result = new() { Reason = FinishReason.Stop } }], token),
        });
        var body = path == ChatPath ? ChatBody : ResponsesBody;

        var answer = await TextAsync(gateway, path, stream ? body : body.Replace("true", "false", StringComparison.Ordinal));

        const string Compact = """{"a":"1 \" {2}\\","b":[1,2]}""";
        Assert.Contains("\"arguments\":\"" + Compact.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_response_streams_its_items_one_after_another()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => ListAsync(ThinkingAndCalls(), token) });

        var events = Events(await TextAsync(gateway, "/v1/responses", ResponsesBody));

        Assert.Equal(
        [
            "response.created", "response.in_progress",
            "response.output_item.added", "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta", "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done", "response.reasoning_summary_part.done", "response.output_item.done",
            "response.output_item.added", "response.content_part.added", "response.output_text.delta",
            "response.output_text.done", "response.content_part.done", "response.output_item.done",
            "response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done",
            "response.completed",
        ], events.Select(block => block.Split('\n')[0]["event: ".Length..]));
        Assert.Equal(Enumerable.Range(0, events.Count), events.Select(block => Parse(block).GetProperty("sequence_number").GetInt32()));
        Assert.All(events, block => Assert.Equal(block.Split('\n')[0]["event: ".Length..], Parse(block).GetProperty("type").GetString()));
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2], events.Skip(2).SkipLast(1).Select(block => Parse(block).GetProperty("output_index").GetInt32()));
        Assert.Equal("""{"type":"summary_text","text":""}""", Parse(events[3]).GetProperty("part").GetRawText());
        Assert.Equal("""{"type":"summary_text","text":"hmm."}""", Parse(events[7]).GetProperty("part").GetRawText());
        var output = Parse(events[^1]).GetProperty("response").GetProperty("output");
        Assert.Equal(["reasoning", "message", "function_call"], output.EnumerateArray().Select(item => item.GetProperty("type").GetString()));
        Assert.Equal("hmm.", output[0].GetProperty("summary")[0].GetProperty("text").GetString());
        Assert.Equal("Wait.", output[1].GetProperty("content")[0].GetProperty("text").GetString());
        Assert.Equal("""{"a":"<1>"}""", output[2].GetProperty("arguments").GetString());
        // Each item is in the end as it was when it was done.
        Assert.Equal(output.EnumerateArray().Select(item => item.GetRawText()),
            events.Where(block => block.StartsWith("event: response.output_item.done", StringComparison.Ordinal)).Select(block => Parse(block).GetProperty("item").GetRawText()));
    }

    [Theory]
    [InlineData("stop", "completed", "response.completed")]
    [InlineData("length", "incomplete", "response.incomplete")]
    public async Task A_response_says_whether_it_is_complete(string reason, string status, string last)
    {
        var result = new GenerationResult { Reason = reason == "length" ? FinishReason.Length : FinishReason.Stop, PromptTokens = 9, CachedPromptTokens = 4, CompletionTokens = 3, ReasoningTokens = 2 };
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ListAsync([new GenerationUpdate { Text = "a", Result = result }], token),
        });

        var whole = Parse(await TextAsync(gateway, "/v1/responses", ResponsesBody.Replace("true", "false", StringComparison.Ordinal)));
        var events = Events(await TextAsync(gateway, "/v1/responses", ResponsesBody));

        Assert.Equal(status, whole.GetProperty("status").GetString());
        Assert.Equal(last, Parse(events[^1]).GetProperty("type").GetString());
        Assert.All((JsonElement[])[whole, Parse(events[^1]).GetProperty("response")], response =>
        {
            Assert.Equal(reason == "length" ? """{"reason":"max_output_tokens"}""" : "null", response.GetProperty("incomplete_details").GetRawText());
            Assert.Equal("""{"input_tokens":9,"output_tokens":3,"total_tokens":12,"input_tokens_details":{"cached_tokens":4},"output_tokens_details":{"reasoning_tokens":2}}""",
                response.GetProperty("usage").GetRawText());
        });
    }

    [Theory]
    [InlineData(ChatPath, ChatBody, 4, 2, ""","prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}""")]
    [InlineData(ChatPath, ChatBody, 0, 2, ""","completion_tokens_details":{"reasoning_tokens":2}""")]
    [InlineData(ChatPath, ChatBody, 0, 0, "")]
    [InlineData("/v1/completions", """{"model":"m","prompt":"x","stream":true}""", 4, 0, ""","prompt_tokens_details":{"cached_tokens":4}""")]
    public async Task What_was_not_computed_again_and_what_was_thought_is_counted_where_there_is_any(string path, string body, int cached, int thought, string details)
    {
        var result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 9, CachedPromptTokens = cached, CompletionTokens = 3, ReasoningTokens = thought };
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ListAsync([new GenerationUpdate { Text = "a", Result = result }], token),
        });

        var whole = Parse(await TextAsync(gateway, path, body.Replace("true", "false", StringComparison.Ordinal)));
        var events = Events(await TextAsync(gateway, path, body.Replace("true}", "true,\"stream_options\":{\"include_usage\":true}}", StringComparison.Ordinal)));

        var usage = $$"""{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12{{details}}}""";
        Assert.Equal(usage, whole.GetProperty("usage").GetRawText());
        Assert.Equal(usage, Parse(events[^2]).GetProperty("usage").GetRawText());
    }

    [Fact]
    public async Task Log_probabilities_of_a_completion_are_in_the_older_form()
    {
        TokenLogprob[] tokens =
        [
            new("é", "é"u8.ToArray(), -0.5f, [new("é", "é"u8.ToArray(), -0.5f, []), new("b", "b"u8.ToArray(), -1, [])]),
            new("cd", "cd"u8.ToArray(), -0.25f, []),
        ];
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ListAsync([.. tokens.Select(logprob => new GenerationUpdate { Text = logprob.Token, Logprobs = [logprob] }), _end], token),
        });

        var whole = Parse(await TextAsync(gateway, "/v1/completions", """{"model":"m","prompt":"x","logprobs":2}"""));
        var events = Events(await TextAsync(gateway, "/v1/completions", """{"model":"m","prompt":"x","logprobs":2,"stream":true}"""));

        Assert.Equal("""{"tokens":["é","cd"],"token_logprobs":[-0.5,-0.25],"top_logprobs":[{"é":-0.5,"b":-1},{}],"text_offset":[0,1]}""",
            whole.GetProperty("choices")[0].GetProperty("logprobs").GetRawText());
        Assert.Equal("[1]", Parse(events[1]).GetProperty("choices")[0].GetProperty("logprobs").GetProperty("text_offset").GetRawText());
    }

    [Theory]
    [InlineData(ChatPath, """{"model":"m","messages":[{"role":"user","content":"x"}]}""")]
    [InlineData("/v1/completions", """{"model":"m","prompt":"x"}""")]
    [InlineData("/v1/responses", """{"model":"m","input":"x"}""")]
    public async Task A_prompt_that_was_cut_is_told(string path, string body)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ListAsync([_end with { Result = _end.Result! with { TruncatedTokens = 7 } }], token),
        });

        using var response = await gateway.PostAsync(path, body);

        Assert.Equal("7", Assert.Single(response.Headers.GetValues("X-Chasqui-Truncated-Tokens")));
    }

    [Theory]
    [InlineData(ChatPath, ChatBody)]
    [InlineData("/v1/completions", """{"model":"m","prompt":"x","stream":true}""")]
    public async Task An_engine_that_fails_midway_ends_the_stream_with_an_error(string path, string body)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.FailAfterAsync(["one"], new EngineFailedException("the engine broke"), token),
        });

        var events = Events(await TextAsync(gateway, path, body));

        Assert.Equal(2, events.Count);
        Assert.Equal("""data: {"error":{"message":"the engine broke","type":"api_error","param":null,"code":null}}""", events[1]);
    }

    [Fact]
    public async Task An_engine_that_fails_midway_fails_the_response()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.FailAfterAsync(["one"], new EngineFailedException("the engine broke"), token),
        });

        var last = Parse(Events(await TextAsync(gateway, "/v1/responses", ResponsesBody))[^1]);

        Assert.Equal("response.failed", last.GetProperty("type").GetString());
        Assert.Equal(5, last.GetProperty("sequence_number").GetInt32());
        Assert.Equal("failed", last.GetProperty("response").GetProperty("status").GetString());
        Assert.Equal("""{"code":"server_error","message":"the engine broke"}""", last.GetProperty("response").GetProperty("error").GetRawText());
    }

    [Fact]
    public async Task An_engine_that_just_stops_is_an_error_too()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ListAsync([new GenerationUpdate { Text = "one" }], token),
        });

        Assert.Contains("error", Events(await TextAsync(gateway, ChatPath, ChatBody))[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ChatPath, ChatBody, true)]
    [InlineData(ChatPath, """{"model":"m","messages":[{"role":"user","content":"x"}]}""", false)]
    [InlineData("/v1/completions", """{"model":"m","prompt":"x","stream":true}""", true)]
    [InlineData("/v1/completions", """{"model":"m","prompt":"x"}""", false)]
    [InlineData("/v1/responses", ResponsesBody, true)]
    [InlineData("/v1/responses", """{"model":"m","input":"x"}""", false)]
    public async Task A_client_that_leaves_cancels_the_engine(string path, string body, bool stream)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => HangAsync(begun, cancelled, token) });
        using (var raw = await RawHttp.ConnectAsync(gateway.Address))
        {
            await raw.PostAsync(path, Encoding.UTF8.GetBytes(body));
            await begun.Task.WaitAsync(Token);
            if (stream)
                await raw.ReadHeadAsync();
        }

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
    }

    [Theory]
    [InlineData(ChatPath, ChatBody)]
    [InlineData("/v1/completions", """{"model":"m","prompt":"x","stream":true}""")]
    [InlineData("/v1/responses", ResponsesBody)]
    public async Task While_a_model_loads_the_client_hears_comments(string path, string body)
    {
        var time = new FakeTimeProvider();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine { Answer = (_, token) => LoadAsync(begun, goOn.Task, token) },
            options => options with { Routing = options.Routing with { KeepAliveInterval = TimeSpan.FromSeconds(7) } },
            builder => builder.Services.AddSingleton<TimeProvider>(time));
        using var raw = await RawHttp.ConnectAsync(gateway.Address);

        await raw.PostAsync(path, Encoding.UTF8.GetBytes(body));
        await begun.Task.WaitAsync(Token);
        time.Advance(TimeSpan.FromSeconds(7));
        var (status, headers) = await raw.ReadHeadAsync();
        Assert.Equal(200, status);
        Assert.Equal("text/event-stream", headers["Content-Type"]);
        Assert.Equal(": waiting\n\n", await raw.ReadChunkAsync());
        time.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal(": waiting\n\n", await raw.ReadChunkAsync());

        goOn.SetException(new ModelNotFoundException("m", []));
        var last = await raw.ReadChunkAsync();
        Assert.Contains("model 'm' not found", last, StringComparison.Ordinal);
        Assert.Equal("", await raw.ReadChunkAsync());
    }

    [Fact]
    public async Task After_comments_the_answer_comes_as_ever()
    {
        var time = new FakeTimeProvider();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine { Answer = (_, token) => LoadAsync(begun, goOn.Task, token) }, null, builder => builder.Services.AddSingleton<TimeProvider>(time));
        using var raw = await RawHttp.ConnectAsync(gateway.Address);

        await raw.PostAsync(ChatPath, Encoding.UTF8.GetBytes(ChatBody));
        await begun.Task.WaitAsync(Token);
        time.Advance(TimeSpan.FromSeconds(10));
        await raw.ReadHeadAsync();
        Assert.Equal(": waiting\n\n", await raw.ReadChunkAsync());
        goOn.SetResult();

        Assert.Equal("""{"role":"assistant","content":"Hi"}""", Delta(Assert.Single(Events(await raw.ReadChunkAsync()))));
        Assert.Equal("data: [DONE]", Events(await raw.ReadChunkAsync())[^1]);
        Assert.Equal("", await raw.ReadChunkAsync());
    }

    private static GenerationUpdate[] ThinkingAndCalls() =>
    [
        new() { Thinking = "hm" },
        new() { Thinking = "m.", Text = "Wait." },
        new() { ToolCalls = Parse("""data: [{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":"<1>"}}}]""") },
        _end,
    ];

    private static async IAsyncEnumerable<GenerationUpdate> ListAsync(IEnumerable<GenerationUpdate> updates, [EnumeratorCancellation] CancellationToken token)
    {
        foreach (var update in updates)
        {
            await Task.Yield();
            token.ThrowIfCancellationRequested();
            yield return update;
        }
    }

    private static async IAsyncEnumerable<GenerationUpdate> LoadAsync(TaskCompletionSource begun, Task loaded, [EnumeratorCancellation] CancellationToken token)
    {
        begun.SetResult();
        await loaded.WaitAsync(token);
        yield return new GenerationUpdate { Text = "Hi" };
        yield return _end;
    }

    private static async IAsyncEnumerable<GenerationUpdate> HangAsync(
        TaskCompletionSource begun, TaskCompletionSource cancelled, [EnumeratorCancellation] CancellationToken token)
    {
        using var registration = token.Register(cancelled.SetResult);
        yield return new GenerationUpdate { Text = "one" };
        begun.SetResult();
        await Task.Delay(Timeout.Infinite, token);
    }

    private static async Task<string> TextAsync(RunningGateway gateway, string path, string body)
    {
        using var response = await gateway.PostAsync(path, body);
        Assert.Equal(200, (int)response.StatusCode);
        return await response.Content.ReadAsStringAsync(Token);
    }

    private static List<string> Events(string text)
    {
        Assert.EndsWith("\n\n", text, StringComparison.Ordinal);
        return [.. text[..^2].Split("\n\n")];
    }

    private static string Delta(string block) => Parse(block).GetProperty("choices")[0].GetProperty("delta").GetRawText();

    private static JsonElement Parse(string block) =>
        JsonDocument.Parse(block.Split('\n') is [_, var data] && data.StartsWith("data: ", StringComparison.Ordinal) ? data[6..]
            : block.StartsWith("data: ", StringComparison.Ordinal) ? block[6..] : block).RootElement;
}
