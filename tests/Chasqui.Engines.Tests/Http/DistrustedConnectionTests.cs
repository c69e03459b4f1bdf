using Chasqui.Engines.Ollama;
using Chasqui.Engines.OpenAi;
using Chasqui.Engines.Tests.OpenAi;

namespace Chasqui.Engines.Tests.Http;

/// <summary>An answer that is well framed and not what it should be shows a node in trouble: its connection serves no other request.</summary>
public sealed class DistrustedConnectionTests
{
    private const string Text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    private const string Finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private const string Usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n";
    private const string Done = "data: [DONE]\n\n";
    private const string Error = "data: {\"error\":{\"message\":\"out of memory\"}}\n\n";
    private const string Line = "{\"message\":{\"content\":\"Hi\"},\"done\":false}\n";
    private const string Last = "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n";

    [Theory]
    [InlineData(Text + Finish + Done, 1)]
    [InlineData(Text + Finish + Usage + Done, 1)]
    [InlineData(Text + Finish + Usage, 1)]
    [InlineData(Text + Finish + Usage + Done + ": bye\n\n", 1)]
    [InlineData(Text, 2)]
    [InlineData(Text + Done, 2)]
    [InlineData(Text + Error, 2)]
    [InlineData(Text + Finish + Error, 2)]
    [InlineData(Text + Finish + Usage + Error, 2)]
    [InlineData(Text + Finish + Done + Text, 2)]
    [InlineData(Text + Finish + Usage + Done + Done, 2)]
    [InlineData(Text + "data: {\"this is\": no JSON\n\n", 2)]
    public async Task A_stream_of_events(string stream, int connections)
    {
        await using var server = Server(stream, "text/event-stream");
        await using var node = new OpenAiNode(Nodes.Options(new Uri(server.Address, "/v1")));
        // The list of models comes first, on a connection of its own or on the same.
        await node.Engine.ListAsync(Nodes.Token);

        await ReadAsync(node.Engine);
        await node.Engine.ListAsync(Nodes.Token);

        Assert.Equal(connections, server.Connections);
    }

    [Theory]
    [InlineData(Line + Last, 1)]
    [InlineData(Line + Last + "\n", 1)]
    [InlineData(Line, 2)]
    [InlineData(Line + "{\"error\":\"out of memory\"}\n", 2)]
    [InlineData(Line + Last + Line, 2)]
    [InlineData(Line + "{\"this is\": no JSON\n", 2)]
    public async Task A_stream_of_lines(string stream, int connections)
    {
        await using var server = Server(stream, "application/x-ndjson");
        await using var node = new OllamaNode(Nodes.Options(server.Address));
        await node.Engine.ListAsync(Nodes.Token);

        await ReadAsync(node.Engine);
        await node.Engine.ListAsync(Nodes.Token);

        Assert.Equal(connections, server.Connections);
    }

    [Theory]
    [InlineData("""{"data":[{"embedding":[1,0]}]}""", 1)]
    [InlineData("""{"data":[]}""", 2)]
    [InlineData("""{"data":[{"embedding":[1,0]}]} and more""", 2)]
    public async Task A_whole_answer(string body, int connections)
    {
        await using var server = Server(body, "application/json");
        await using var node = new OpenAiNode(Nodes.Options(new Uri(server.Address, "/v1")));
        await node.Engine.ListAsync(Nodes.Token);

        var error = await Record.ExceptionAsync(() => node.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["x"] }, Nodes.Token));
        Assert.Equal(connections == 1, error is null);
        await node.Engine.ListAsync(Nodes.Token);

        Assert.Equal(connections, server.Connections);
    }

    [Fact]
    public async Task A_whole_answer_may_begin_with_the_mark_of_a_text()
    {
        await using var server = Server("\uFEFF{\"data\":[{\"embedding\":[1,0]}]}", "application/json");
        await using var node = new OpenAiNode(Nodes.Options(new Uri(server.Address, "/v1")));

        var result = await node.Engine.EmbedAsync(new EmbedRequest { Model = "mini", Inputs = ["x"] }, Nodes.Token);

        Assert.Equal([1, 0], Assert.Single(result.Vectors));
    }

    private static async Task ReadAsync(IEngine engine)
    {
        try
        {
            await Nodes.AllAsync(engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));
        }
        catch (EngineException)
        {
            // Half of them are answers that fail.
        }
    }

    private static ScriptedNode Server(string body, string type) => new(async exchange =>
    {
        if (exchange.Request.Path == "/v1/models")
        {
            await exchange.AnswerAsync("""{"object":"list","data":[{"id":"mini","object":"model","created":1700000000,"owned_by":"vllm"}]}""");
        }
        else if (exchange.Request.Method == "GET")
        {
            await exchange.AnswerAsync("""{"models":[]}""");
        }
        else
        {
            await exchange.BeginAsync(type);
            await exchange.ChunkAsync(body);
            await exchange.EndAsync();
        }
    });
}
