using System.Text;
using Chasqui.Gateway.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Streams of OpenAI's API whose tokens the gateway asks for, and of which the client sees no more than it asked for.</summary>
public sealed class AskedUsageTests
{
    private const string Piece = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi \\\"choices\\\":[]\"},\"finish_reason\":null}]}\n\n";
    private const string Finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private const string Usage = "data: {\"choices\": [ ] , \"usage\": {\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n";
    private const string Done = "data: [DONE]\n\n";
    private const string Asking = "\"stream_options\":{\"include_usage\":true}";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]")]
    [InlineData("/v1/completions", "\"prompt\":\"x\"")]
    public async Task The_node_is_asked_and_the_client_sees_none_of_it(string path, string prompt)
    {
        var body = $$"""{"model":"mini",{{prompt}},"stream":true}""";
        var sent = new List<string>();
        await using var gateway = await PassingNode.StartAsync(new PassingNode(request =>
        {
            // Its bytes are others once it is answered.
            sent.Add(Encoding.UTF8.GetString(request.Body.Span));
            return new PassingAnswer(PassingNode.TypeOf(request)) { Parts = [Nothing(Piece), Nothing(Finish), Usage, Done] };
        }));

        Assert.Equal((200, Piece + Finish + Done), await SendAsync(gateway, path, body));
        var asking = $"{body[..^1]},{Asking}}}";
        Assert.Equal((200, Nothing(Piece) + Nothing(Finish) + Usage + Done), await SendAsync(gateway, path, asking));

        Assert.Equal(["{" + Asking + "," + body[1..], asking], sent);
    }

    [Fact]
    public async Task Wherever_the_stream_is_cut_the_client_sees_the_same()
    {
        var all = Nothing(Piece) + Nothing(Finish) + Usage + Done;
        for (var cut = 1; cut < all.Length; cut += 3)
        {
            await using var gateway = await PassingNode.StartAsync(Node(all[..cut], all[cut..]));
            Assert.Equal((200, Piece + Finish + Done), await SendAsync(gateway));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_count_without_its_own_end_is_kept_from_the_client_too(bool breaks)
    {
        var end = breaks ? PassingEnd.Broken : PassingEnd.Clean;
        await using var gateway = await PassingNode.StartAsync(new PassingNode(request => new PassingAnswer(PassingNode.TypeOf(request)) { Parts = [Piece, Finish, Usage[..^2]], Ending = end }));

        var (status, text) = await SendAsync(gateway);

        Assert.Equal(200, status);
        Assert.Equal(Piece + Finish + (breaks ? Done : ""), text);
    }

    [Theory]
    [InlineData(400, false)]
    [InlineData(422, false)]
    [InlineData(400, true)]
    public async Task A_node_that_refuses_to_be_asked_answers_all_the_same_and_is_not_asked_again(int status, bool hedges)
    {
        var node = new PassingNode(request => Encoding.UTF8.GetString(request.Body.Span).Contains("stream_options", StringComparison.Ordinal)
            ? new PassingAnswer("application/json") { Status = status, Parts = ["""{"error":{"message":"unknown field stream_options"}}"""] }
            : new PassingAnswer(PassingNode.TypeOf(request)) { Parts = [Piece, Finish, Done] });
        await using var gateway = await PassingNode.StartAsync(node);
        if (hedges)
            Hedge(gateway);

        Assert.Equal((200, Piece + Finish + Done), await SendAsync(gateway));
        Assert.Equal(2, node.Requests.Count);
        Assert.Equal((200, Piece + Finish + Done), await SendAsync(gateway));

        Assert.Equal(3, node.Requests.Count);
        Assert.True(gateway.App.Services.GetRequiredService<NodeSet>().All[0].RefusesUsage);
    }

    [Fact]
    public async Task What_is_wrong_with_the_request_itself_is_told_and_says_nothing_of_the_node()
    {
        const string Error = """{"error":{"message":"temperature is too high"}}""";
        var node = new PassingNode(_ => new PassingAnswer("application/json") { Status = 400, Parts = [Error] });
        await using var gateway = await PassingNode.StartAsync(node);

        Assert.Equal((400, Error), await SendAsync(gateway));

        Assert.Equal(2, node.Requests.Count);
        Assert.False(gateway.App.Services.GetRequiredService<NodeSet>().All[0].RefusesUsage);
    }

    [Theory]
    [InlineData("/v1/chat/completions", "{\"model\":\"mini\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}")]
    [InlineData("/api/chat", "{\"model\":\"mini\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stream\":true}")]
    [InlineData("/v1/responses", "{\"model\":\"mini\",\"store\":false,\"input\":\"x\",\"stream\":true}")]
    [InlineData("/v1/messages", "{\"model\":\"mini\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stream\":true}")]
    public async Task What_counts_unasked_is_sent_as_it_is(string path, string body)
    {
        var sent = new List<string>();
        await using var gateway = await PassingNode.StartAsync(new PassingNode(request =>
        {
            sent.Add(Encoding.UTF8.GetString(request.Body.Span));
            return new PassingAnswer("application/json") { Status = 400, Parts = ["{}"] };
        }));

        await SendAsync(gateway, path, body);

        Assert.Equal([body], sent);
    }

    private static PassingNode Node(params string[] parts) => new(request => new PassingAnswer(PassingNode.TypeOf(request)) { Parts = parts });

    /// <summary>What a server says in each event where counts are asked for.</summary>
    private static string Nothing(string frame) => frame[..^3] + ",\"usage\":null}\n\n";

    private static void Hedge(RunningGateway gateway)
    {
        var nodes = gateway.App.Services.GetRequiredService<NodeSet>();
        nodes.Apply(nodes.Settings with { Routing = nodes.Settings.Routing with { HedgeAfter = TimeSpan.FromMinutes(1) } });
    }

    private static async Task<(int Status, string Text)> SendAsync(
        RunningGateway gateway, string path = "/v1/chat/completions", string body = """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":true}""")
    {
        using var answer = await gateway.PostAsync(path, body);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
    }
}
