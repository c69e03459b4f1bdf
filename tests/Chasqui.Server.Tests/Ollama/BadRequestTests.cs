using System.Text;
using System.Text.Json;

namespace Chasqui.Server.Tests;

/// <summary>What is wrong with a request before an engine sees it. The engine behind these gateways refuses everything.</summary>
public sealed class BadRequestTests
{
    [Theory]
    [InlineData("/api/generate", "", 400, "missing request body")]
    [InlineData("/api/chat", "  ", 400, "missing request body")]
    [InlineData("/api/embed", "", 400, "missing request body")]
    [InlineData("/api/show", "", 400, "missing request body")]
    [InlineData("/infer", "", 400, "missing request body")]
    [InlineData("/api/generate", "{\"model\":", 400, "unexpected EOF")]
    [InlineData("/api/chat", "hello", 400, "invalid character 'h' looking for beginning of value")]
    [InlineData("/api/chat", "[]", 400, "the request must be a JSON object, not an array")]
    [InlineData("/api/generate", "null", 404, "model '' not found")]
    [InlineData("/api/generate", """{"prompt":"x"}""", 404, "model '' not found")]
    [InlineData("/api/embed", """{"input":"x"}""", 404, "model '' not found")]
    [InlineData("/api/chat", """{"messages":[{"role":"user","content":"x"}]}""", 400, "model is required")]
    [InlineData("/api/embeddings", """{"prompt":"x"}""", 400, "model is required")]
    [InlineData("/api/show", "{}", 400, "model is required")]
    [InlineData("/infer", """{"prompt":"x"}""", 400, "\"model\" is required: send {\"model\": \"…\", \"prompt\": \"…\"}")]
    [InlineData("/infer", """{"model":"m"}""", 400, "\"prompt\" is required: send {\"model\": \"…\", \"prompt\": \"…\"}")]
    [InlineData("/api/generate", """{"model":"m","prompt":5}""", 400, "\"prompt\" must be a string, not a number")]
    [InlineData("/api/generate", """{"MODEL":5}""", 400, "\"model\" must be a string, not a number")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","stream":"no"}""", 400, "\"stream\" must be a boolean, not a string")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","options":[]}""", 400, "\"options\" must be an object, not an array")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","options":{"num_ctx":"big"}}""", 400, "option \"num_ctx\" must be of type integer")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","options":{"temperature":"hot"}}""", 400, "option \"temperature\" must be of type float32")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","options":{"stop":"x"}}""", 400, "option \"stop\" must be of type array")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","options":{"stop":[1]}}""", 400, "option \"stop\" must be of an array of strings")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","options":{"alone":1}}""", 400, "option \"alone\" must be of type boolean")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","top_logprobs":21}""", 400, "top_logprobs must be between 0 and 20")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","top_logprobs":1.5}""", 400, "\"top_logprobs\" must be a whole number, not 1.5")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","think":3}""", 400,
        "think must be a boolean or string (\"high\", \"medium\", \"low\", \"max\", true, or false)")]
    [InlineData("/api/chat", """{"model":"m","think":"extreme"}""", 400,
        "invalid think value: \"extreme\" (must be \"high\", \"medium\", \"low\", \"max\", true, or false)")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","format":"xml"}""", 400,
        "invalid format: \"\\\"xml\\\"\"; expected \"json\" or a valid JSON Schema object")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","format":5}""", 400, "invalid format: \"5\"; expected \"json\" or a valid JSON Schema object")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","keep_alive":"soon"}""", 400,
        "invalid \"keep_alive\" \"soon\": give a number of seconds, or a duration with its unit such as \"5m\" or \"1h30m\"")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","keep_alive":true}""", 400,
        "\"keep_alive\" must be a number of seconds or a duration such as \"5m\", not a boolean")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","images":["!!!"]}""", 400, "illegal base64 data at input byte 0")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","images":"x"}""", 400, "\"images\" must be an array, not a string")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","context":[1.5]}""", 400, "\"context\" must be a whole number, not 1.5")]
    [InlineData("/api/generate", """{"model":"m","prompt":"x","raw":true,"system":"s"}""", 400, "raw mode does not support template, system, or context")]
    [InlineData("/api/chat", """{"model":"m","messages":{}}""", 400, "\"messages\" must be an array, not an object")]
    [InlineData("/api/chat", """{"model":"m","messages":["x"]}""", 400, "\"messages\" must be an object, not a string")]
    [InlineData("/api/chat", """{"model":"m","messages":[{"role":"user","content":1}]}""", 400, "\"content\" must be a string, not a number")]
    [InlineData("/api/chat", """{"model":"m","tools":{}}""", 400, "\"tools\" must be an array, not an object")]
    [InlineData("/api/embed", """{"model":"m","input":5}""", 400, "invalid input type")]
    [InlineData("/api/embed", """{"model":"m","input":["a",5]}""", 400, "invalid input type")]
    public async Task Each_is_refused_in_the_form_of_the_API(string path, string body, int status, string error)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());

        using var response = await gateway.PostAsync(path, body);

        Assert.Equal(error, await ErrorAsync(response));
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("application/json; charset=utf-8", response.Content.Headers.ContentType!.ToString());
    }

    [Fact]
    public async Task A_body_of_100_MB_is_refused_and_the_process_serves_on()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var raw = await RawHttp.ConnectAsync(gateway.Address);
        const int Size = 100_000_000;

        await raw.SendAsync($"POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {Size}\r\n\r\n");
        var (status, headers) = await raw.ReadHeadAsync();
        var body = await raw.ReadAsync(int.Parse(headers["Content-Length"], System.Globalization.CultureInfo.InvariantCulture));

        // The answer came although not one byte of the body was sent.
        Assert.Equal(413, status);
        Assert.Equal("""{"error":"the request body is larger than 67108864 bytes (Http:MaxRequestBodyBytes)"}""", body);
        using var next = await gateway.PostAsync("/api/generate", """{"model":"m","prompt":"x","stream":false}""");
        Assert.Equal(200, (int)next.StatusCode);
    }

    [Fact]
    public async Task A_client_that_sends_100_MB_before_it_listens_gets_its_answer_too()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var content = new ByteArrayContent(new byte[100_000_000]);

        using var response = await gateway.Http.PostAsync(new Uri("/api/chat", UriKind.Relative), content, TestContext.Current.CancellationToken);

        Assert.Equal(413, (int)response.StatusCode);
    }

    [Fact]
    public async Task A_chunked_body_that_grows_too_large_is_refused()
    {
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine(), options => options with { Http = options.Http with { MaxRequestBodyBytes = 4096 } });
        using var raw = await RawHttp.ConnectAsync(gateway.Address);

        await raw.SendAsync("POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        var chunk = "1000\r\n" + new string('x', 4096) + "\r\n";
        await raw.SendAsync(chunk);
        await raw.SendAsync(chunk);
        await raw.SendAsync("0\r\n\r\n");
        var (status, _) = await raw.ReadHeadAsync();

        Assert.Equal(413, status);
    }

    [Fact]
    public async Task A_body_that_is_not_UTF8_is_read_with_replacement_characters()
    {
        GenerationRequest? seen = null;
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (request, token) =>
            {
                seen = request;
                return ScriptedEngine.TokensAsync(["ok"], token);
            },
        });
        using var raw = await RawHttp.ConnectAsync(gateway.Address);

        await raw.PostAsync("/api/generate", [.. "{\"model\":\"m\",\"stream\":false,\"prompt\":\"a"u8, 0xFF, .. "b\\ud800\"}"u8]);
        var (status, _) = await raw.ReadHeadAsync();

        Assert.Equal(200, status);
        Assert.Equal("a\ufffdb\ufffd", Assert.IsType<GenerateRequest>(seen).Prompt);
    }

    [Fact]
    public async Task Nesting_without_end_is_refused()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());

        using var response = await gateway.PostAsync("/api/generate", """{"model":"m","prompt":"x","format":""" + new StringBuilder().Insert(0, "{\"a\":", 100_000));

        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal("invalid JSON: more than 64 levels of nesting", await ErrorAsync(response));
    }

    [Fact]
    public async Task A_request_is_read_as_Go_reads_it()
    {
        GenerationRequest? seen = null;
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (request, token) =>
            {
                seen = request;
                return ScriptedEngine.TokensAsync(["ok"], token);
            },
        });

        using var response = await gateway.PostAsync("/api/generate", """
            {"model":"no","Model":"m","wat":1,"PROMPT":"x","stream":null,"system":null,"template":"","keep_alive":"1h30m","truncate":false,
             "options":{"num_predict":2.9,"top_k":null,"bogus":1,"Temperature":9,"seed":4294967295,"num_ctx":1e12,"alone":true},
             "options":{"temperature":0.5,"stop":["a"]}} and more
            """);

        Assert.Equal(200, (int)response.StatusCode);
        var request = Assert.IsType<GenerateRequest>(seen);
        Assert.Equal(("m", "x"), (request.Model, request.Prompt));
        Assert.Null(request.System);
        Assert.Null(request.Template);
        Assert.Equal(TimeSpan.FromMinutes(90), request.KeepAlive);
        Assert.False(request.Truncate);
        Assert.True(request.Shift);
        Assert.True(request.Alone);
        Assert.Equal(2, request.Options.NumPredict);
        Assert.Null(request.Options.TopK);
        Assert.Equal(0.5f, request.Options.Temperature);
        Assert.Equal(-1, request.Options.Seed);
        Assert.Equal(int.MaxValue, request.Options.NumCtx);
        Assert.Equal(["a"], request.Options.Stop);
    }

    [Theory]
    [InlineData("-1", -1)]
    [InlineData("-0.5", -1)]
    [InlineData("\"-5s\"", -1)]
    [InlineData("1e300", -1)]
    [InlineData("0", 0)]
    [InlineData("1.5", 1500)]
    [InlineData("\"10m\"", 600_000)]
    public async Task Keep_alive_is_seconds_or_a_duration_and_for_ever_when_negative(string keepAlive, int milliseconds)
    {
        GenerationRequest? seen = null;
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (request, token) =>
            {
                seen = request;
                return ScriptedEngine.TokensAsync(["ok"], token);
            },
        });

        using var response = await gateway.PostAsync("/api/generate", $$"""{"model":"m","prompt":"x","keep_alive":{{keepAlive}}}""");

        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), seen!.KeepAlive);
    }

    [Theory]
    [InlineData("ffffffffffffffff\r\n{}")]
    [InlineData("zz\r\n{}")]
    [InlineData("-1\r\n{}")]
    public async Task A_chunk_without_a_proper_length_is_the_callers_mistake(string chunks)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var raw = await RawHttp.ConnectAsync(gateway.Address);

        await raw.SendAsync($"POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");

        var (status, headers) = await raw.ReadHeadAsync();
        Assert.Equal(400, status);
        Assert.Contains("\"error\"", await raw.ReadAsync(int.Parse(headers["Content-Length"], System.Globalization.CultureInfo.InvariantCulture)), StringComparison.Ordinal);
    }

    private static async Task<string> ErrorAsync(HttpResponseMessage response) =>
        JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement.GetProperty("error").GetString()!;
}
