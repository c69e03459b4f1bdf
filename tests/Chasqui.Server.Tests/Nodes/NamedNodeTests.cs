using System.Text.Json;
using Chasqui.Gateway;
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

    [Theory]
    [InlineData("/api/chat", true)]
    [InlineData("/api/generate", false)]
    [InlineData("/v1/chat/completions", true)]
    [InlineData("/v1/messages", false)]
    [InlineData("/infer", false)]
    public async Task One_that_is_down_says_so_and_no_other_is_asked(string path, bool passes)
    {
        await using var fleet = await Fleet.StartAsync([_well, _well], kind: passes ? NodeKind.Ollama : NodeKind.OpenAi);
        await fleet.WarmAsync();
        await fleet.Doubles[1].DisposeAsync();
        await fleet.Nodes.RefreshAsync(Cancellation);
        var asked = fleet.Doubles[0].Requests.Count(IsAsked);

        using var response = await SendAsync(fleet, path, path == "/infer" ? """{"model":"mini","prompt":"x"}""" : ApiCall.Of(path, false)
            .Body, "n1");
        var text = await response.Content.ReadAsStringAsync(Cancellation);

        Assert.Equal(503, (int)response.StatusCode);
        Assert.Contains("node n1 is down: cannot be reached at ", JsonElement.Parse(text).GetRawText()
            .Replace("\\u0027", "'", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(asked, fleet.Doubles[0].Requests.Count(IsAsked));

        static bool IsAsked(RecordedRequest request) => request.Method == "POST";
    }

    [Theory]
    [InlineData("/api/tags")]
    [InlineData("/api/ps")]
    [InlineData("/v1/models")]
    public async Task Lists_of_one_that_was_never_up_say_so(string path)
    {
        await using var fleet = await Fleet.StartAsync([_well], change: options => options with
        {
            Nodes = [.. options.Nodes!, new NodeOptions { Name = "n1", Url = "http://127.0.0.1:1", Kind = NodeKind.Ollama }],
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("X-Chasqui-Node", "n1");
        using var response = await fleet.Gateway.Http.SendAsync(request, Cancellation);

        Assert.Equal(503, (int)response.StatusCode);
        Assert.Contains("node n1 is down: ", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    private static async Task<HttpResponseMessage> SendAsync(Fleet fleet, string path, string body, string node)
    {
        using var request = Fleet.Post(path, body);
        request.Headers.Add("X-Chasqui-Node", node);
        return await fleet.Gateway.Http.SendAsync(request, Cancellation);
    }
}
