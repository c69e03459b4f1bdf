using System.Text.Json;

namespace Chasqui.Server.Tests;

/// <summary>What of a request in OpenAI's form comes to the engine.</summary>
public sealed class OpenAiRequestTests
{
    [Fact]
    public async Task Every_field_of_a_chat_comes_to_the_engine()
    {
        var request = Assert.IsType<ChatRequest>(await SentAsync("/v1/chat/completions", """
            {"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":9,"max_completion_tokens":7,"seed":8589934597,"stop":["a","b"],"temperature":0.5,
             "top_p":0.25,"frequency_penalty":1.5,"presence_penalty":-1,"logprobs":true,"top_logprobs":3,"reasoning_effort":"xhigh",
             "response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object"}}},
             "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto",
             "user":"u","metadata":{},"service_tier":"auto","store":false,"n":1,"logit_bias":{},"modalities":["text"],"parallel_tool_calls":true,"stream":null}
            """));

        Assert.Equal("m", request.Model);
        Assert.Equal(new GenerationOptions
        {
            NumPredict = 7,
            Seed = 5,
            Temperature = 0.5f,
            TopP = 0.25f,
            FrequencyPenalty = 1.5f,
            PresencePenalty = -1,
            Stop = request.Options.Stop,
        }, request.Options);
        Assert.Equal(["a", "b"], request.Options.Stop!);
        Assert.True(request.Logprobs);
        Assert.Equal(3, request.TopLogprobs);
        Assert.Equal("max", request.Think);
        Assert.Equal("""{"type":"object"}""", request.Format!.Schema!.Value.GetRawText());
        Assert.Equal("f", request.Tools!.Value[0].GetProperty("function").GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("\"tool_choice\":\"required\"", "f g", true, null, false)]
    [InlineData("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}},\"parallel_tool_calls\":false", "f g", true, "g", true)]
    [InlineData("\"parallel_tool_calls\":false,\"tool_choice\":\"auto\"", "f g", false, null, true)]
    [InlineData("\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]}}", "g", true, null, false)]
    public async Task A_choice_of_tools_is_the_engines(string fields, string shown, bool required, string? name, bool single)
    {
        var request = Assert.IsType<ChatRequest>(await SentAsync("/v1/chat/completions", $$$"""
            {"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],{{{fields}}}}
            """));

        Assert.Equal(shown, string.Join(' ', request.Tools!.Value.EnumerateArray().Select(tool => tool.GetProperty("function").GetProperty("name").GetString())));
        Assert.Equal(new ToolChoice { Required = required, Name = name, Single = single }, request.ToolChoice);
    }

    [Fact]
    public async Task What_is_not_said_is_what_Ollama_has_there()
    {
        var request = Assert.IsType<ChatRequest>(await SentAsync("/v1/chat/completions", """{"model":"m","messages":[{"role":"user","content":"x"}],"stop":[]}"""));

        Assert.Equal(new GenerationOptions { Temperature = 1, TopP = 1 }, request.Options);
        Assert.Null(request.Think);
        Assert.Null(request.Format);
        Assert.Null(request.Tools);
        Assert.True(request.Truncate);
    }

    [Theory]
    [InlineData("\"reasoning_effort\":\"none\"", "false")]
    [InlineData("\"reasoning_effort\":\"minimal\"", "low")]
    [InlineData("\"reasoning_effort\":\"high\"", "high")]
    [InlineData("\"reasoning\":{\"effort\":\"ultra\"}", "max")]
    [InlineData("\"reasoning\":{\"effort\":\"low\"},\"reasoning_effort\":\"high\"", "low")]
    [InlineData("\"reasoning\":{}", null)]
    public async Task An_effort_becomes_the_engines_scale(string field, string? think)
    {
        var request = await SentAsync("/v1/chat/completions", $$"""{"model":"m","messages":[{"role":"user","content":"x"}],{{field}}}""");

        Assert.Equal(think, request.Think);
    }

    [Fact]
    public async Task Tools_that_may_not_be_used_are_not_offered()
    {
        var request = Assert.IsType<ChatRequest>(await SentAsync("/v1/chat/completions",
            """{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none"}"""));

        Assert.Null(request.Tools);
    }

    [Fact]
    public async Task The_turns_of_a_chat_with_images_and_tools_become_the_engines()
    {
        var request = Assert.IsType<ChatRequest>(await SentAsync("/v1/chat/completions", """
            {"model":"m","messages":[
              {"role":"developer","content":"Be short."},
              {"role":"User","content":[{"type":"text","text":"What is"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AQID","detail":"low"}},{"type":"text","text":"this?"}]},
              {"role":"assistant","content":null,"reasoning":"hm","tool_calls":[
                {"id":"c1","type":"function","function":{"name":"look","arguments":"{\"at\": [1, 2]}"}},
                {"id":"c2","type":"function","function":{"name":"ask","arguments":""}}]},
              {"role":"tool","tool_call_id":"c2","content":"no"},
              {"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"a cat"}]},
              {"role":"function","name":"old","content":"x"}]}
            """));

        Assert.Equal(["system", "user", "assistant", "tool", "tool", "tool"], request.Messages.Select(message => message.Role));
        Assert.Equal(["Be short.", "What is\n\nthis?", "", "no", "a cat", "x"], request.Messages.Select(message => message.Content));
        Assert.Equal([null, null, null, "ask", "look", "old"], request.Messages.Select(message => message.ToolName));
        Assert.Equal([1, 2, 3], Assert.Single(request.Messages[1].Images).ToArray());
        Assert.Equal("hm", request.Messages[2].Thinking);
        Assert.Equal(
            """[{"id":"c1","function":{"index":0,"name":"look","arguments":{"at":[1,2]}}},{"id":"c2","function":{"index":1,"name":"ask","arguments":{}}}]""",
            request.Messages[2].ToolCalls!.Value.GetRawText());
    }

    [Theory]
    [InlineData("\"x\"")]
    [InlineData("[\"x\"]")]
    public async Task A_completion_is_of_one_text(string prompt)
    {
        var request = Assert.IsType<GenerateRequest>(await SentAsync("/v1/completions",
            $$"""{"model":"m","prompt":{{prompt}},"suffix":"s","logprobs":2,"stop":"z","max_tokens":3,"top_p":0.5,"best_of":1,"echo":false}"""));

        Assert.Equal("x", request.Prompt);
        Assert.Equal("s", request.Suffix);
        Assert.True(request.Logprobs);
        Assert.Equal(2, request.TopLogprobs);
        Assert.Equal(["z"], request.Options.Stop!);
        Assert.Equal(3, request.Options.NumPredict);
        Assert.Equal(0.5f, request.Options.TopP);
    }

    [Fact]
    public async Task The_items_of_a_response_become_turns()
    {
        var request = Assert.IsType<ChatRequest>(await SentAsync("/v1/responses", """
            {"model":"m","instructions":"Be short.","max_output_tokens":5,"truncation":"disabled","reasoning":{"effort":"low","summary":"auto"},
             "text":{"format":{"type":"json_object"},"verbosity":"medium"},"include":["reasoning.encrypted_content"],"store":false,
             "tools":[{"type":"function","name":"f","description":"d","strict":true,"parameters":{"type":"object"}}],
             "input":[
               {"role":"user","content":"Hi"},
               {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"hm"},
               {"type":"message","role":"assistant","content":[{"type":"output_text","text":"Wait."}]},
               {"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}"},
               {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
               {"type":"function_call_output","call_id":"c1","output":"one"},
               {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"two"}]},
               {"type":"message","role":"user","content":[{"type":"input_text","text":"And"},{"type":"input_image","image_url":"data:image/png;base64,AQID"}]},
               {"type":"reasoning","summary":[{"type":"summary_text","text":"so"}]}]}
            """));

        Assert.Equal(["system", "user", "assistant", "tool", "tool", "user", "assistant"], request.Messages.Select(message => message.Role));
        Assert.Equal(["Be short.", "Hi", "Wait.", "one", "two", "And", ""], request.Messages.Select(message => message.Content));
        Assert.Equal([null, null, "hm", null, null, null, "so"], request.Messages.Select(message => message.Thinking));
        Assert.Equal([null, null, null, "f", "g", null, null], request.Messages.Select(message => message.ToolName));
        Assert.Equal("""[{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":1}}},{"id":"c2","function":{"index":1,"name":"g","arguments":{}}}]""",
            request.Messages[2].ToolCalls!.Value.GetRawText());
        Assert.Single(request.Messages[5].Images);
        Assert.Equal("""[{"type":"function","function":{"name":"f","description":"d","strict":true,"parameters":{"type":"object"}}}]""", request.Tools!.Value.GetRawText());
        Assert.Equal(OutputFormat.Json, request.Format);
        Assert.Equal("low", request.Think);
        Assert.False(request.Truncate);
        Assert.Equal(new GenerationOptions { NumPredict = 5, Temperature = 1 }, request.Options);
    }

    [Fact]
    public async Task What_the_assistant_said_behind_its_calls_belongs_to_their_turn()
    {
        var request = Assert.IsType<ChatRequest>(await SentAsync("/v1/responses", """
            {"model":"m","input":[
               {"role":"user","content":"Hi"},
               {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
               {"type":"message","role":"assistant","content":"Looking."},
               {"type":"function_call_output","call_id":"c1","output":"one"}]}
            """));

        Assert.Equal(["user", "assistant", "tool"], request.Messages.Select(message => message.Role));
        Assert.Equal("Looking.", request.Messages[1].Content);
        Assert.NotNull(request.Messages[1].ToolCalls);
    }

    [Fact]
    public async Task Unknown_fields_are_passed_over_and_named()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());

        using var response = await gateway.PostAsync("/v1/chat/completions",
            """{"model":"m","messages":[{"role":"user","content":"x"}],"user":"u","chat_id":5,"b\r\nad":1,"nothing":null}""");

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal("chat_id, b??ad", Assert.Single(response.Headers.GetValues("X-Chasqui-Passed-Over")));
    }

    [Fact]
    public async Task A_templated_prompt_can_be_asked_for()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (request, _) => RenderedAsync(request) });

        using var response = await gateway.PostAsync("/v1/chat/completions", """{"model":"m","messages":[{"role":"user","content":"x"}],"_debug_render_only":true,"stream":true}""");
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        Assert.Equal("templated", answer.RootElement.GetProperty("_debug_info").GetProperty("rendered_template").GetString());
        Assert.Equal(JsonValueKind.Null, answer.RootElement.GetProperty("choices")[0].GetProperty("finish_reason").ValueKind);
    }

    private static async IAsyncEnumerable<GenerationUpdate> RenderedAsync(GenerationRequest request)
    {
        await Task.Yield();
        Assert.True(request.RenderOnly);
        yield return new GenerationUpdate { RenderedPrompt = "templated", Result = new GenerationResult { Reason = FinishReason.Stop } };
    }

    private static async Task<GenerationRequest> SentAsync(string path, string body)
    {
        GenerationRequest? sent = null;
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (request, token) =>
            {
                sent = request;
                return ScriptedEngine.TokensAsync(["Hi"], token);
            },
        });
        using var response = await gateway.PostAsync(path, body);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return sent!;
    }
}
