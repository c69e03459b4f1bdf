using System.Text;
using Chasqui.Gateway;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;
using Google.Protobuf;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>What a node is not sent although it would take it, over HTTP and inside of MCP.</summary>
public sealed class NodeGuardTests
{
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"URL"}}]}]}""";
    private const string Responses = """{"model":"mini","store":false,"input":[{"role":"user","content":[{"type":"input_image","image_url":"URL"}]}]}""";
    private const string Messages = """{"model":"mini","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"URL"}}]}]}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, bool> Paths { get; } = new()
    {
        { "/v1/chat/completions", Chat, false }, { "/v1/responses", Responses, false }, { "/v1/messages", Messages, false },
        { "/v1/chat/completions", Chat, true }, { "/v1/responses", Responses, true }, { "/v1/messages", Messages, true },
    };

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task An_image_of_the_nodes_own_network_is_refused_and_one_of_the_internet_goes_on(string path, string body, bool wire)
    {
        var node = Node();
        await using var gateway = await PassingNode.StartAsync(node);

        var (status, text) = await SendAsync(gateway, path, body.Replace("URL", "http://169.254.169.254/latest", StringComparison.Ordinal), wire);
        Assert.Equal(400, status);
        Assert.Contains("on a host of the public internet", text);
        Assert.Empty(node.Requests);

        Assert.Equal(200, (await SendAsync(gateway, path, body.Replace("URL", "https://example.com/a.png", StringComparison.Ordinal), wire)).Status);
        Assert.Equal(200, (await SendAsync(gateway, path, body.Replace("URL", "data:image/png;base64,AAAA", StringComparison.Ordinal), wire)).Status);
        Assert.Equal(2, node.Requests.Count);
    }

    [Theory]
    [InlineData(NodeImages.None, "data:image/png;base64,AAAA", true)]
    [InlineData(NodeImages.None, "https://example.com/a.png", false)]
    [InlineData(NodeImages.Public, "https://example.com/a.png", true)]
    [InlineData(NodeImages.Any, "http://10.0.0.1/a.png", true)]
    [InlineData(NodeImages.Any, "file:///x", true)]
    public async Task A_nodes_option_says_what_it_fetches(NodeImages images, string url, bool goesOn)
    {
        var node = Node();
        await using var gateway = await PassingNode.StartAsync(null, one => one with { Images = images }, node);
        var (status, _) = await SendAsync(gateway, "/v1/chat/completions", Chat.Replace("URL", url, StringComparison.Ordinal), wire: false);
        Assert.Equal((goesOn ? 200 : 400, goesOn ? 1 : 0), (status, node.Requests.Count));
    }

    [Theory]
    [InlineData("\"chat_template\":\"{{ x }}\"", "chat_template")]
    [InlineData("\"chat_template_kwargs\":{\"chat_template\":\"x\"}", "chat_template")]
    [InlineData("\"lora\":[{\"id\":0,\"scale\":1}]", "lora")]
    [InlineData("\"kv_transfer_params\":{\"remote_host\":\"10.0.0.1\"}", "kv_transfer_params")]
    public async Task A_member_that_reaches_deep_is_refused_by_name_unless_the_node_allows_it(string member, string name)
    {
        var body = $$"""{"model":"mini","messages":[{"role":"user","content":"x"}],{{member}}}""";
        var node = Node();
        await using (var gateway = await PassingNode.StartAsync(node))
        {
            foreach (var wire in (bool[])[false, true])
            {
                var (status, text) = await SendAsync(gateway, "/v1/chat/completions", body, wire);
                Assert.Equal(400, status);
                Assert.Contains(name, text);
            }
            Assert.Empty(node.Requests);
            Assert.Equal(200, (await SendAsync(gateway, "/v1/chat/completions",
                """{"model":"mini","messages":[{"role":"user","content":"x"}],"chat_template_kwargs":{"enable_thinking":false},"grammar":"g","guided_json":{}}""", wire: false)).Status);
        }
        var open = Node();
        await using var allowing = await PassingNode.StartAsync(null, one => one with { AllowMembers = [name] }, open);
        Assert.Equal(200, (await SendAsync(allowing, "/v1/chat/completions", body, wire: false)).Status);
        Assert.Equal(body, Encoding.UTF8.GetString(open.Requests.Single().Body.Span));
    }

    [Theory]
    [InlineData("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}],"options":{"num_ctx":-5}}""")]
    [InlineData("/api/generate", """{"model":"mini","prompt":"x","options":{"num_ctx":0}}""")]
    public async Task A_context_that_cannot_be_is_refused_by_name(string path, string body)
    {
        var node = Node();
        await using var gateway = await PassingNode.StartAsync(node);
        foreach (var wire in (bool[])[false, true])
        {
            var (status, text) = await SendAsync(gateway, path, body, wire);
            Assert.Equal(400, status);
            Assert.Contains("num_ctx", text);
        }
        Assert.Empty(node.Requests);
    }

    [Fact]
    public async Task Headers_go_on_by_a_list_of_those_that_may()
    {
        var node = Node();
        await using var gateway = await PassingNode.StartAsync(node);
        using var request = Fleet.Post("/v1/messages", """{"model":"mini","max_tokens":9,"messages":[{"role":"user","content":"x"}]}""");
        string[] kept = ["anthropic-version", "anthropic-beta", "Accept", "User-Agent", "X-Chasqui-Priority"];
        string[] left = ["Authorization", "x-api-key", "Cookie", "X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Data-Parallel-Rank", "OpenAI-Organization", "x-stainless-os", "baggage", "X-Anything"];
        foreach (var name in kept.Concat(left))
            request.Headers.TryAddWithoutValidation(name, name == "Cookie" ? "a=b" : name == "X-Chasqui-Priority" ? "batch" : name == "Accept" ? "text/event-stream" : "v1");
        using var answer = await gateway.Http.SendAsync(request, Cancellation);

        var sent = node.Requests.Single().Headers.Select(header => header.Key).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.Superset(kept.Append("Content-Type").ToHashSet(StringComparer.OrdinalIgnoreCase), sent);
        Assert.DoesNotContain(left, sent.Contains);
    }

    [Fact]
    public async Task A_load_with_a_context_that_cannot_be_is_refused_by_name()
    {
        await using var gateway = await RunningGateway.StartAsync(options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } });
        var pipe = await WireDialer.DialAsync(WireEndpoint.Parse(GatewayHost.WireAddresses(gateway.App)[0]), null, Cancellation);
        await using var connection = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions { InlineReplies = false });
        await connection.OpenAsync(Cancellation);
        var load = new Protocol.Messages.LoadRequest { Model = "mini", Options = new Protocol.Messages.GenerationOptions { NumCtx = -5 } };

        using var reply = await connection.CallAsync(new HeaderList().Add("op", "models.load"), load.ToByteArray(), ct: Cancellation);
        using var http = await gateway.PostAsync("/api/generate", """{"model":"mini","options":{"num_ctx":-5}}""");

        Assert.Equal(("400", 400), (reply.Headers["status"], (int)http.StatusCode));
        Assert.Contains("num_ctx", Protocol.Messages.Error.Parser.ParseFrom(reply.Body.Span).Message);
        Assert.Contains("num_ctx", await http.Content.ReadAsStringAsync(Cancellation));
        Assert.Empty(await gateway.Engine.ListResidentAsync(Cancellation));
    }

    [Theory]
    [InlineData("/x//a%0Ab%7F", "{\"error\":\"the path has a control character, U+000A; leave it out\"}")]
    [InlineData("/api/%01/", "{\"error\":\"the path has a control character, U+0001; leave it out\"}")]
    [InlineData("/api/chat%1B", "{\"error\":\"the path has a control character, U+001B; leave it out\"}")]
    [InlineData("/api/sessions/s%0D%0AX-Evil:1", "{\"error\":\"the path has a control character, U+000D; leave it out\"}")]
    [InlineData("/api/blobs/sha256:%07", "{\"error\":\"the path has a control character, U+0007; leave it out\"}")]
    [InlineData("/api/generations/%C2%9B", "{\"error\":\"the path has a control character, U+009B; leave it out\"}")]
    [InlineData("/v1/models/a%1Bb", "{\"error\":{\"message\":\"the path has a control character, U+001B; leave it out\",\"type\":\"invalid_request_error\",")]
    [InlineData("/v1/chat/completions%7F", "{\"error\":{\"message\":\"the path has a control character, U+007F; leave it out\",\"type\":\"invalid_request_error\",")]
    [InlineData("/v1/responses/%0A", "{\"error\":{\"message\":\"the path has a control character, U+000A; leave it out\",\"type\":\"invalid_request_error\",")]
    [InlineData("/v1/messages/%09", "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"the path has a control character, U+0009; leave it out\"}")]
    public async Task A_control_character_in_a_path_is_refused_in_the_form_of_its_API(string path, string expected)
    {
        await using var gateway = await PassingNode.StartAsync(Node());
        foreach (var wire in (bool[])[false, true])
        {
            var (status, text) = await SendAsync(gateway, path, "{}", wire);
            Assert.Equal(400, status);
            Assert.StartsWith(expected, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_registry_that_is_not_listed_is_asked_neither_by_the_gateway_nor_by_a_node()
    {
        await using var gateway = await PassingNode.StartAsync(Node());
        foreach (var wire in (bool[])[false, true])
        {
            foreach (var (path, body) in ((string, string)[])[("/api/pull", """{"model":"evil.example/library/x"}"""), ("/api/push", """{"model":"evil.example/library/x"}"""), ("/api/create", """{"model":"a","from":"http://10.0.0.1/library/x"}""")])
            {
                var (status, text) = await SendAsync(gateway, path, body, wire);
                Assert.Equal(400, status);
                Assert.Contains("Models:Registries", text);
            }
        }
    }

    private static PassingNode Node() => new(_ => new PassingAnswer("application/json") { Parts = ["{\"input_tokens\":1,\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"a\"}}]}"] });

    private static async Task<(int Status, string Text)> SendAsync(RunningGateway gateway, string path, string body, bool wire)
    {
        if (!wire)
        {
            using var request = Fleet.Post(path, body);
            using var response = await gateway.Http.SendAsync(request, Cancellation);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Cancellation));
        }
        var pipe = await WireDialer.DialAsync(WireEndpoint.Parse(GatewayHost.WireAddresses(gateway.App)[0]), null, Cancellation);
        await using var connection = Connection.Create(pipe, ConnectionRole.Connector, new ConnectionOptions { InlineReplies = false });
        await connection.OpenAsync(Cancellation);
        using var reply = await connection.CallAsync(new HeaderList().Add("op", "http").Add("path", path).Add("content-type", "application/json"), Encoding.UTF8.GetBytes(body), ct: Cancellation);
        return (int.Parse(reply.Headers["status"]!, System.Globalization.CultureInfo.InvariantCulture), Encoding.UTF8.GetString(reply.Body.Span));
    }
}
