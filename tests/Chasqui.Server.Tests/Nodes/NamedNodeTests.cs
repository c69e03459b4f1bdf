using Chasqui.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Requests that say which node they are for, on paths that do not pass.</summary>
public sealed class NamedNodeTests
{
    private static readonly DoubleScript _well = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/infer", """{"model":"mini","prompt":"Hello"}""")]
    [InlineData("/api/generate", """{"model":"mini"}""")]
    [InlineData("/api/chat", """{"model":"mini","messages":[]}""")]
    public async Task It_alone_is_asked(string path, string body)
    {
        await using var fleet = await Fleet.StartAsync([_well, _well, _well]);
        using var response = await SendAsync(fleet, path, body, "n1");
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal([0L, 1L, 0L], fleet.Doubles.Select(node => node.State.Loads));
    }

    [Theory]
    [InlineData("/infer", """{"model":"mini","prompt":"Hello"}""")]
    [InlineData("/api/generate", """{"model":"mini"}""")]
    [InlineData("/v1/chat/completions", """{"model":"mini","messages":[{"role":"user","content":"x"}]}""")]
    public async Task A_name_that_no_node_has_is_refused_with_those_there_are(string path, string body)
    {
        await using var fleet = await Fleet.StartAsync([_well, _well]);
        using var response = await SendAsync(fleet, path, body, "n7");
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains("there is no node \\u0022n7\\u0022; there are n0, n1", (await response.Content.ReadAsStringAsync(Cancellation)).Replace("\\\"", "\\u0022", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.All(fleet.Doubles, node => Assert.Equal(0, node.State.Loads));
    }

    private static async Task<HttpResponseMessage> SendAsync(Fleet fleet, string path, string body, string node)
    {
        using var request = Fleet.Post(path, body);
        request.Headers.Add("X-Chasqui-Node", node);
        return await fleet.Gateway.Http.SendAsync(request, Cancellation);
    }
}
