namespace Chasqui.Server.Tests.Nodes;

/// <summary>A node that breaks an answer off at once, so that what came of it waits to be sent when the break is seen.</summary>
public sealed class BrokenPassageTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/generate", """{"model":"mini","response":"Hi","done":false}""", "\n")]
    [InlineData("/api/chat", """{"model":"mini","message":{"role":"assistant","content":"Hi"},"done":false}""", "\n")]
    [InlineData("/v1/chat/completions", """data: {"choices":[{"delta":{"content":"Hi"}}]}""", "\n\n")]
    [InlineData("/v1/completions", """data: {"choices":[{"text":"Hi"}]}""", "\n\n")]
    [InlineData("/v1/responses", """data: {"type":"response.output_text.delta","delta":"Hi"}""", "\n\n")]
    [InlineData("/v1/messages", """data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}""", "\n\n")]
    public async Task What_came_is_passed_on_before_the_error(string path, string piece, string end)
    {
        foreach (var sent in (string[])[piece + end, piece])
        {
            await using var gateway = await PassingNode.StartAsync(new PassingNode(request => new PassingAnswer(PassingNode.TypeOf(request)) { Parts = [sent], Ending = PassingEnd.Broken }));

            var result = await ApiCall.Of(path, stream: true).SendAsync(gateway.Http, Cancellation);

            Assert.True(result is { End: CallEnd.Broken, Status: 200, Node: "n0" }, result.ToString());
            Assert.StartsWith(piece + "\n", result.Body, StringComparison.Ordinal);
            Assert.Contains("the node broke off", result.Body, StringComparison.Ordinal);
        }
    }
}
