using System.IO.Compression;
using System.Text;

namespace Chasqui.Engines.Tests.Http;

/// <summary>Answers of nodes that come packed although the request did not ask for it, where they are read.</summary>
public sealed class PackedAnswerTests
{
    private const string Lines = "{\"response\":\"Hi\",\"done\":false}\n{\"response\":\"\",\"done\":true,\"done_reason\":\"stop\"}\n";

    [Fact]
    public async Task Streams_and_errors_are_read_as_if_they_were_not_packed()
    {
        await using var node = Packing(Lines, "200 OK");
        await using var ollama = Nodes.Ollama(node.Address);
        Assert.Equal("Hi", (await Nodes.AllAsync(ollama.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token)))[0].Text);

        await using var refusing = Packing("{\"error\":\"model 'mini' not found\"}", "404 Not Found");
        await using var other = Nodes.Ollama(refusing.Address);
        await Nodes.FailAsync<GenerationUpdate, ModelNotFoundException>(other.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token));
    }

    [Theory]
    [InlineData("lzma")]
    [InlineData("gzip")]
    public async Task What_is_not_what_its_header_says_is_the_nodes_failure(string coding)
    {
        await using var node = ScriptedNode.Answering(Lines, 200, "application/x-ndjson", $"Content-Encoding: {coding}");
        await using var ollama = Nodes.Ollama(node.Address);
        var (_, error) = await Nodes.FailAsync<GenerationUpdate, EngineFailedException>(ollama.Engine.GenerateAsync(Nodes.Prompt(), Nodes.Token));
        Assert.Contains("Content-Encoding", error.Message, StringComparison.Ordinal);
    }

    private static ScriptedNode Packing(string text, string status)
    {
        using var packed = new MemoryStream();
        using (var packing = new GZipStream(packed, CompressionLevel.Fastest))
            packing.Write(Encoding.UTF8.GetBytes(text));
        var body = packed.ToArray();
        return new ScriptedNode(async exchange =>
        {
            await exchange.SendAsync($"HTTP/1.1 {status}\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\nContent-Length: {body.Length}\r\n\r\n");
            await exchange.SendAsync(body);
        });
    }
}
