using Chasqui.Engines.Http;
using Chasqui.Engines.Ollama;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Engines.Tests.Ollama;

/// <summary>Whatever a node does wrong ends in an error that names it, and never in a wrong answer.</summary>
public sealed class LyingNodeTests
{
    private const string Line = "{\"model\":\"mini\",\"response\":\"Hi\",\"done\":false}\n";
    private const string Last = "{\"model\":\"mini\",\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\"eval_count\":1}\n";

    [Fact]
    public async Task A_connection_cut_in_the_midst_of_a_line()
    {
        var (texts, error) = await AnswerAsync<EngineFailedException>(async exchange =>
        {
            await exchange.BeginAsync("application/x-ndjson");
            await exchange.ChunkAsync(Line);
            await exchange.SendAsync("40\r\n{\"model\":\"mi");
            exchange.Cut();
        });
        Assert.Equal("Hi", texts);
        Assert.StartsWith("node 'n1' broke the connection off", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"model\":\"mi", "is not what its API says")]
    [InlineData("not JSON\n", "is not what its API says: 'not' is no value; there are true, false and null")]
    [InlineData("null\n", "is not what its API says: ")]
    [InlineData("[1]\n", "is not what its API says")]
    [InlineData("{\"response\":5,\"done\":false}\n", "is not what its API says")]
    [InlineData("{\"hello\":1}\n", "is not what its API says")]
    [InlineData("", "without a last line that says done")]
    [InlineData("{\"error\":\"the GPU is on fire\"}\n", "the GPU is on fire")]
    public async Task An_answer_that_goes_wrong_after_its_first_line(string rest, string says)
    {
        var (texts, error) = await AnswerAsync<EngineFailedException>(exchange => exchange.AnswerAsync(Line + rest, 200, "application/x-ndjson"));
        Assert.Equal("Hi", texts);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_without_an_end()
    {
        var (_, error) = await AnswerAsync<EngineFailedException>(async exchange =>
        {
            await exchange.BeginAsync("application/x-ndjson");
            var piece = new string('x', 1 << 20);
            for (var i = 0; i < 18; i++)
                await exchange.ChunkAsync(piece);
            await exchange.UntilGoneAsync();
        });
        Assert.Contains($"more than {HttpCall.UsualBound} bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_type_of_content()
    {
        var (_, error) = await AnswerAsync<EngineFailedException>(exchange => exchange.AnswerAsync("<html></html>", 200, "text/html"));
        Assert.Contains("answered /api/generate with text/html, where application/x-ndjson is right", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_HTTP()
    {
        var (_, error) = await AnswerAsync<EngineFailedException>(async exchange =>
        {
            await exchange.SendAsync("SSH-2.0-OpenSSH_9.6\r\n\r\n");
            exchange.Cut();
        });
        Assert.StartsWith("node 'n1' sent what is no HTTP", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Retry-After: 7", 7.0)]
    [InlineData("Retry-After: Thu, 01 Jan 2026 00:00:09 GMT", 9.0)]
    [InlineData("Retry-After: Thursday, 01-Jan-26 00:00:09 GMT", 9.0)]
    [InlineData("Retry-After: Wed, 31 Dec 2025 23:59:00 GMT", null)]
    [InlineData("Retry-After: 99999999999999999999999", 86_400.0)]
    [InlineData("Retry-After: soon", null)]
    [InlineData("X-Other: 7", null)]
    public async Task A_full_queue(string header, double? wait)
    {
        await using var server = ScriptedNode.Answering("{\"error\":\"server busy, please try again.  maximum pending requests exceeded\"}", 503, "application/json", header);
        await using var node = Nodes.Ollama(server.Address, new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)));
        var (_, error) = await Nodes.FailAsync<GenerationUpdate, EngineOverloadedException>(node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token));
        Assert.Equal(wait, error.RetryAfter?.TotalSeconds);
        Assert.StartsWith("server busy", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(500, "model requires more system memory (5.5 GiB) than is available (512.0 MiB)", typeof(InsufficientMemoryException))]
    [InlineData(500, "llama runner process has terminated: exit status 2", typeof(ModelLoadException))]
    [InlineData(500, "unable to load model: /models/blobs/sha256-1", typeof(ModelLoadException))]
    [InlineData(500, "template: :1: unclosed action", typeof(InvalidTemplateException))]
    [InlineData(500, "invalid format: \"5\"; expected \"json\" or a valid JSON Schema object", typeof(InvalidFormatException))]
    [InlineData(500, "unexpected", typeof(EngineFailedException))]
    [InlineData(502, "", typeof(EngineFailedException))]
    [InlineData(400, "\"mini\" does not support thinking", typeof(UnsupportedCapabilityException))]
    [InlineData(400, "registry.ollama.ai/library/mini:latest does not support insert", typeof(UnsupportedCapabilityException))]
    [InlineData(400, "invalid model name", typeof(InvalidModelNameException))]
    [InlineData(400, "the input length exceeds the context length", typeof(InvalidRequestException))]
    [InlineData(404, "model 'mini' not found", typeof(ModelNotFoundException))]
    [InlineData(405, "405 method not allowed", typeof(UnsupportedCapabilityException))]
    [InlineData(401, "unauthorized", typeof(EngineUnavailableException))]
    [InlineData(429, "slow down", typeof(EngineOverloadedException))]
    [InlineData(503, "Loading model", typeof(EngineUnavailableException))]
    [InlineData(501, "This server does not support embeddings. Start it with `--embeddings`", typeof(UnsupportedCapabilityException))]
    [InlineData(301, "", typeof(EngineFailedException))]
    public async Task Each_status_becomes_what_it_means(int status, string said, Type type)
    {
        await using var server = ScriptedNode.Answering($"{{\"error\":{System.Text.Json.JsonSerializer.Serialize(said)}}}", status);
        await using var node = Nodes.Ollama(server.Address);
        var error = await Record.ExceptionAsync(() => Nodes.AllAsync(node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token)));
        Assert.IsType(type, error);
        if (error is InsufficientMemoryException memory)
            Assert.Equal((5632L << 20, 512L << 20), (memory.RequiredBytes, memory.AvailableBytes));
    }

    [Fact]
    public async Task A_path_that_is_not_there_is_no_missing_model()
    {
        var (_, error) = await AnswerAsync<UnsupportedCapabilityException>(exchange => exchange.AnswerAsync("404 page not found", 404, "text/plain"));
        Assert.Equal("/api/generate at node 'n1'", error.Capability);
    }

    [Fact]
    public async Task A_port_where_nobody_listens()
    {
        Uri address;
        await using (var server = ScriptedNode.Answering("{}"))
            address = server.Address;
        await using var node = Nodes.Ollama(address);
        var error = await Assert.ThrowsAsync<EngineUnavailableException>(() => node.ReportAsync(Nodes.Token));
        Assert.Contains($"cannot be reached at {address.Authority}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fewer_vectors_than_texts()
    {
        await using var server = ScriptedNode.Answering("{\"embeddings\":[[1,2]]}");
        await using var node = Nodes.Ollama(server.Address);
        var error = await Assert.ThrowsAsync<EngineFailedException>(() => node.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["a", "b"] }, Nodes.Token));
        Assert.Equal("node 'n1' answered 2 texts with 1 vectors", error.Message);
    }

    [Fact]
    public async Task A_connection_is_used_again_after_an_answer_that_was_read_to_its_last_update()
    {
        await using var server = new ScriptedNode(async exchange =>
        {
            await exchange.BeginAsync("application/x-ndjson");
            await exchange.ChunkAsync(Line);
            await exchange.ChunkAsync(Last);
            await exchange.EndAsync();
        });
        await using var node = Nodes.Ollama(server.Address);
        for (var i = 0; i < 3; i++)
        {
            await foreach (var update in node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token))
            {
                // As readers do that know what the last update is.
                if (update.Result is not null)
                    break;
            }
        }
        Assert.Equal(3, server.Requests.Count);
        Assert.Equal(1, server.Connections);
    }

    [Fact]
    public async Task The_key_the_path_and_nothing_else_is_sent()
    {
        await using var server = ScriptedNode.Answering("{\"models\":[]}");
        await using var node = new OllamaNode(new HttpNodeOptions { Address = new Uri(server.Address, "/below/here/"), ApiKey = "k1" });
        await node.Engine.ListAsync(Nodes.Token);
        var request = Assert.Single(server.Requests);
        Assert.Equal("/below/here/api/tags", request.Path);
        Assert.Equal("Bearer k1", request.Headers["Authorization"]);
        Assert.DoesNotContain(request.Headers, h => h.Key is "Cookie" or "User-Agent" or "Accept-Encoding");
    }

    [Fact]
    public async Task What_Ollama_cannot_be_told_is_refused_before_anything_is_sent()
    {
        await using var server = ScriptedNode.Answering("{}");
        await using var node = Nodes.Ollama(server.Address);
        var engine = node.Engine;
        async Task RefusedAsync(GenerationRequest request, string names)
        {
            var updates = request is ChatRequest chat ? engine.ChatAsync(chat, Nodes.Token) : engine.GenerateAsync((GenerateRequest)request, Nodes.Token);
            var (_, error) = await Nodes.FailAsync<GenerationUpdate, InvalidRequestException>(updates);
            Assert.Contains(names, error.Message, StringComparison.Ordinal);
        }

        await RefusedAsync(Nodes.Prompt() with { Alone = true }, "alone");
        await RefusedAsync(Nodes.Prompt() with { System = "" }, "system");
        await RefusedAsync(Nodes.Prompt() with { Prompt = "" }, "prompt is empty");
        await RefusedAsync(new ChatRequest { Model = "mini" }, "no messages");
        await Assert.ThrowsAsync<InvalidOptionException>(() => Nodes.AllAsync(engine.GenerateAsync(Nodes.Prompt() with { Options = new GenerationOptions { TopP = float.NaN } }, Nodes.Token)));
        Assert.Contains("normalize", (await Assert.ThrowsAsync<InvalidRequestException>(() => engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["a"], Normalize = false }, Nodes.Token))).Message, StringComparison.Ordinal);
        Assert.StartsWith("tokenize", (await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => engine.TokenizeAsync(new TokenizeRequest { Model = "mini", Text = "a" }, Nodes.Token))).Capability, StringComparison.Ordinal);
        Assert.Contains("keep_alive of 0", (await Assert.ThrowsAsync<InvalidRequestException>(() => engine.LoadAsync(new LoadRequest { Model = "mini", KeepAlive = TimeSpan.Zero }, Nodes.Token))).Message, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Theory]
    [InlineData("0.12.9", Dialects.Ollama | Dialects.OpenAi)]
    [InlineData("0.13.3-rc1", Dialects.Ollama | Dialects.OpenAi | Dialects.OpenAiResponses)]
    [InlineData("0.14.0", Dialects.Ollama | Dialects.OpenAi | Dialects.OpenAiResponses | Dialects.Anthropic)]
    [InlineData("0.0.0", Dialects.Ollama | Dialects.OpenAi | Dialects.OpenAiResponses | Dialects.Anthropic)]
    [InlineData("strange", Dialects.Ollama | Dialects.OpenAi)]
    public void The_version_tells_the_languages(string version, Dialects dialects) => Assert.Equal(dialects, new OllamaVersion(version, "").Dialects);

    [Fact]
    public async Task A_list_that_does_not_say_what_models_can_do_is_made_up_for_by_asking_each_model_once()
    {
        await using var server = new ScriptedNode(exchange => exchange.Request.Path switch
        {
            "/api/version" => exchange.AnswerAsync("{\"version\":\"0.9.0\"}"),
            "/api/tags" => exchange.AnswerAsync("{\"models\":[{\"name\":\"a:latest\",\"digest\":\"1\"},{\"name\":\"b:latest\",\"digest\":\"2\"},{\"size\":3}]}"),
            "/api/show" when exchange.Request.Body.Contains("a:latest", StringComparison.Ordinal) => exchange.AnswerAsync("{\"capabilities\":[\"embedding\"]}"),
            "/api/show" => exchange.AnswerAsync("{\"error\":\"model 'b' not found\"}", 404),
            _ => exchange.AnswerAsync("{\"models\":null}"),
        });
        await using var node = Nodes.Ollama(server.Address);
        for (var i = 0; i < 2; i++)
        {
            var report = await node.ReportAsync(Nodes.Token);
            Assert.Equal(["a:latest embedding", "b:latest "], report.Models.Select(m => $"{m.Name} {string.Join(',', m.Capabilities)}"));
            Assert.Equal("Ollama 0.9.0", report.Software);
        }
        Assert.Equal(2, server.Requests.Count(r => r.Path == "/api/show"));
    }

    private static async Task<(string Texts, TException Error)> AnswerAsync<TException>(Func<ScriptedNode.Exchange, Task> script)
        where TException : Exception
    {
        await using var server = new ScriptedNode(script);
        await using var node = Nodes.Ollama(server.Address);
        var (updates, error) = await Nodes.FailAsync<GenerationUpdate, TException>(node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token));
        return (string.Concat(updates.Select(u => u.Text)), error);
    }
}
