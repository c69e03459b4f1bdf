using System.Text.Json;

namespace Chasqui.Engines.Tests.OpenAi;

/// <summary>A typed request in the words of each server; what a server has no word for is refused by its name, before anything is sent.</summary>
public sealed class OpenAiRequestTests
{
    private const string Hi = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    private const string LlamaCpp = "llamacpp";
    private const string Vllm = "vllm";
    private const string LmStudio = "organization_owner";
    private const string Ollama = "library";
    private const string Other = "somebody";

    private static readonly Dictionary<string, GenerationOptions> _options = new()
    {
        ["top_k"] = new() { TopK = 5 },
        ["top_k off"] = new() { TopK = 0 },
        ["min_p"] = new() { MinP = 0.5f },
        ["min_p off"] = new() { MinP = 0 },
        ["typical_p"] = new() { TypicalP = 0.5f },
        ["typical_p off"] = new() { TypicalP = 1 },
        ["repeat_penalty"] = new() { RepeatPenalty = 1.5f },
        ["repeat_penalty off"] = new() { RepeatPenalty = 1 },
        ["repeat_last_n"] = new() { RepeatLastN = 9 },
        ["num_keep"] = new() { NumKeep = 9 },
        ["num_ctx"] = new() { NumCtx = 8192 },
        ["num_ctx within"] = new() { NumCtx = 4096 },
        ["num_batch"] = new() { NumBatch = 9 },
        ["mirostat"] = new() { Unapplied = ["mirostat"] },
        ["num_thread"] = new() { NumThread = 9 },
        ["seed"] = new() { Seed = 7 },
        ["seed off"] = new() { Seed = -1 },
        ["num_predict"] = new() { NumPredict = 7 },
        ["num_predict off"] = new() { NumPredict = -1 },
        ["others"] = new() { Temperature = 0.5f, TopP = 0.25f, PresencePenalty = 1, FrequencyPenalty = 2, Stop = ["a"] },
    };

    [Theory]
    [InlineData("stream_options", true)]
    [InlineData("include_usage", true)]
    [InlineData("seed", false)]
    public async Task A_server_that_refuses_to_be_asked_for_the_count_is_not_asked_again(string refused, bool answers)
    {
        await using var server = new OpenAiScript(Other, Hi) { Refused = refused };
        var chat = OpenAiScript.Chat() with { Options = new GenerationOptions { Seed = 7 } };
        for (var time = 0; time < 2; time++)
        {
            if (answers)
                Assert.Equal("Hi", string.Concat((await Nodes.AllAsync(server.Engine.ChatAsync(chat, Nodes.Token))).Select(update => update.Text)));
            else
                await Assert.ThrowsAsync<InvalidRequestException>(() => Nodes.AllAsync(server.Engine.ChatAsync(chat, Nodes.Token)));
        }

        var asked = server.Requests.Where(request => request.Method == "POST").Select(request => request.Body.Contains("\"include_usage\":true", StringComparison.Ordinal));
        Assert.Equal(answers ? [true, false, false] : [true, true], asked);
    }

    [Theory]
    [InlineData(LlamaCpp)]
    [InlineData(Vllm)]
    [InlineData(LmStudio)]
    [InlineData(Ollama)]
    [InlineData(Other)]
    public async Task A_prompt_that_no_template_renders_cannot_be_shown_and_no_text_is_made_instead(string owner)
    {
        await using var server = new OpenAiScript(owner, Hi);
        foreach (var request in (GenerateRequest[])[Nodes.Prompt() with { Raw = true, RenderOnly = true }, Nodes.Prompt() with { Suffix = "x", RenderOnly = true }])
        {
            var (_, error) = await Nodes.FailAsync<GenerationUpdate, InvalidRequestException>(server.Engine.GenerateAsync(request, Nodes.Token));
            Assert.Contains($"cannot take _debug_render_only beside {(request.Raw ? "raw" : "suffix")}", error.Message, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(server.Requests, request => request.Method == "POST");
    }

    [Theory]
    [InlineData(LlamaCpp, true)]
    [InlineData(Vllm, true)]
    [InlineData(Other, true)]
    [InlineData(Ollama, false)]
    public async Task Token_ids_are_sent_as_they_are_where_the_server_takes_any(string owner, bool takes)
    {
        await using var server = new OpenAiScript(owner).With("POST /v1/embeddings", """{"data":[{"embedding":[1,0]},{"embedding":[0,1]}]}""");
        var asking = server.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = [], TokenInputs = [[1, 2], [3]] }, Nodes.Token);

        if (takes)
        {
            Assert.Equal(2, (await asking).Vectors.Count);
            Assert.Equal("[[1,2],[3]]", server.Sent.GetProperty("input").GetRawText());
            return;
        }
        Assert.Contains("cannot take token ids; send the texts", (await Assert.ThrowsAsync<InvalidRequestException>(() => asking)).Message, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Requests, request => request.Method == "POST");
    }

    [Fact]
    public async Task An_Ollama_takes_no_token_ids()
    {
        await using var server = ScriptedNode.Answering("{}");
        await using var node = Nodes.Ollama(server.Address);

        var refused = await Assert.ThrowsAsync<InvalidRequestException>(() => node.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = [], TokenInputs = [[1]] }, Nodes.Token));

        Assert.Equal("Ollama's API takes no token ids; send the texts", refused.Message);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Calls_are_told_in_the_clients_own_characters()
    {
        const string Arguments = "{\"c\":\"a<b & é中 \U0001F600\u00A0|\"}";
        await using var server = new OpenAiScript(Vllm, Hi);

        await Nodes.AllAsync(server.Engine.ChatAsync(
            OpenAiScript.Chat() with
            {
                Messages =
                [
                    new ChatMessage { Role = "user", Content = "\U0001F600\u00A0" },
                    new ChatMessage { Role = "assistant", ToolCalls = JsonElement.Parse($$$"""[{"id":"c1","function":{"name":"f","arguments":{{{Arguments}}}}}]""") },
                    new ChatMessage { Role = "tool", ToolName = "f", Content = "x" },
                ],
            }, Nodes.Token));

        Assert.Equal(Arguments, server.Sent.GetProperty("messages")[1].GetProperty("tool_calls")[0].GetProperty("function").GetProperty("arguments").GetString());
        var body = server.Requests[^1].Body;
        Assert.Contains("\U0001F600\u00A0|", body, StringComparison.Ordinal);
        Assert.DoesNotContain("\\u", body, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(LlamaCpp, "top_k", "\"top_k\":5")]
    [InlineData(Vllm, "top_k", "\"top_k\":5")]
    [InlineData(LmStudio, "top_k", "\"top_k\":5")]
    [InlineData(Ollama, "top_k", null)]
    [InlineData(Other, "top_k", null)]
    [InlineData(LlamaCpp, "top_k off", "\"top_k\":0")]
    [InlineData(Vllm, "top_k off", "\"top_k\":-1")]
    [InlineData(Other, "top_k off", "")]
    [InlineData(LlamaCpp, "min_p", "\"min_p\":0.5")]
    [InlineData(Vllm, "min_p", "\"min_p\":0.5")]
    [InlineData(LmStudio, "min_p", null)]
    [InlineData(LmStudio, "min_p off", "")]
    [InlineData(LlamaCpp, "typical_p", "\"typical_p\":0.5")]
    [InlineData(Vllm, "typical_p", null)]
    [InlineData(Vllm, "typical_p off", "")]
    [InlineData(LlamaCpp, "repeat_penalty", "\"repeat_penalty\":1.5")]
    [InlineData(Vllm, "repeat_penalty", "\"repetition_penalty\":1.5")]
    [InlineData(LmStudio, "repeat_penalty", "\"repeat_penalty\":1.5")]
    [InlineData(Other, "repeat_penalty", null)]
    [InlineData(Other, "repeat_penalty off", "")]
    [InlineData(LlamaCpp, "repeat_last_n", "\"repeat_last_n\":9")]
    [InlineData(Vllm, "repeat_last_n", null)]
    [InlineData(LlamaCpp, "num_keep", "\"n_keep\":9")]
    [InlineData(Vllm, "num_keep", "")]
    [InlineData(Vllm, "num_ctx", "")]
    [InlineData(Vllm, "num_ctx within", "")]
    [InlineData(LlamaCpp, "num_batch", "")]
    [InlineData(LlamaCpp, "num_thread", "")]
    [InlineData(LlamaCpp, "mirostat", null)]
    [InlineData(Other, "seed", "\"seed\":7")]
    [InlineData(Other, "seed off", "")]
    [InlineData(Other, "num_predict", "\"max_tokens\":7")]
    [InlineData(Other, "num_predict off", "")]
    [InlineData(Other, "others", "\"temperature\":0.5,\"top_p\":0.25,\"presence_penalty\":1,\"frequency_penalty\":2,\"stop\":[\"a\"]")]
    public async Task Options(string owner, string which, string? sent)
    {
        await using var server = new OpenAiScript(owner, Hi);
        var request = OpenAiScript.Chat() with { Options = _options[which] };
        if (sent is null)
        {
            var (_, error) = await Nodes.FailAsync<GenerationUpdate, InvalidOptionException>(server.Engine.ChatAsync(request, Nodes.Token));
            Assert.Equal(which, error.Option);
            Assert.DoesNotContain(server.Requests, r => r.Method == "POST");
            return;
        }
        await Nodes.AllAsync(server.Engine.ChatAsync(request, Nodes.Token));
        var expected = $$"""{"model":"mini","messages":[{"role":"user","content":"Hello!"}],"stream":true,"stream_options":{"include_usage":true}{{(sent.Length > 0 ? "," : "")}}{{sent}}}""";
        Assert.Equal(expected, server.Sent.GetRawText());
    }

    [Theory]
    [InlineData(LlamaCpp, "true", "\"chat_template_kwargs\":{\"enable_thinking\":true}")]
    [InlineData(Vllm, "false", "\"chat_template_kwargs\":{\"enable_thinking\":false}")]
    [InlineData(Vllm, "high", "\"chat_template_kwargs\":{\"enable_thinking\":true,\"reasoning_effort\":\"high\"}")]
    [InlineData(Ollama, "false", "\"reasoning_effort\":\"none\"")]
    [InlineData(Other, "true", "\"reasoning_effort\":\"medium\"")]
    [InlineData(Other, "low", "\"reasoning_effort\":\"low\"")]
    public async Task Thinking(string owner, string think, string sent)
    {
        await using var server = new OpenAiScript(owner, Hi);
        await Nodes.AllAsync(server.Engine.ChatAsync(OpenAiScript.Chat() with { Think = think }, Nodes.Token));
        Assert.EndsWith($",{sent}}}", server.Sent.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_templated_prompt_is_a_chat_of_one_turn_and_a_raw_one_a_completion()
    {
        var text = "data: {\"choices\":[{\"index\":0,\"text\":\"Hi\",\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        await using var server = new OpenAiScript(LlamaCpp, text);
        var schema = OutputFormat.FromSchema(JsonElement.Parse("{\"type\":\"object\"}"));

        await Nodes.AllAsync(server.Engine.GenerateAsync(Nodes.Prompt() with { System = "Be brief.", Format = schema }, Nodes.Token));
        Assert.Equal("/v1/chat/completions", server.Requests[^1].Path);
        Assert.Equal("""[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello!"}]""", server.Sent.GetProperty("messages").GetRawText());
        Assert.Equal("""{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}}""", server.Sent.GetProperty("response_format").GetRawText());

        var updates = await Nodes.AllAsync(server.Engine.GenerateAsync(Nodes.Prompt() with { Raw = true, Format = OutputFormat.Json }, Nodes.Token));
        Assert.Equal("Hi", updates[0].Text);
        Assert.Equal("/v1/completions", server.Requests[^1].Path);
        Assert.Equal("""{"model":"mini","prompt":"Hello!","stream":true,"stream_options":{"include_usage":true},"json_schema":{"type":"object"}}""", server.Sent.GetRawText());
    }

    [Fact]
    public async Task Images_tools_and_the_answers_of_tools()
    {
        await using var server = new OpenAiScript(LlamaCpp, Hi);
        var calls = JsonElement.Parse("""[{"function":{"name":"f","arguments":{"a":1}}},{"id":"x","function":{"name":"g","arguments":"{}"}},{"function":{"name":"f","arguments":{}}}]""");
        ChatMessage[] turns =
        [
            new() { Role = "user", Content = "Look", Images = [new byte[] { 0xFF, 0xD8, 0xFF, 0 }] },
            new() { Role = "assistant", Thinking = "hm", ToolCalls = calls },
            new() { Role = "tool", Content = "g1", ToolName = "g" },
            new() { Role = "tool", Content = "f1", ToolName = "f" },
            new() { Role = "tool", Content = "f2" },
        ];
        await Nodes.AllAsync(server.Engine.ChatAsync(new ChatRequest { Model = "mini", Messages = turns, Tools = JsonElement.Parse("[{\"type\":\"function\"}]") }, Nodes.Token));
        Assert.Equal(
            """[{"role":"user","content":[{"type":"text","text":"Look"},{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,/9j/AA=="}}]},"""
            + """{"role":"assistant","content":"","reasoning_content":"hm","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"x","type":"function","function":{"name":"g","arguments":"{}"}},{"id":"call_2","type":"function","function":{"name":"f","arguments":"{}"}}]},"""
            + """{"role":"tool","content":"g1","tool_call_id":"x","name":"g"},{"role":"tool","content":"f1","tool_call_id":"call_1","name":"f"},{"role":"tool","content":"f2","tool_call_id":"call_2","name":"f"}]""",
            server.Sent.GetProperty("messages").GetRawText());
        Assert.Equal("[{\"type\":\"function\"}]", server.Sent.GetProperty("tools").GetRawText());
    }

    [Fact]
    public async Task A_server_that_does_not_tell_its_prompts_is_not_asked_for_one()
    {
        await using var server = new OpenAiScript(Vllm, Hi);

        var (_, error) = await Nodes.FailAsync<GenerationUpdate, UnsupportedCapabilityException>(server.Engine.ChatAsync(OpenAiScript.Chat() with { RenderOnly = true }, Nodes.Token));

        Assert.StartsWith("a request only to render the prompt", error.Capability, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Requests, r => r.Method == "POST");
    }

    [Fact]
    public async Task A_result_that_answers_no_call_gets_a_call_made_up()
    {
        await using var server = new OpenAiScript(LlamaCpp, Hi);
        ChatMessage[] turns =
        [
            new() { Role = "user", Content = "a" },
            new() { Role = "tool", Content = "1", ToolName = "f" },
            new() { Role = "tool", Content = "2" },
            new() { Role = "assistant", Content = "b", ToolCalls = JsonElement.Parse("""[{"id":"call_3","function":{"name":"g","arguments":{}}}]""") },
            new() { Role = "tool", Content = "3", ToolName = "h" },
        ];

        await Nodes.AllAsync(server.Engine.ChatAsync(new ChatRequest { Model = "mini", Messages = turns }, Nodes.Token));

        Assert.Equal(
            """[{"role":"user","content":"a"},"""
            + """{"role":"assistant","content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"call_2","type":"function","function":{"name":"tool","arguments":"{}"}}]},"""
            + """{"role":"tool","content":"1","tool_call_id":"call_1","name":"f"},{"role":"tool","content":"2","tool_call_id":"call_2","name":"tool"},"""
            + """{"role":"assistant","content":"b","tool_calls":[{"id":"call_3","type":"function","function":{"name":"g","arguments":"{}"}},{"id":"call_4","type":"function","function":{"name":"h","arguments":"{}"}}]},"""
            + """{"role":"tool","content":"3","tool_call_id":"call_4","name":"h"}]""",
            server.Sent.GetProperty("messages").GetRawText());
    }

    [Fact]
    public async Task What_no_path_of_the_server_carries_is_refused()
    {
        async Task RefusedAsync(string owner, GenerationRequest request, string names)
        {
            await using var server = new OpenAiScript(owner, Hi);
            var updates = request is ChatRequest chat ? server.Engine.ChatAsync(chat, Nodes.Token) : server.Engine.GenerateAsync((GenerateRequest)request, Nodes.Token);
            var (_, error) = await Nodes.FailAsync<GenerationUpdate, InvalidRequestException>(updates);
            Assert.Contains(names, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(server.Requests, r => r.Method == "POST");
        }

        await RefusedAsync(LlamaCpp, Nodes.Prompt() with { Context = [1] }, "cannot take context");
        await RefusedAsync(LlamaCpp, Nodes.Prompt() with { Template = "{{ .Prompt }}" }, "cannot take template");
        await RefusedAsync(Vllm, Nodes.Prompt() with { Suffix = "b" }, "cannot take suffix");
        await RefusedAsync(Ollama, Nodes.Prompt() with { Raw = true }, "cannot take raw");
        await RefusedAsync(Vllm, Nodes.Prompt() with { Raw = true, Images = [new byte[] { 1 }] }, "cannot take images");
        await RefusedAsync(Vllm, Nodes.Prompt() with { Images = [new byte[] { 1 }] }, "an image must be");
        await RefusedAsync(LlamaCpp, OpenAiScript.Chat() with { Alone = true }, "cannot take alone");
        await RefusedAsync(Vllm, new ChatRequest { Model = "mini" }, "no messages");
        await RefusedAsync(Vllm, new ChatRequest { Model = "mini", Messages = [new ChatMessage { Role = "assistant", ToolCalls = JsonElement.Parse("[5]") }] }, "tool_calls must be");

        await using var vllm = new OpenAiScript(Vllm, Hi);
        Assert.Contains("normalize", (await Assert.ThrowsAsync<InvalidRequestException>(() => vllm.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["a"], Normalize = false }, Nodes.Token))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_prompt_that_the_template_makes()
    {
        await using var server = new OpenAiScript(LlamaCpp).With("POST /apply-template", """{"prompt":"<|im_start|>"}""");
        var update = Assert.Single(await Nodes.AllAsync(server.Engine.GenerateAsync(Nodes.Prompt() with { RenderOnly = true }, Nodes.Token)));
        Assert.Equal("<|im_start|>", update.RenderedPrompt);
        Assert.NotNull(update.Result);
    }
}
