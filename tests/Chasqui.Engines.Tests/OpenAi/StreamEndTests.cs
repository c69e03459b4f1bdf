using Chasqui.Engines.OpenAi;

namespace Chasqui.Engines.Tests.OpenAi;

/// <summary>When a stream of OpenAI's API has ended, where it is read.</summary>
public sealed class StreamEndTests
{
    private const string Text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"\"}]}\n\n";
    private const string Finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private const string Usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3}}\n\n";

    private readonly SignallingTime _time = new();

    [Theory]
    [InlineData(Text)]
    [InlineData(Text + "data: [DONE]\n\n")]
    public async Task An_empty_reason_is_none(string stream)
    {
        await using var server = new OpenAiScript("vllm", stream);
        var (updates, error) = await Nodes.FailAsync<GenerationUpdate, EngineFailedException>(server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));
        Assert.Equal("Hi", Assert.Single(updates).Text);
        Assert.Contains("before it said why", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The same rule as where a stream passes by unread.</summary>
    [Theory]
    [InlineData("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}", true)]
    [InlineData("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n", true)]
    [InlineData("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n", true)]
    [InlineData(Finish + "data: [DONE]", true)]
    [InlineData("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]", false)]
    [InlineData("data: {\"choices\":[{\"index\":0,\"del", false)]
    [InlineData("data: [DONE]", false)]
    public async Task The_last_event_counts_without_its_empty_line_where_it_is_whole(string end, bool isWhole)
    {
        await using var server = new OpenAiScript("vllm", Text + end);
        var answer = server.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token);
        if (isWhole)
            Assert.Equal(FinishReason.Stop, (await Nodes.AllAsync(answer))[^1].Result!.Reason);
        else
            await Nodes.FailAsync<GenerationUpdate, EngineFailedException>(answer);
    }

    [Fact]
    public async Task With_reason_and_usage_it_is_over_whatever_the_node_still_does()
    {
        await using var server = Server(Text + Finish + Usage + ": ping\n\n");
        await using var node = Node(server);
        await using var updates = node.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token).GetAsyncEnumerator(Nodes.Token);
        Assert.True(await updates.MoveNextAsync());
        Assert.True(await updates.MoveNextAsync());
        Assert.Equal((10, 3), (updates.Current.Result!.PromptTokens, updates.Current.Result.CompletionTokens));
        var ending = updates.MoveNextAsync();
        await _time.UntilTimerAsync(TimeSpan.FromMilliseconds(250));
        _time.Advance(TimeSpan.FromMilliseconds(250));
        Assert.False(await ending);
    }

    [Fact]
    public async Task After_the_reason_the_rest_is_waited_for_a_moment()
    {
        await using var server = Server(Text + Finish + ": ping\n\n");
        await using var node = Node(server);
        var answer = Nodes.AllAsync(node.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));
        await _time.UntilTimerAsync(TimeSpan.FromSeconds(2));
        _time.Advance(TimeSpan.FromSeconds(2));

        var updates = await answer;
        Assert.Equal(("Hi", FinishReason.Stop), (updates[0].Text, updates[^1].Result!.Reason));
    }

    [Fact]
    public async Task After_the_reason_nothing_is_missing_if_the_node_breaks_off()
    {
        await using var server = Server(Text + Finish, cuts: true);
        await using var node = Node(server);
        var updates = await Nodes.AllAsync(node.Engine.ChatAsync(OpenAiScript.Chat(), Nodes.Token));
        Assert.Equal(FinishReason.Stop, updates[^1].Result!.Reason);
    }

    private OpenAiNode Node(ScriptedNode server) => new(Nodes.Options(new Uri(server.Address, "/v1")), null, _time);

    private static ScriptedNode Server(string stream, bool cuts = false) => new(async exchange =>
    {
        if (exchange.Request.Method == "GET")
        {
            await exchange.AnswerAsync("""{"object":"list","data":[{"id":"mini","object":"model","created":1700000000,"owned_by":"vllm"}]}""");
            return;
        }
        await exchange.BeginAsync("text/event-stream; charset=utf-8");
        await exchange.ChunkAsync(stream);
        if (cuts)
            exchange.Close();
        else
            await exchange.UntilGoneAsync();
    });
}
