using System.Text.Json;

namespace Chasqui.Server.Tests;

/// <summary>What is refused before an engine sees it, by its name. The engine behind these gateways refuses everything.</summary>
public sealed class BadOpenAiRequestTests
{
    private const string Chat = "/v1/chat/completions";
    private const string Completions = "/v1/completions";
    private const string Embeddings = "/v1/embeddings";
    private const string Responses = "/v1/responses";

    [Theory]
    [InlineData(Chat, "", null, "missing request body")]
    [InlineData(Chat, "[]", null, "the request must be a JSON object, not an array")]
    [InlineData(Responses, "hello", null, "invalid character 'h' looking for beginning of value")]
    [InlineData(Chat, "{}", "model", "model is required")]
    [InlineData(Completions, """{"prompt":"x"}""", "model", "model is required")]
    [InlineData(Embeddings, """{"input":"x"}""", "model", "model is required")]
    [InlineData(Responses, """{"input":"x"}""", "model", "model is required")]
    [InlineData(Chat, """{"model":5}""", "model", "\"model\" must be a string, not a number")]
    [InlineData(Chat, """{"model":"m"}""", null, "[] is too short - 'messages'")]
    [InlineData(Chat, """{"model":"m","stream":"yes"}""", "stream", "\"stream\" must be a boolean, not a string")]
    [InlineData(Chat, """{"model":"m","stream_options":[]}""", "stream_options", "\"stream_options\" must be an object, not an array")]
    [InlineData(Chat, """{"model":"m","messages":"x"}""", "messages", "\"messages\" must be an array, not a string")]
    [InlineData(Chat, """{"model":"m","messages":["x"]}""", "messages", "\"messages\" must be an object, not a string")]
    [InlineData(Chat, """{"model":"m","messages":[{"content":"x"}]}""", "messages", "a message needs a \"role\": system, developer, user, assistant or tool")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user"}]}""", null, "invalid message content type: <nil>")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":{}}]}""", null, "invalid message content type: map[string]interface {}")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":true}]}""", null, "invalid message content type: bool")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":["x"]}]}""", null, "invalid message format")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]}""", null, "invalid message format")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}""", null, "invalid message format")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}""", "messages",
        "parts of type \"input_audio\" are not supported: text and image_url are")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}""", "messages",
        "image URLs are not currently supported, please use base64 encoded data instead")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AA=="}}]}]}""", "messages",
        "invalid image input: a data: URL with a jpeg, png or webp in base64 is expected")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":"data:image/png;base64,!"}]}]}""", "messages",
        "invalid image input: a data: URL with a jpeg, png or webp in base64 is expected")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{"}}]}]}""", "messages",
        "invalid tool call arguments: the text of a JSON object is expected")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"[]"}}]}]}""", "messages",
        "invalid tool call arguments: the text of a JSON object is expected")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"custom"}]}]}""", "messages",
        "tool calls of type \"custom\" are not supported: those of type \"function\" are")]
    [InlineData(Chat, """{"model":"m","tools":{}}""", "tools", "\"tools\" must be an array, not an object")]
    [InlineData(Chat, """{"model":"m","tools":[{"type":"function"}]}""", "tools", "a tool needs a \"function\" with a \"name\"")]
    [InlineData(Chat, """{"model":"m","tools":[{"type":"web_search"}]}""", "tools", "tools of type \"web_search\" are not supported: those of type \"function\" are")]
    [InlineData(Chat, """{"model":"m","tool_choice":"always"}""", "tool_choice",
        "\"tool_choice\" must be \"auto\", \"none\", \"required\", or an object that names a function or allowed tools")]
    [InlineData(Chat, """{"model":"m","tool_choice":{"type":"function"}}""", "tool_choice", "\"tool_choice\" needs the \"name\" of a function")]
    [InlineData(Chat, """{"model":"m","tool_choice":{"type":"custom","custom":{"name":"f"}}}""", "tool_choice",
        "\"tool_choice\" of type \"custom\" is not supported: the tool must be one of type \"function\"")]
    [InlineData(Chat, """{"model":"m","response_format":"json"}""", "response_format", "\"response_format\" must be an object, not a string")]
    [InlineData(Chat, """{"model":"m","response_format":{"type":"grammar"}}""", "response_format",
        "\"response_format\" of type \"grammar\" is not supported: text, json_object and json_schema are")]
    [InlineData(Chat, """{"model":"m","response_format":{"type":"json_schema"}}""", "response_format",
        "\"response_format\" of type \"json_schema\" needs a \"json_schema\" with a \"schema\"")]
    [InlineData(Chat, """{"model":"m","response_format":{"type":"json_schema","json_schema":{}}}""", "response_format",
        "\"response_format\" of type \"json_schema\" needs a \"schema\", an object")]
    [InlineData(Chat, """{"model":"m","top_p":"x"}""", "top_p", "\"top_p\" must be a number, not a string")]
    [InlineData(Chat, """{"model":"m","max_tokens":1.5}""", "max_tokens", "\"max_tokens\" must be a whole number, not 1.5")]
    [InlineData(Chat, """{"model":"m","seed":1.5}""", "seed", "\"seed\" must be a whole number, not 1.5")]
    [InlineData(Chat, """{"model":"m","stop":5}""", "stop", "\"stop\" must be a string or an array of strings, not a number")]
    [InlineData(Chat, """{"model":"m","stop":["a",5]}""", "stop", "\"stop\" must be a string or an array of strings, not a number")]
    [InlineData(Chat, """{"model":"m","top_logprobs":21}""", "top_logprobs", "top_logprobs must be between 0 and 20")]
    [InlineData(Chat, """{"model":"m","n":2}""", "n", "\"n\" is not supported except as 1: a request has one answer")]
    [InlineData(Chat, """{"model":"m","logit_bias":{"5":1}}""", "logit_bias", "\"logit_bias\" is not supported except empty")]
    [InlineData(Chat, """{"model":"m","audio":{}}""", "audio", "\"audio\" is not supported: answers are text")]
    [InlineData(Chat, """{"model":"m","modalities":["text","audio"]}""", "modalities", "\"modalities\" is not supported except as [\"text\"]")]
    [InlineData(Chat, """{"model":"m","functions":[{"name":"f"}]}""", "functions", "\"functions\" is not supported: use \"tools\"")]
    [InlineData(Chat, """{"model":"m","function_call":{"name":"f"}}""", "function_call", "\"function_call\" is not supported: use \"tool_choice\"")]
    [InlineData(Chat, """{"model":"m","prediction":{}}""", "prediction", "\"prediction\" is not supported: leave it out")]
    [InlineData(Chat, """{"model":"m","web_search_options":{}}""", "web_search_options", "\"web_search_options\" is not supported: there is no search behind this gateway")]
    [InlineData(Completions, """{"model":"m","prompt":5}""", "prompt", "\"prompt\" must be a string, not a number")]
    [InlineData(Completions, """{"model":"m","prompt":[1,2]}""", "prompt", "\"prompt\" must be one text: token ids are not supported")]
    [InlineData(Completions, """{"model":"m","prompt":[]}""", "prompt", "\"prompt\" must be one text: token ids are not supported")]
    [InlineData(Completions, """{"model":"m","prompt":"x","best_of":2}""", "best_of", "\"best_of\" is not supported except as 1: a request has one answer")]
    [InlineData(Completions, """{"model":"m","prompt":"x","logprobs":21}""", "logprobs", "logprobs must be between 0 and 20")]
    [InlineData(Completions, """{"model":"m","prompt":"x","logprobs":true}""", "logprobs", "\"logprobs\" must be a whole number, not a boolean")]
    [InlineData(Embeddings, """{"model":"m"}""", null, "invalid input")]
    [InlineData(Embeddings, """{"model":"m","input":[1,"a"]}""", "input", "a token id of \"input\" must be a whole number of at least 0, not \"a\"")]
    [InlineData(Embeddings, """{"model":"m","input":[[1,-2]]}""", "input", "a token id of \"input\" must be a whole number of at least 0, not -2")]
    [InlineData(Embeddings, """{"model":"m","input":[[1.5]]}""", "input", "a token id of \"input\" must be a whole number of at least 0, not 1.5")]
    [InlineData(Embeddings, """{"model":"m","input":[[1],"a"]}""", "input", "\"input\" must be a string, an array of strings, an array of token ids or an array of such arrays, not a string")]
    [InlineData(Embeddings, """{"model":"m","input":["a",1]}""", "input", "\"input\" must be a string, an array of strings, an array of token ids or an array of such arrays, not a number")]
    [InlineData(Embeddings, """{"model":"m","input":{}}""", "input", "\"input\" must be a string, an array of strings, an array of token ids or an array of such arrays, not an object")]
    [InlineData(Embeddings, """{"model":"m","input":"x","dimensions":"4"}""", "dimensions", "\"dimensions\" must be a whole number, not a string")]
    [InlineData(Responses, """{"model":"m","input":5}""", "input", "\"input\" must be a string or an array of items, not a number")]
    [InlineData(Responses, """{"model":"m","input":["x"]}""", "input", "an item of \"input\" must be an object with a \"type\"")]
    [InlineData(Responses, """{"model":"m","input":[{}]}""", "input", "an item of \"input\" needs a \"type\" or a \"role\"")]
    [InlineData(Responses, """{"model":"m","input":[{"type":"item_reference"}]}""", "input", "an item of type \"item_reference\" needs an \"id\"")]
    [InlineData(Responses, """{"model":"m","input":"x","metadata":5}""", "metadata", "\"metadata\" must be an object, not a number")]
    [InlineData(Responses, """{"model":"m","input":"x","store":"yes"}""", "store", "\"store\" must be a boolean, not a string")]
    [InlineData(Chat, """{"model":"m","previous_response_id":"x"}""", "previous_response_id", "\"previous_response_id\" is not supported: it is for /v1/responses")]
    [InlineData(Responses, """{"model":"m","input":[{"role":"user","content":[{"type":"input_file"}]}]}""", "input",
        "parts of type \"input_file\" are not supported: input_text, output_text and input_image are")]
    [InlineData(Responses, """{"model":"m","input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]}""", "input",
        "an input_image needs an \"image_url\" with the image in base64: no files are stored")]
    [InlineData(Responses, """{"model":"m","conversation":"c"}""", "conversation",
        "\"conversation\" is not supported: there are no conversations here: use \"previous_response_id\", or send the whole conversation as \"input\"")]
    [InlineData(Responses, """{"model":"m","background":true}""", "background", "\"background\" is not supported except as false: send the request and wait")]
    [InlineData(Responses, """{"model":"m","prompt":{"id":"x"}}""", "prompt", "\"prompt\" is not supported: no templates are stored: send the text as \"input\"")]
    [InlineData(Responses, """{"model":"m","tool_choice":{"type":"web_search"}}""", "tool_choice",
        "\"tool_choice\" is not supported: no tool of type \"web_search\" runs here; use one of type \"function\" or \"custom\", or \"auto\"")]
    [InlineData(Responses, """{"model":"m","tools":[{"type":"namespace","name":"n"}]}""", "tools", "a tool of type \"namespace\" needs \"tools\", an array")]
    [InlineData(Responses, """{"model":"m","tools":[{"type":"custom"}]}""", "tools", "a tool needs a \"name\"")]
    [InlineData(Responses, """{"model":"m","tools":[{"name":"n__f"},{"type":"namespace","name":"n","tools":[{"name":"f"}]}]}""", "tools",
        "two tools are called \"n__f\"; give each a name of its own")]
    [InlineData(Responses, """{"model":"m","input":[{"type":"computer_call"}]}""", "input",
        "items of type \"computer_call\" are not supported: message, function_call, function_call_output, custom_tool_call, custom_tool_call_output and reasoning are")]
    [InlineData(Responses, """{"model":"m","top_logprobs":21}""", "top_logprobs", "top_logprobs must be between 0 and 20")]
    [InlineData(Responses, """{"model":"m","input":"x","tools":[{"type":"function","name":"f","parameters":{"type":"array"}}]}""", "tools",
        "\"parameters\" of the function \"f\" must be a schema of type \"object\", not \"array\"")]
    [InlineData(Responses, """{"model":"m","input":"x","tools":[{"type":"namespace","name":"n","tools":[{"type":"function","name":"f","parameters":{"type":"string"}}]}]}""", "tools",
        "\"parameters\" of the function \"f\" must be a schema of type \"object\", not \"string\"")]
    [InlineData(Chat, """{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"type":["array","null"]}}}]}""", "tools",
        "\"parameters\" of the function \"f\" must be a schema of type \"object\", not \"[\"array\",\"null\"]\"")]
    [InlineData(Responses, """{"model":"m","truncation":"some"}""", "truncation", "\"truncation\" must be \"auto\" or \"disabled\", not \"some\"")]
    [InlineData(Responses, """{"model":"m","tools":[{"type":"function"}]}""", "tools", "a tool needs a \"name\"")]
    [InlineData(Responses, """{"model":"m","text":{"format":{"type":"json_schema"}}}""", "text.format", "\"text.format\" of type \"json_schema\" needs a \"schema\", an object")]
    public async Task Each_is_refused_in_the_form_of_the_API(string path, string body, string? parameter, string message)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());

        using var response = await gateway.PostAsync(path, body);
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        Assert.Equal(400, (int)response.StatusCode);
        var error = Assert.Single(answer.RootElement.EnumerateObject(), member => member.Name == "error").Value;
        Assert.Equal(message, error.GetProperty("message").GetString());
        Assert.Equal(parameter, error.GetProperty("param").GetString());
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
        Assert.Equal(JsonValueKind.Null, error.GetProperty("code").ValueKind);
    }

    [Theory]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":"x"}]}""", "model 'm' not found")]
    [InlineData(Chat, """{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}""", "model 'm' not found")]
    [InlineData(Completions, """{"model":"m","prompt":"x"}""", "model 'm' not found")]
    [InlineData(Completions, """{"model":"m"}""", "model 'm' not found")]
    [InlineData(Embeddings, """{"model":"m","input":"x"}""", "model \"m\" not found, try pulling it first")]
    [InlineData(Responses, """{"model":"m","input":"x","stream":true}""", "model 'm' not found")]
    [InlineData(Responses, """{"model":"m"}""", "model 'm' not found")]
    public async Task A_missing_model_has_a_status_of_its_own(string path, string body, string message)
    {
        await using var gateway = await RunningGateway.StartAsync(Failing(() => new ModelNotFoundException("m", [])));

        using var response = await gateway.PostAsync(path, body);

        Assert.Equal(404, (int)response.StatusCode);
        Assert.Equal($$$"""{"error":{"message":"{{{message.Replace("\"", "\\\"", StringComparison.Ordinal)}}}","type":"not_found_error","param":null,"code":null}}""" + "\n",
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Too_many_requests_are_told_when_to_come_again()
    {
        await using var gateway = await RunningGateway.StartAsync(Failing(() => new EngineOverloadedException("full") { RetryAfter = TimeSpan.FromSeconds(2.5) }));

        using var response = await gateway.PostAsync(Chat, """{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}""");

        Assert.Equal(503, (int)response.StatusCode);
        Assert.Equal("3", Assert.Single(response.Headers.GetValues("Retry-After")));
        Assert.Equal("""{"error":{"message":"full","type":"api_error","param":null,"code":null}}""" + "\n",
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_option_out_of_its_range_is_named_as_the_client_named_it()
    {
        await using var gateway = await RunningGateway.StartAsync(Failing(() => new InvalidOptionException("num_predict", "9", "less")));

        using var response = await gateway.PostAsync(Chat, """{"model":"m","messages":[{"role":"user","content":"x"}]}""");
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal("max_tokens", answer.RootElement.GetProperty("error").GetProperty("param").GetString());
    }

    [Theory]
    [InlineData("GET", Chat, 405, "405 method not allowed")]
    [InlineData("POST", "/v1/models", 405, "405 method not allowed")]
    [InlineData("DELETE", "/v1/models/a/b:c", 405, "405 method not allowed")]
    [InlineData("GET", "/v1/nope", 404, "404 page not found")]
    public async Task Paths_and_methods_that_there_are_not_are_answered_as_Ollama_answers_them(string method, string path, int status, string text)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var response = await gateway.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(text, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("/v1/models/hf.co/a/b:c", "hf.co/a/b:c")]
    [InlineData("/v1/models/hf.co%2Fa%2Fb%3Ac", "hf.co/a/b:c")]
    [InlineData("/v1/models/m", "m:latest")]
    public async Task A_models_name_may_have_slashes_and_colons(string path, string told)
    {
        var name = told.Replace(":latest", "", StringComparison.Ordinal);
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Failure = () => new ModelNotFoundException(name, []) });

        using var response = await gateway.GetAsync(path);

        Assert.Equal(404, (int)response.StatusCode);
        Assert.Contains($"model '{told}' not found", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static ScriptedEngine Failing(Func<Exception> failure) => new()
    {
        Failure = failure,
        Answer = (_, token) => ScriptedEngine.FailAfterAsync([], failure(), token),
    };
}
