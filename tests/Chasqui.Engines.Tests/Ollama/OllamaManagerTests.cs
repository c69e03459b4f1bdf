using System.Text;
using System.Text.Json;

namespace Chasqui.Engines.Tests.Ollama;

/// <summary>Changing a node's models: what is sent, and how it goes wrong.</summary>
public sealed class OllamaManagerTests
{
    private static readonly string _digest = "sha256:" + new string('a', 64);

    [Fact]
    public async Task A_pull_tells_its_progress_and_ends_with_success_or_an_error()
    {
        await using var server = ScriptedNode.Answering(
            "{\"status\":\"pulling manifest\"}\n{\"status\":\"pulling aaaa\",\"digest\":\"sha256:aaaa\",\"total\":9000000000,\"completed\":4500000000}\n{\"status\":\"success\"}\n", 200, "application/x-ndjson");
        await using var node = Nodes.Ollama(server.Address);
        var manager = (IModelManager)node.Engine;
        var progress = await Nodes.AllAsync(manager.PullAsync(new TransferRequest { Model = "m", Insecure = true }, Nodes.Token));
        Assert.Equal(new ModelProgress("pulling aaaa", "sha256:aaaa", 9_000_000_000, 4_500_000_000), progress[1]);
        Assert.Equal("""{"model":"m","insecure":true,"stream":true}""", Assert.Single(server.Requests).Body);

        await using var silent = ScriptedNode.Answering("{\"status\":\"pulling manifest\"}\n", 200, "application/x-ndjson");
        await using var other = Nodes.Ollama(silent.Address);
        var (items, error) = await Nodes.FailAsync<ModelProgress, EngineFailedException>(((IModelManager)other.Engine).PullAsync(new TransferRequest { Model = "m" }, Nodes.Token));
        Assert.Single(items);
        Assert.Contains("before it said success", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_create_sends_all_that_it_has()
    {
        await using var server = ScriptedNode.Answering("{\"status\":\"success\"}\n", 200, "application/x-ndjson");
        await using var node = Nodes.Ollama(server.Address);
        await Nodes.AllAsync(((IModelManager)node.Engine).CreateAsync(new CreateRequest
        {
            Model = "m",
            From = "base",
            Files = new Dictionary<string, string> { ["a.gguf"] = _digest },
            Adapters = new Dictionary<string, string> { ["b.gguf"] = _digest },
            Template = "{{ .Prompt }}",
            System = "s",
            Licenses = ["one", "two"],
            Parameters = JsonElement.Parse("{\"stop\":[\"x\"]}"),
            Messages = [new ChatMessage { Role = "user", Content = "Hi" }],
            Quantize = "q4_K_M",
        }, Nodes.Token));
        Assert.Equal(
            $$$"""{"model":"m","from":"base","files":{"a.gguf":"{{{_digest}}}"},"adapters":{"b.gguf":"{{{_digest}}}"},"template":"{{ .Prompt }}","system":"s","license":["one","two"],"parameters":{"stop":["x"]},"messages":[{"role":"user","content":"Hi"}],"quantize":"q4_K_M","stream":true}""",
            Assert.Single(server.Requests).Body);
    }

    [Fact]
    public async Task Copies_deletions_and_blobs_by_their_paths()
    {
        await using var server = new ScriptedNode(exchange => exchange.AnswerAsync("", exchange.Request.Method == "HEAD" ? 404 : 200));
        await using var node = Nodes.Ollama(server.Address);
        var manager = (IModelManager)node.Engine;
        await manager.CopyAsync("a", "b", Nodes.Token);
        await manager.DeleteAsync("a", Nodes.Token);
        Assert.False(await manager.HasBlobAsync(_digest, Nodes.Token));
        using var blob = new MemoryStream(Encoding.UTF8.GetBytes("weights"));
        await manager.WriteBlobAsync(_digest, blob, Nodes.Token);
        Assert.Equal(
            ["POST /api/copy {\"source\":\"a\",\"destination\":\"b\"}", "DELETE /api/delete {\"model\":\"a\"}", $"HEAD /api/blobs/{_digest} ", $"POST /api/blobs/{_digest} weights"],
            server.Requests.Select(r => $"{r.Method} {r.Path} {r.Body}"));
        // What is not ours is not disposed.
        Assert.True(blob.CanRead);
    }

    [Theory]
    [InlineData("sha256:abc")]
    [InlineData("sha256:../../../../etc/passwd")]
    [InlineData("")]
    public async Task A_digest_of_another_form_is_refused_before_it_is_sent(string digest)
    {
        await using var server = ScriptedNode.Answering("");
        await using var node = Nodes.Ollama(server.Address);
        var manager = (IModelManager)node.Engine;
        await Assert.ThrowsAsync<InvalidRequestException>(() => manager.HasBlobAsync(digest, Nodes.Token));
        await Assert.ThrowsAsync<InvalidRequestException>(() => manager.WriteBlobAsync(digest, new MemoryStream(), Nodes.Token));
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_name_that_cannot_be_is_told_by_itself()
    {
        await using var server = ScriptedNode.Answering("{\"error\":\"destination \\\"bad name\\\" is invalid\"}", 400);
        await using var node = Nodes.Ollama(server.Address);
        Assert.Equal("bad name", (await Assert.ThrowsAsync<InvalidModelNameException>(() => ((IModelManager)node.Engine).CopyAsync("a", "bad name", Nodes.Token))).Model);
    }
}
