namespace Chasqui.Engines.Tests.OpenAi;

/// <summary>Streams of llama.cpp's server, vLLM and their like become the updates of any engine.</summary>
public sealed class OpenAiAnswerTests
{
    private const string End = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":4},\"completion_tokens_details\":{\"reasoning_tokens\":2}}}\n\ndata: [DONE]\n\n";

    [Fact]
    public async Task Thinking_text_and_usage()
    {
        await using var server = new OpenAiScript("vllm",
            Delta("\"role\":\"assistant\",\"content\":\"\"") + Delta("\"reasoning_content\":\"hm\"") + Delta("\"reasoning\":\"m\"") + Delta("\"content\":\"Hi\"") + ": ping\n\n" + Delta("\"content\":\"!\"") + End);
        var updates = await Nodes.AllAsync(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));

        Assert.Equal(["hm", "m"], updates.Select(u => u.Thinking).Where(t => t.Length > 0));
        Assert.Equal(["Hi", "!"], updates.Select(u => u.Text).Where(t => t.Length > 0));
        var result = Assert.Single(updates, u => u.Result is not null).Result!;
        Assert.Same(updates[^1].Result, result);
        Assert.Equal((FinishReason.Stop, 10, 4, 3, 2), (result.Reason, result.PromptTokens, result.CachedPromptTokens, result.CompletionTokens, result.ReasoningTokens));
    }

    [Fact]
    public async Task Calls_of_tools_are_put_together_of_their_pieces()
    {
        await using var server = new OpenAiScript("llamacpp",
            Call("\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"weather\",\"arguments\":\"\"}")
            + Call("\"index\":0,\"function\":{\"arguments\":\"{\\\"city\\\": \"}")
            + Call("\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"time\",\"arguments\":\"{}\"}")
            + Call("\"index\":0,\"function\":{\"arguments\":\"\\\"Paris\\\"}\"}")
            // Ollama numbers every call 0.
            + Call("\"index\":1,\"id\":\"c\",\"function\":{\"name\":\"none\"}") + End);
        var updates = await Nodes.AllAsync(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));

        var calls = Assert.Single(updates, u => u.ToolCalls is not null).ToolCalls!.Value;
        Assert.Equal(
            """[{"id":"a","function":{"index":0,"name":"weather","arguments":{"city": "Paris"}}},{"id":"b","function":{"index":1,"name":"time","arguments":{}}},{"id":"c","function":{"index":2,"name":"none","arguments":{}}}]""",
            calls.GetRawText());
    }

    [Fact]
    public async Task Show_is_filled_from_what_llama_cpp_tells()
    {
        await using var server = new OpenAiScript("llamacpp")
            .With("GET /v1/models", """{"data":[{"id":"mini","owned_by":"llamacpp","created":1700000000,"meta":{"n_vocab":1024,"n_ctx":512,"n_ctx_train":1024,"n_embd":128,"n_params":935040,"size":996864,"ftype":"Q8_0"}}]}""")
            .With("GET /props", """{"default_generation_settings":{"n_ctx":512},"total_slots":4,"modalities":{"vision":true},"chat_template":"{{ tools }}<think></think>","chat_template_caps":{"supports_tools":false},"build_info":"b1"}""");

        var shown = await server.Engine.ShowAsync("mini", Nodes.Token);

        Assert.Equal(["completion", "vision", "thinking"], shown.Summary.Capabilities);
        Assert.Equal(("{{ tools }}<think></think>", false), (shown.Template, shown.TemplateIsGo));
        Assert.Equal(("935K", "Q8_0", 512), (shown.Summary.Details.ParameterSize, shown.Summary.Details.QuantizationLevel, shown.Summary.Details.ContextLength));
        Assert.Equal(("num_ctx", "512"), (shown.RawParameters.Single().Key, shown.RawParameters.Single().Value.ToJsonString()));
        Assert.Equal(
            ["general.context_length 1024", "general.embedding_length 128", "general.parameter_count 935040", "general.vocabulary_size 1024"],
            shown.Metadata.Select(entry => $"{entry.Key} {entry.Value}").Order(StringComparer.Ordinal));
    }

    [Theory]
    // A name and an id in each piece, with and without an index, and an id of its own for each piece.
    [InlineData("""{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}""", """{"index":0,"id":"a","function":{"name":"f","arguments":"1}"}}""", "a f {\"x\":1}")]
    [InlineData("""{"id":"a","function":{"name":"f","arguments":"{\"x\":"}}""", """{"id":"a","function":{"name":"f","arguments":"1}"}}""", "a f {\"x\":1}")]
    [InlineData("""{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}""", """{"index":0,"id":"b","function":{"name":"f","arguments":"1}"}}""", "a f {\"x\":1}")]
    [InlineData("""{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}""", """{"index":0,"id":"b","function":{"arguments":"1}"}}""", "a f {\"x\":1}")]
    // A name in pieces.
    [InlineData("""{"index":0,"id":"a","function":{"name":"f_"}}""", """{"index":0,"function":{"name":"g","arguments":"{}"}}""", "a f_g {}")]
    // Whole calls one after the other.
    [InlineData("""{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}""", """{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}""", "a f {}|b f {}")]
    [InlineData("""{"function":{"name":"f","arguments":"{}"}}""", """{"function":{"name":"f","arguments":"{}"}}""", " f {}| f {}")]
    [InlineData("""{"function":{"name":"f","arguments":"{}"}}""", """{"function":{"name":"g","arguments":"{}"}}""", " f {}| g {}")]
    public async Task What_is_repeated_in_each_piece_of_a_call_is_one(string first, string second, string calls)
    {
        var stream = string.Concat(((string[])[first, second]).Select(piece => "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[" + piece + "]}}]}\n\n"))
            + "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";
        await using var server = new OpenAiScript("vllm", stream);

        var updates = await Nodes.AllAsync(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));

        var told = updates[^1].ToolCalls!.Value.EnumerateArray().Select(call =>
            $"{(call.TryGetProperty("id", out var id) ? id.GetString() : "")} {call.GetProperty("function").GetProperty("name")} {call.GetProperty("function").GetProperty("arguments").GetRawText()}");
        Assert.Equal(calls.Split('|'), told);
    }

    [Fact]
    public async Task Half_a_surrogate_pair_in_arguments_becomes_a_character_that_a_text_can_hold()
    {
        await using var server = new OpenAiScript("llamacpp",
            Call("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"weather\",\"arguments\":\"{\\\"city\\\":\\\"L\\\\ud83dima\\\"}\"}") + End);
        var updates = await Nodes.AllAsync(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));

        var call = Assert.Single(updates, u => u.ToolCalls is not null).ToolCalls!.Value[0];
        Assert.Equal("L\ufffdima", call.GetProperty("function").GetProperty("arguments").GetProperty("city").GetString());
    }

    [Fact]
    public async Task Arguments_that_are_no_JSON_are_the_models_failure()
    {
        await using var server = new OpenAiScript("llamacpp", Call("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"weather\",\"arguments\":\"{\\\"city\\\"\"}") + End);
        var (_, error) = await Nodes.FailAsync<GenerationUpdate, EngineFailedException>(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));
        Assert.Contains("the tool 'weather'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logprobs_of_chats_and_of_completions()
    {
        await using var chat = new OpenAiScript("vllm",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],\"top_logprobs\":[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97]},{\"token\":\"b\",\"logprob\":-2,\"bytes\":[98]}]}]}}]}\n\n" + End);
        var token = Assert.Single((await Nodes.AllAsync(chat.Engine.ChatAsync(OpenAiScript.Chat() with { Logprobs = true, TopLogprobs = 1 }, Nodes.Token)))[0].Logprobs!);
        Assert.Equal(("a", -0.5f, "a"), (token.Token, token.Logprob, Assert.Single(token.Alternatives).Token));
        Assert.True(chat.Sent.GetProperty("logprobs").GetBoolean());

        await using var raw = new OpenAiScript("vllm",
            "data: {\"choices\":[{\"index\":0,\"text\":\"ß\",\"logprobs\":{\"tokens\":[\"ß\"],\"token_logprobs\":[-0.25],\"top_logprobs\":[{\"x\":-3,\"ß\":-0.25}],\"text_offset\":[0]},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n");
        var updates = await Nodes.AllAsync(raw.Engine.GenerateAsync(Nodes.Prompt() with { Raw = true, Logprobs = true, TopLogprobs = 2 }, Nodes.Token));
        token = Assert.Single(updates[0].Logprobs!);
        Assert.Equal(["ß", "x"], token.Alternatives.Select(a => a.Token));
        Assert.Equal([0xC3, 0x9F], token.Bytes.ToArray());
        Assert.Equal(FinishReason.Length, updates[^1].Result!.Reason);
    }

    [Fact]
    public async Task Timings_of_llama_cpp_are_the_durations()
    {
        await using var server = new OpenAiScript("llamacpp",
            Delta("\"content\":\"Hi\"") + "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}],\"timings\":{\"cache_n\":5,\"prompt_n\":7,\"prompt_ms\":1.5,\"predicted_n\":2,\"predicted_ms\":4}}\n\ndata: [DONE]\n\n");
        var result = (await Nodes.AllAsync(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token)))[^1].Result!;
        Assert.Equal((12, 5, 2), (result.PromptTokens, result.CachedPromptTokens, result.CompletionTokens));
        Assert.Equal((TimeSpan.FromMilliseconds(1.5), TimeSpan.FromMilliseconds(4)), (result.PromptDuration, result.CompletionDuration));
    }

    [Theory]
    [InlineData("", "before it said why it was over")]
    [InlineData("data: [DONE]\n\n", "before it said why it was over")]
    [InlineData("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":null}],\"model\":\"\"}\n\n", "before it said why it was over")]
    [InlineData("data: {\"error\":{\"code\":500,\"message\":\"out of luck\",\"type\":\"server_error\"}}\n\n", "out of luck")]
    [InlineData("error: {\"code\":500,\"message\":\"out of luck\",\"type\":\"server_error\"}\n\n", "out of luck")]
    [InlineData("data: {\"object\":\"error\",\"message\":\"out of luck\"}\n\n", "out of luck")]
    [InlineData("data: {oops\n\n", "is not what its API says: 'o' stands where a name in double quotes must be (line 1, byte 2)")]
    [InlineData("data: null\n\n", "is not what its API says: a value is null, where an object was expected")]
    [InlineData("data: {\"choices\":5}\n\n", "is not what its API says: ")]
    [InlineData("data: {\"hello\":1}\n\n", "is not what its API says")]
    [InlineData("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"abort\"}]}\n\n", "gave its answer up")]
    public async Task A_stream_that_goes_wrong(string rest, string says)
    {
        await using var server = new OpenAiScript("vllm", Delta("\"content\":\"Hi\"") + rest);
        var (updates, error) = await Nodes.FailAsync<GenerationUpdate, EngineFailedException>(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));
        Assert.Equal("Hi", Assert.Single(updates).Text);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_leaves_out_DONE_has_still_answered()
    {
        await using var server = new OpenAiScript("vllm", Delta("\"content\":\"Hi\"") + "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
        Assert.NotNull((await Nodes.AllAsync(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token)))[^1].Result);
    }

    [Fact]
    public async Task Errors_by_their_status()
    {
        await using var server = new OpenAiScript("llamacpp").With("POST /v1/chat/completions",
            """{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}""", 400);
        var (_, tooLong) = await Nodes.FailAsync<GenerationUpdate, ContextLengthExceededException>(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));
        Assert.Equal((9000, 4096), (tooLong.Tokens, tooLong.ContextLength));

        server.With("POST /v1/chat/completions", """{"object":"error","message":"The model `mini` does not exist.","type":"NotFoundError","code":404}""", 404);
        await Nodes.FailAsync<GenerationUpdate, ModelNotFoundException>(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));

        server.With("POST /v1/chat/completions", """{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}""", 503);
        await Nodes.FailAsync<GenerationUpdate, EngineUnavailableException>(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));

        server.With("POST /v1/chat/completions", """{"detail":[{"loc":["body"],"msg":"wrong"}]}""", 422);
        var (_, wrong) = await Nodes.FailAsync<GenerationUpdate, InvalidRequestException>(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));
        Assert.Contains("wrong", wrong.Message, StringComparison.Ordinal);

        server.With("POST /v1/chat/completions", "{}");
        var (_, type) = await Nodes.FailAsync<GenerationUpdate, EngineFailedException>(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));
        Assert.Contains("where text/event-stream is right", type.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Vectors_in_either_form_in_the_order_of_the_texts()
    {
        await using var server = new OpenAiScript("vllm").With("POST /v1/embeddings",
            """{"data":[{"index":1,"embedding":[3,4,5]},{"index":0,"embedding":"AACAPwAAAEAAAEBA"}],"usage":{"prompt_tokens":6}}""");
        var result = await server.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["a", "b"] }, Nodes.Token);
        Assert.Equal([[1f, 2, 3], [3, 4, 5]], result.Vectors);
        Assert.Equal(6, result.PromptTokens);
        Assert.Equal("base64", server.Sent.GetProperty("encoding_format").GetString());

        var cut = await server.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["a", "b"], Dimensions = 2 }, Nodes.Token);
        Assert.Equal([0.6f, 0.8f], cut.Vectors[1]);

        foreach (var data in (string[])["[]", """[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]""", """[{"index":0,"embedding":"AAA="},{"index":1,"embedding":[1]}]""", """[{"index":7,"embedding":[1]}]"""])
        {
            server.With("POST /v1/embeddings", $$"""{"data":{{data}}}""");
            await Assert.ThrowsAsync<EngineFailedException>(() => server.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["a", "b"] }, Nodes.Token));
        }
    }

    [Fact]
    public async Task Tokens_of_a_text()
    {
        await using var llama = new OpenAiScript("llamacpp").With("POST /tokenize", """{"tokens":[1,2]}""");
        Assert.Equal([1, 2], await llama.Engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = "ab", AddSpecial = true }, Nodes.Token));
        Assert.Equal("""{"content":"ab","add_special":true,"parse_special":false}""", llama.Sent.GetRawText());

        await using var vllm = new OpenAiScript("vllm").With("POST /tokenize", """{"count":1,"max_model_len":4096,"tokens":[7]}""");
        Assert.Equal([7], await vllm.Engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = "ab" }, Nodes.Token));
        Assert.Equal("""{"model":"mini","prompt":"ab","add_special_tokens":false}""", vllm.Sent.GetRawText());

        await using var studio = new OpenAiScript("organization_owner");
        await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => studio.Engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = "ab" }, Nodes.Token));
    }

    [Fact]
    public async Task The_report_of_llama_cpp()
    {
        await using var server = new OpenAiScript("llamacpp")
            .With("GET /v1/models", """{"models":[],"data":[{"id":"mini","owned_by":"llamacpp","created":1700000000,"meta":{"n_ctx_train":1024,"n_embd":128,"n_params":935040,"size":1026016}},{"id":"other","owned_by":"llamacpp","status":{"value":"unloaded"}}]}""")
            .With("GET /props", """{"default_generation_settings":{"n_ctx":512},"total_slots":4,"chat_template":"{% x %}","build_info":"b6000-abc","modalities":{"vision":false}}""")
            .With("GET /slots", """[{"id":0,"is_processing":true},{"id":1,"is_processing":false}]""")
            .With("POST /v1/messages", """{"error":{"code":400,"message":"'messages' is required"}}""", 400)
            .With("POST /v1/messages/count_tokens", """{"error":{"code":400,"message":"'messages' is required"}}""", 400);
        var report = await server.Node.ReportAsync(Nodes.Token);

        Assert.Equal(("llama.cpp b6000-abc", 4, 1), (report.Software, report.Slots, report.BusySlots));
        Assert.Equal(Dialects.OpenAi | Dialects.Anthropic | Dialects.AnthropicCountTokens, report.Dialects);
        Assert.Equal(["mini", "other"], report.Models.Select(m => m.Name));
        Assert.Equal(("935K", 1024, 128, "gguf"), (report.Models[0].Details.ParameterSize, report.Models[0].Details.ContextLength, report.Models[0].Details.EmbeddingLength, report.Models[0].Details.Format));
        var resident = Assert.Single(report.Resident);
        Assert.Equal(("mini", 512, 4), (resident.Summary.Name, resident.ContextLength, resident.Slots));

        var asked = server.Requests.Count(r => r.Method == "POST");
        await server.Node.ReportAsync(Nodes.Token);
        Assert.Equal(asked, server.Requests.Count(r => r.Method == "POST"));

        Assert.Equal("{% x %}", (await server.Engine.ShowAsync("mini:latest", Nodes.Token)).Template);
        Assert.Equal("mini", (await server.Engine.LoadAsync(new LoadRequest { Model = "mini" }, Nodes.Token)).Summary.Name);
        await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => server.Engine.LoadAsync(new LoadRequest { Model = "other" }, Nodes.Token));
        Assert.False(await server.Engine.UnloadAsync("mini", Nodes.Token));
        Assert.Equal(["mini"], (await Assert.ThrowsAsync<ModelNotFoundException>(() => server.Engine.LoadAsync(new LoadRequest { Model = "mimi" }, Nodes.Token))).Suggestions);
    }

    [Fact]
    public async Task The_report_of_vLLM()
    {
        await using var server = new OpenAiScript("vllm")
            .With("GET /version", """{"version":"0.11.0"}""")
            .With("GET /v1/responses", """{"detail":"Method Not Allowed"}""", 405);
        var report = await server.Node.ReportAsync(Nodes.Token);
        Assert.Equal("vLLM 0.11.0", report.Software);
        Assert.Equal(Dialects.OpenAi | Dialects.OpenAiResponses, report.Dialects);
        Assert.Null(report.Slots);
        Assert.Equal(4096, Assert.Single(report.Resident).ContextLength);
        Assert.DoesNotContain(server.Requests, r => r.Method == "POST");
    }

    private static string Delta(string members) => $"data: {{\"choices\":[{{\"index\":0,\"delta\":{{{members}}},\"finish_reason\":null}}]}}\n\n";

    private static string Call(string members) => Delta($"\"tool_calls\":[{{{members}}}]");
}
