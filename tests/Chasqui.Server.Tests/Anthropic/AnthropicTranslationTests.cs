using System.Text.Json;

namespace Chasqui.Server.Tests;

/// <summary>What a request in Anthropic's form is to an engine.</summary>
public sealed class AnthropicTranslationTests
{
    private const string Pixel = "iVBORw0KGgo=";

    private static readonly string[] _bothForms = ["/v1/messages", "/v1/messages/count_tokens"];

    [Fact]
    public async Task A_conversation_with_tools_becomes_turns_in_their_order()
    {
        var request = await TranslateAsync(
            """
            {"model":"m","max_tokens":9,"system":[{"type":"text","text":"Be ","cache_control":{"type":"ephemeral"}},{"type":"text","text":"brief."}],"messages":[
              {"role":"user","content":"Weather in Lima and Cusco?"},
              {"role":"assistant","content":[
                {"type":"thinking","thinking":"Two calls.","signature":"x"},
                {"type":"text","text":"Let me look."},
                {"type":"tool_use","id":"t1","name":"weather","input":{"city":"Lima"}},
                {"type":"tool_use","id":"t2","name":"height","input":{"city":"Cusco"}}]},
              {"role":"user","content":[
                {"type":"text","text":"And "},
                {"type":"tool_result","tool_use_id":"t2","content":[{"type":"text","text":"3,"},{"type":"text","text":"399 m"}]},
                {"type":"tool_result","tool_use_id":"t1","content":"18 degrees","is_error":false},
                {"type":"text","text":"now?"}]}]}
            """);

        Assert.Equal(["system", "user", "assistant", "tool", "tool", "user"], request.Messages.Select(turn => turn.Role));
        Assert.Equal(["Be brief.", "Weather in Lima and Cusco?", "Let me look.", "3,399 m", "18 degrees", "And now?"], request.Messages.Select(turn => turn.Content));
        Assert.Equal("Two calls.", request.Messages[2].Thinking);
        Assert.Equal(
            """[{"id":"t1","function":{"index":0,"name":"weather","arguments":{"city":"Lima"}}},{"id":"t2","function":{"index":1,"name":"height","arguments":{"city":"Cusco"}}}]""",
            request.Messages[2].ToolCalls!.Value.GetRawText());
        Assert.Equal(["height", "weather"], request.Messages.Where(turn => turn.Role == "tool").Select(turn => turn.ToolName!));
        Assert.Equal(9, request.Options.NumPredict);
    }

    [Fact]
    public async Task Options_tools_and_images_become_those_of_the_engine()
    {
        var request = await TranslateAsync(
            $$$$"""
            {"model":"m","max_tokens":7,"temperature":0.25,"top_p":0.5,"top_k":3,"stop_sequences":["a","b"],
             "tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"x":{"type":"string"}}},"cache_control":{"type":"ephemeral"}},
                      {"type":"custom","name":"g","input_schema":{"type":"object"}}],
             "tool_choice":{"type":"auto"},"metadata":{"user_id":"u"},"service_tier":"auto","mcp_servers":[],"container":null,
             "messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"{{{{Pixel}}}}"}},{"type":"text","text":"What?"}]}]}
            """);

        Assert.Equal((0.25f, 0.5f, 3, 7), (request.Options.Temperature, request.Options.TopP, request.Options.TopK, request.Options.NumPredict));
        Assert.Equal(["a", "b"], request.Options.Stop);
        Assert.Equal(
            """
            [{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"x":{"type":"string"}}}}},{"type":"function","function":{"name":"g","parameters":{"type":"object"}}}]
            """.Trim(), request.Tools!.Value.GetRawText());
        Assert.Equal(Convert.FromBase64String(Pixel), Assert.Single(Assert.Single(request.Messages).Images).ToArray());
    }

    [Theory]
    [InlineData("""
        "thinking":{"type":"enabled","budget_tokens":1024}
        """, "true")]
    [InlineData("""
        "thinking":{"type":"disabled"}
        """, "false")]
    [InlineData("""
        "thinking":{"type":"adaptive"}
        """, null)]
    [InlineData("""
        "thinking":{"type":"adaptive"},"output_config":{"effort":"low"}
        """, "low")]
    [InlineData("""
        "output_config":{"effort":"xhigh"}
        """, "high")]
    [InlineData("""
        "thinking":{"type":"disabled"},"output_config":{"effort":"max"}
        """, "false")]
    public async Task Thinking_and_effort_become_how_the_engine_is_to_think(string fields, string? think)
    {
        var request = await TranslateAsync($$"""{"model":"m","max_tokens":9,{{fields}},"messages":[{"role":"user","content":"x"}]}""");

        Assert.Equal(think, request.Think);
    }

    [Theory]
    [InlineData("output_format", """{"type":"json_schema","schema":{"type":"object"}}""")]
    [InlineData("output_config", """{"format":{"type":"json_schema","schema":{"type":"object"}}}""")]
    public async Task A_schema_becomes_the_shape_of_the_answer(string field, string value)
    {
        var request = await TranslateAsync($$"""{"model":"m","max_tokens":9,"{{field}}":{{value}},"messages":[{"role":"user","content":"x"}]}""");

        Assert.Equal("""{"type":"object"}""", request.Format!.Schema!.Value.GetRawText());
    }

    [Theory]
    [InlineData("""{"type":"any"}""", true, null, false)]
    [InlineData("""{"type":"tool","name":"f","disable_parallel_tool_use":true}""", true, "f", true)]
    [InlineData("""{"type":"auto","disable_parallel_tool_use":true}""", false, null, true)]
    public async Task A_choice_of_tools_is_the_engines(string choice, bool required, string? name, bool single)
    {
        var request = await TranslateAsync(
            $$"""{"model":"m","max_tokens":9,"tools":[{"name":"f","input_schema":{"type":"object"},"strict":true}],"tool_choice":{{choice}},"messages":[{"role":"user","content":"x"}]}""");

        Assert.Equal(new ToolChoice { Required = required, Name = name, Single = single }, request.ToolChoice);
        Assert.True(request.Tools!.Value[0].GetProperty("function").GetProperty("strict").GetBoolean());
    }

    [Fact]
    public async Task The_clients_characters_stay_as_they_are()
    {
        var request = await TranslateAsync("""
            {"model":"m","max_tokens":9,"tools":[{"name":"f","description":"<é>","input_schema":{"type":"object","description":"a<b & 中"}}],"messages":[{"role":"user","content":"hi"},
              {"role":"assistant","content":[{"type":"redacted_thinking","data":"x"},{"type":"tool_use","id":"t1","name":"f","input":{"c":"if (a<b && c>d) é中😀 |"}}]},
              {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"<ok>"}]}]}
            """);

        Assert.Contains("{\"c\":\"if (a<b && c>d) é中\U0001F600\u00A0|\"}", request.Messages[1].ToolCalls!.Value.GetRawText(), StringComparison.Ordinal);
        Assert.Contains("a<b & 中", request.Tools!.Value.GetRawText(), StringComparison.Ordinal);
        Assert.Equal("<ok>", request.Messages[2].Content);
    }

    [Fact]
    public async Task With_the_choice_none_the_model_sees_no_tools()
    {
        var request = await TranslateAsync(
            """{"model":"m","max_tokens":9,"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"none"},"messages":[{"role":"user","content":"x"}]}""");

        Assert.Null(request.Tools);
    }

    public static TheoryData<string, string> Refusals => new()
    {
        { """{"messages":[{"role":"user","content":"x"}]}""", "model is required" },
        { """{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"f","input_schema":{"type":"array"}}]}""", "tools.0.input_schema.type must be \"object\", not \"array\"" },
        { """{"model":5}""", "\"model\" must be a string, not a number" },
        { """[]""", "the request must be a JSON object, not an array" },
        { """{"model":"m","max_tokens":9}""", "messages is required" },
        { """{"model":"m","max_tokens":9,"messages":[]}""", "messages is required" },
        { """{"model":"m","messages":"x"}""", "\"messages\" must be an array, not a string" },
        { With("""{"role":"robot","content":"x"}"""), "messages.0: role must be \"user\" or \"assistant\", not \"robot\"" },
        { With("""{"role":"user"}"""), "messages.0: a message needs \"content\", a string or an array of blocks" },
        { With("""{"role":"user","content":5}"""), "messages.0: \"content\" must be a string or an array of blocks, not a number" },
        { With("""{"role":"user","content":["x"]}"""), "messages.0: \"content\" must be an array of blocks, each an object with a \"type\", not a string" },
        { With("""{"role":"user","content":"x"},{"role":"user","content":[{"type":"document","source":{}}]}"""), "messages.1: a block of type \"document\" is not supported here; use text, image, tool_use, tool_result, thinking or redacted_thinking" },
        { With("""{"role":"user","content":[{"type":"search_result"}]}"""), "messages.0: a block of type \"search_result\" is not supported here" },
        { With("""{"role":"assistant","content":[{"type":"server_tool_use"}]}"""), "messages.0: a block of type \"server_tool_use\" is not supported here" },
        { With("""{"role":"user","content":[{"type":"image","source":{"type":"url","url":"http://x"}}]}"""), "messages.0: invalid image source type: url. Only base64 images are supported." },
        { With("""{"role":"user","content":[{"type":"image"}]}"""), "messages.0: an image block needs a \"source\"" },
        { With("""{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"*"}}]}"""), "messages.0: illegal base64 data at input byte 0" },
        { With("""{"role":"assistant","content":[{"type":"tool_use","name":"f"}]}"""), "messages.0: tool_use block missing required 'id' field" },
        { With("""{"role":"assistant","content":[{"type":"tool_use","id":"t"}]}"""), "messages.0: tool_use block missing required 'name' field" },
        { With("""{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":[]}]}"""), "messages.0: \"input\" must be an object, not an array" },
        { With("""{"role":"user","content":[{"type":"tool_use","id":"t","name":"f"}]}"""), "messages.0: a block of type \"tool_use\" belongs in a message of the role \"assistant\"" },
        { With("""{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}"""), "messages.0: tool_use_id \"t\" is not the id of a tool_use block of an earlier message" },
        { Field("\"temperature\":\"hot\""), "\"temperature\" must be a number, not a string" },
        { Field("\"temperature\":1e999"), "option \"temperature\" is" },
        { Field("\"top_p\":2"), "option \"top_p\" is 2, but must be a number from 0 to 1" },
        { Field("\"top_k\":1.5"), "\"top_k\" must be a whole number, not 1.5" },
        { Field("\"stop_sequences\":\"x\""), "\"stop_sequences\" must be an array, not a string" },
        { Field("\"stop_sequences\":[\"\"]"), "stop_sequences must hold texts of at least one character" },
        { Field("\"system\":5"), "\"system\" must be a string or an array of text blocks, not a number" },
        { Field("\"system\":[{\"type\":\"image\"}]"), "system: a block must be of type \"text\", not \"image\"" },
        { Field("\"tools\":[{\"input_schema\":{}}]"), "tools.0: a tool needs a \"name\"" },
        { Field("\"tools\":[{\"name\":\"f\"}]"), "tools.0: a tool needs an \"input_schema\"" },
        { Field("\"tool_choice\":{\"type\":\"tool\"}"), "tool_choice of type \"tool\" needs the \"name\" of a tool" },
        { Field("\"tool_choice\":{\"type\":\"maybe\"}"), "tool_choice.type must be \"auto\", \"any\", \"tool\" or \"none\", not \"maybe\"" },
        { Field("\"thinking\":{\"type\":\"deep\"}"), "thinking.type must be \"enabled\", \"disabled\", \"adaptive\" or \"between_tools\", not \"deep\"" },
        { Field("\"output_config\":{\"effort\":\"huge\"}"), "output_config.effort must be" },
        { Field("\"output_format\":{\"type\":\"text\"}"), "output_format.type must be \"json_schema\", not \"text\"" },
        { Field("\"output_format\":{\"type\":\"json_schema\"}"), "output_format needs a \"schema\"" },
        { Field("\"thread\":{\"type\":\"create\"}"), "\"thread\" is not supported here" },
        { Field("\"mcp_servers\":[{\"url\":\"http://x\"}]"), "\"mcp_servers\" is not supported here" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task What_cannot_be_done_is_refused_by_name_on_both_paths(string body, string message)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, _) => throw new InvalidOperationException("not to be asked") });

        foreach (var path in _bothForms)
        {
            using var response = await gateway.PostAsync(path, body);
            var error = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;

            Assert.Equal(400, (int)response.StatusCode);
            Assert.Equal("error", error.GetProperty("type").GetString());
            Assert.Equal("invalid_request_error", error.GetProperty("error").GetProperty("type").GetString());
            Assert.StartsWith(message, error.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
            Assert.Equal(error.GetProperty("request_id").GetString(), response.Headers.GetValues("request-id").Single());
        }
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("null")]
    public async Task An_answer_needs_a_bound(string tokens)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());

        using var response = await gateway.PostAsync("/v1/messages", $$"""{"model":"m","max_tokens":{{tokens}},"messages":[{"role":"user","content":"x"}]}""");

        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains("max_tokens is required and must be positive", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public void The_document_names_every_field_that_is_refused()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "anthropic-api.md"));

        Assert.All(RefusedFields.Refused, name => Assert.Contains($"`{name}`", document, StringComparison.Ordinal));
    }

    private static string With(string messages) => $$"""{"model":"m","max_tokens":9,"messages":[{{messages}}]}""";

    private static string Field(string field) => $$"""{"model":"m","max_tokens":9,{{field}},"messages":[{"role":"user","content":"x"}]}""";

    private static async Task<ChatRequest> TranslateAsync(string body)
    {
        ChatRequest? seen = null;
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (request, token) =>
            {
                seen = (ChatRequest)request;
                return ScriptedEngine.TokensAsync(["ok"], token);
            },
        });
        using var response = await gateway.PostAsync("/v1/messages", body);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return seen!;
    }
}
