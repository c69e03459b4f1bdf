using System.Text.Json;
using Chasqui.Engines.OpenAi;

namespace Chasqui.Engines.Tests.Ollama;

/// <summary>What a real Ollama answered is understood: every line of it, and every error.</summary>
public sealed class TranscriptTests
{
    public static TheoryData<string> Answers => Transcripts.Of("/api/generate", "/api/chat");

    public static TheoryData<string> Models => Transcripts.Of("/api/tags", "/api/ps", "/api/show", "/api/embed");

    public static TheoryData<string> Changes => Transcripts.Of("/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete", "/api/blobs");

    public static TheoryData<string> Chats => Transcripts.Of("/v1/chat/completions", "/v1/completions");

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task An_answer(string name)
    {
        var recording = Transcripts.Get(name);
        if (recording.Method == "OPTIONS")
            return;
        await using var server = ScriptedNode.Answering(recording.Body, recording.Status, recording.ContentType);
        await using var node = Nodes.Ollama(server.Address);
        var isChat = recording.Path == "/api/chat";
        var updates = isChat
            ? node.Engine.ChatAsync(new ChatRequest { Model = "mini", Messages = [new ChatMessage { Role = "user", Content = "?" }] }, Nodes.Token)
            : node.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token);
        if (recording.Status >= 400)
        {
            AssertError(recording, await Record.ExceptionAsync(() => Nodes.AllAsync(updates)));
            return;
        }

        var read = await Nodes.AllAsync(updates);
        var lines = recording.Values;
        string Said(JsonElement line, string field) => line.TryGetProperty("message", out var message)
            ? message.TryGetProperty(field, out var value) ? value.GetString()! : ""
            : line.TryGetProperty(field == "content" ? "response" : field, out var other) ? other.GetString()! : "";
        Assert.Equal(lines.Select(l => Said(l, "content")), read.Select(u => u.Text));
        Assert.Equal(lines.Select(l => Said(l, "thinking")), read.Select(u => u.Thinking));
        Assert.Equal(lines.Select(l => l.TryGetProperty("logprobs", out var p) ? p.GetArrayLength() : 0), read.Select(u => u.Logprobs?.Count ?? 0));
        var (last, result) = (lines[^1], read[^1].Result!);
        Assert.Equal(Number(last, "prompt_eval_count"), result.PromptTokens);
        Assert.Equal(Number(last, "eval_count"), result.CompletionTokens);
        Assert.Equal(Number(last, "total_duration") / 100, result.TotalDuration.Ticks);
        if (last.TryGetProperty("_debug_info", out var rendered))
        {
            Assert.Equal(rendered.GetProperty("rendered_template").GetString(), read[^1].RenderedPrompt);
            return;
        }
        Assert.Equal(last.GetProperty("done_reason").GetString() == "length", result.Reason == FinishReason.Length);
        Assert.Equal(last.TryGetProperty("context", out var context) ? context.GetArrayLength() : 0, result.Context?.Count ?? 0);
        Assert.Equal(
            lines.Where(l => l.TryGetProperty("message", out var m) && m.TryGetProperty("tool_calls", out _)).Select(l => l.GetProperty("message").GetProperty("tool_calls").GetRawText()),
            read.Where(u => u.ToolCalls is not null).Select(u => u.ToolCalls!.Value.GetRawText()));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task What_is_told_of_models(string name)
    {
        var recording = Transcripts.Get(name);
        // The list that goes with a description is asked for too.
        await using var server = new ScriptedNode(exchange => exchange.Request.Path == recording.Path
            ? exchange.AnswerAsync(recording.Body, recording.Status, recording.ContentType)
            : exchange.AnswerAsync("{\"models\":[]}"));
        await using var node = Nodes.Ollama(server.Address);
        if (recording.Method == "GET" && recording.Status == 200)
        {
            var models = recording.Values[0].GetProperty("models").EnumerateArray().Select(m => m.GetProperty("name").GetString()).ToList();
            if (recording.Path == "/api/tags")
            {
                var read = await node.Engine.ListAsync(Nodes.Token);
                Assert.Equal(models, read.Select(m => m.Name));
                Assert.All(read, m => Assert.True(m.SizeBytes > 0 && m.Digest.Length == 64 && m.Details.ContextLength == 1024 && m.Capabilities.Count > 0 && m.ModifiedAt.Year == 2026));
            }
            else
            {
                var read = await node.Engine.ListResidentAsync(Nodes.Token);
                Assert.Equal(models, read.Select(m => m.Summary.Name));
                Assert.All(read, m => Assert.True(m.SizeBytes > 0 && m.ContextLength > 0 && m.ExpiresAt > DateTimeOffset.UnixEpoch));
                if (name == "ps-keepalive-forever")
                    Assert.All(read, m => Assert.Equal(DateTimeOffset.MaxValue, m.ExpiresAt));
            }
            return;
        }

        var isShow = recording.Path == "/api/show";
        if (recording.Path is not ("/api/show" or "/api/embed"))
            return;
        if (recording.Status >= 400)
        {
            AssertError(recording, await Record.ExceptionAsync(() => isShow
                ? node.Engine.ShowAsync("mini", Nodes.Token)
                : node.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["a"] }, Nodes.Token)));
            return;
        }
        var json = recording.Values[0];
        if (!isShow)
        {
            var vectors = json.GetProperty("embeddings").EnumerateArray().Select(v => v.GetArrayLength()).ToList();
            if (vectors.Count == 0)
                return;
            var result = await node.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = [.. vectors.Select(_ => "a")] }, Nodes.Token);
            Assert.Equal(vectors, result.Vectors.Select(v => v.Length));
            Assert.Equal(Number(json, "prompt_eval_count"), result.PromptTokens);
            return;
        }
        var shown = await node.Engine.ShowAsync("mini", Nodes.Token);
        Assert.True(shown.TemplateIsGo);
        Assert.Equal(json.GetProperty("template").GetString(), shown.Template);
        Assert.Equal(json.GetProperty("tensors").GetArrayLength(), shown.Tensors.Count);
        Assert.Equal(json.GetProperty("model_info").EnumerateObject().Count(), shown.Metadata.Count);
        Assert.Equal((1024, 128), (shown.Summary.Details.ContextLength, shown.Summary.Details.EmbeddingLength));
        Assert.Equal(json.GetProperty("capabilities").EnumerateArray().Select(c => c.GetString()), shown.Summary.Capabilities);
        if (name == "show-sys")
        {
            Assert.Equal((0f, 6, 7), (shown.Parameters.Temperature, shown.Parameters.NumPredict, shown.Parameters.Seed));
            Assert.Equal(["<|im_end|>", "zzz"], shown.Parameters.Stop!.Order());
            Assert.Equal("You are a helpful assistant.", shown.System);
            Assert.Equal(["Hi!", "Hello!"], shown.Messages.Select(m => m.Content));
            Assert.Equal(["LICENSE ONE\nLICENSE TWO"], shown.Licenses);
        }
        else if (name == "show")
        {
            Assert.Equal(["<|im_start|>", "<|im_end|>"], shown.Parameters.Stop);
        }
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task What_changes_models(string name)
    {
        var recording = Transcripts.Get(name);
        await using var server = ScriptedNode.Answering(recording.Method == "HEAD" ? "" : recording.Body, recording.Status, recording.ContentType);
        await using var node = Nodes.Ollama(server.Address);
        var manager = (IModelManager)node.Engine;
        var digest = "sha256:" + new string('0', 64);
        var transfer = new TransferRequest { Model = "mini" };
        async Task<List<ModelProgress>> RunAsync() => (recording.Path, recording.Method) switch
        {
            ("/api/pull", _) => await Nodes.AllAsync(manager.PullAsync(transfer, Nodes.Token)),
            ("/api/push", _) => await Nodes.AllAsync(manager.PushAsync(transfer, Nodes.Token)),
            ("/api/create", _) => await Nodes.AllAsync(manager.CreateAsync(new CreateRequest { Model = "mini", From = "a" }, Nodes.Token)),
            ("/api/copy", _) => await NothingAsync(manager.CopyAsync("a", "bad name", Nodes.Token)),
            ("/api/delete", _) => await NothingAsync(manager.DeleteAsync("mini", Nodes.Token)),
            (_, "HEAD") => await NothingAsync(manager.HasBlobAsync(digest, Nodes.Token)),
            _ => await NothingAsync(manager.WriteBlobAsync(digest, new MemoryStream([1, 2, 3]), Nodes.Token)),
        };

        var error = recording.Values.FirstOrDefault(v => v.TryGetProperty("error", out _));
        if (recording.Status >= 400 || error.ValueKind == JsonValueKind.Object)
        {
            var exception = await Record.ExceptionAsync(RunAsync);
            if (recording.Status >= 400)
                AssertError(recording, exception);
            else
                Assert.IsType(name switch { "push-missing" => typeof(ModelNotFoundException), "create-bad-digest" => typeof(InvalidRequestException), _ => typeof(EngineFailedException) }, exception);
            return;
        }
        var progress = await RunAsync();
        if (recording.Values.Count > 0)
        {
            Assert.Equal(recording.Values.Select(v => v.GetProperty("status").GetString()), progress.Select(p => p.Status));
            Assert.Equal("success", progress[^1].Status);
        }
    }

    [Theory]
    [MemberData(nameof(Chats))]
    public async Task A_stream_of_its_second_language(string name)
    {
        var recording = Transcripts.Get(name);
        if (recording.Status < 400 && recording.ContentType != "text/event-stream")
            return;
        await using var server = new ScriptedNode(exchange => exchange.Request.Method == "GET"
            ? exchange.AnswerAsync("""{"data":[{"id":"mini","owned_by":"library"}]}""")
            : exchange.AnswerAsync(recording.Body, recording.Status, recording.ContentType));
        await using var node = new OpenAiNode(Nodes.Options(server.Address));
        var updates = recording.Path == "/v1/completions"
            ? node.Engine.GenerateAsync(Nodes.Prompt() with { Suffix = "b" }, Nodes.Token)
            : node.Engine.ChatAsync(new ChatRequest { Model = "mini", Messages = [new ChatMessage { Role = "user", Content = "?" }] }, Nodes.Token);
        if (recording.Status >= 400)
        {
            AssertError(recording, await Record.ExceptionAsync(() => Nodes.AllAsync(updates)));
            return;
        }
        var read = await Nodes.AllAsync(updates);
        var choices = recording.Values.Where(v => v.GetProperty("choices").GetArrayLength() > 0).Select(v => v.GetProperty("choices")[0]).ToList();
        Assert.Equal(
            string.Concat(choices.Select(c => c.TryGetProperty("text", out var text) ? text.GetString() : c.GetProperty("delta").TryGetProperty("content", out var content) ? content.GetString() : "")),
            string.Concat(read.Select(u => u.Text)));
        Assert.Equal(choices[^1].GetProperty("finish_reason").GetString() == "length", read[^1].Result!.Reason == FinishReason.Length);
        if (name == "v1-chat-stream-usage")
            Assert.Equal((10, 8), (read[^1].Result!.PromptTokens, read[^1].Result!.CompletionTokens));
        if (name == "v1-chat-tools-call-stream")
            Assert.Equal("Paris", read[^1].ToolCalls!.Value[0].GetProperty("function").GetProperty("arguments").GetProperty("city").GetString());
    }

    private static void AssertError(Transcripts.Recording recording, Exception? exception)
    {
        var error = Assert.IsType<EngineException>(exception, exactMatch: false);
        // An error that is the request's own fault is never told as the node's, and the other way round.
        Assert.True(recording.Status switch
        {
            404 => error is ModelNotFoundException,
            400 => error is InvalidRequestException or InvalidModelNameException or UnsupportedCapabilityException,
            405 or 501 => error is UnsupportedCapabilityException,
            _ => error is not (ModelNotFoundException or EngineUnavailableException),
        }, $"{recording.Status} {recording.Body} became {error.GetType().Name}: {error.Message}");
        Assert.False(error.Message.StartsWith('{'), error.Message);
    }

    private static async Task<List<ModelProgress>> NothingAsync(Task task)
    {
        await task;
        return [];
    }

    private static long Number(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetInt64() : 0;
}
