using System.Diagnostics;
using System.Text.RegularExpressions;
using Chasqui.Client;
using Chasqui.Engines.Remote;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests;

/// <summary>Traces and ids of requests through running gateways.</summary>
public sealed partial class TracingTests
{
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";
    private const string ParentId = "b7ad6b7169203331";
    private const string Parent = $"00-{TraceId}-{ParentId}-01";
    private const string Chat = """{"model":"m","messages":[{"role":"user","content":"hello"}]}""";

    private static readonly Messages.ChatRequest _chat = new() { Model = "m", Messages = { new Messages.ChatMessage { Role = "user", Content = "hello" } } };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_over_HTTP_is_a_span_within_the_callers_trace_and_the_engine_a_span_within_it()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        using var spans = SpanWatch.Of(gateway);

        using var answer = await SendAsync(gateway, Chat, Parent, "req-1");

        var ended = await spans.EndedAsync(4);
        Assert.Equal(["queue", "engine", "node local", "/api/chat"], ended.Select(span => span.DisplayName));
        var (engine, node, server) = (ended[1], ended[2], ended[3]);
        Assert.All([ended[0], node], span => Assert.Equal(server.SpanId, span.ParentSpanId));
        Assert.Equal((TraceId, ParentId), (server.TraceId.ToHexString(), server.ParentSpanId.ToHexString()));
        Assert.Equal((server.TraceId, node.SpanId), (engine.TraceId, engine.ParentSpanId));
        Assert.Equal((ActivityKind.Server, ActivityKind.Client), (server.Kind, engine.Kind));
        Assert.Equal("vendor=1", server.TraceStateString);
        Assert.Equal(("chat", "m", 3, 1, 200, "POST", "req-1"), (server.GetTagItem("gen_ai.operation.name"), server.GetTagItem("gen_ai.request.model"),
            server.GetTagItem("gen_ai.usage.input_tokens"), server.GetTagItem("gen_ai.usage.output_tokens"), server.GetTagItem("http.response.status_code"),
            server.GetTagItem("http.request.method"), server.GetTagItem("chasqui.request.id")));
        Assert.Contains(server.Events, e => e.Name == "first_token");
        Assert.Equal(["req-1"], answer.Headers.GetValues("X-Request-Id"));
    }

    [Fact]
    public async Task A_call_over_MCP_is_the_same()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        using var spans = SpanWatch.Of(gateway);

        await DrainAsync(client.ChatAsync(_chat, new CallOptions { RequestId = "req-2", TraceParent = Parent, TraceState = "vendor=1" }, Cancellation));

        var ended = await spans.EndedAsync(4);
        Assert.Equal(["queue", "engine", "node local", "chat"], ended.Select(span => span.DisplayName));
        Assert.Equal((TraceId, ParentId, "vendor=1"), (ended[3].TraceId.ToHexString(), ended[3].ParentSpanId.ToHexString(), ended[3].TraceStateString));
        Assert.Equal((ended[3].SpanId, ended[2].SpanId), (ended[2].ParentSpanId, ended[1].ParentSpanId));
        Assert.Equal(("mcp", "req-2"), (ended[3].GetTagItem("chasqui.transport"), ended[3].GetTagItem("chasqui.request.id")));
    }

    [Fact]
    public async Task The_HTTP_API_over_MCP_is_one_span_with_the_fields_of_the_call()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        using var spans = SpanWatch.Of(gateway);

        await using var answer = await client.HttpAsync("POST", "/api/chat", System.Text.Encoding.UTF8.GetBytes(Chat),
            call: new CallOptions { RequestId = "req-3", TraceParent = Parent }, cancellationToken: Cancellation);
        await answer.ReadBodyAsync(cancellationToken: Cancellation);

        var ended = await spans.EndedAsync(4);
        Assert.Equal(["queue", "engine", "node local", "/api/chat"], ended.Select(span => span.DisplayName));
        Assert.Equal((TraceId, "req-3"), (ended[3].TraceId.ToHexString(), ended[3].GetTagItem("chasqui.request.id")));
        Assert.Equal("req-3", answer.Headers["request-id"]);
    }

    [Fact]
    public async Task A_gateway_before_a_gateway_over_MCP_is_one_trace_with_one_id()
    {
        await using var back = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var remote = new RemoteEngine(new ChasquiClient(GatewayHost.WireAddresses(back.App)[0]));
        await using var front = await RunningGateway.StartAsync(
            remote, options => options with { Routing = new Gateway.RoutingOptions { RefreshInterval = TimeSpan.FromHours(1) } });
        using var spans = SpanWatch.Of(front, back);

        // The second one goes over a connection that the first one opened.
        foreach (var id in new[] { "one", "two" })
        {
            using var answer = await SendAsync(front, Chat, id == "one" ? Parent : null, id);
            Assert.True(answer.IsSuccessStatusCode);
        }

        // What the front gateway itself asks of the other one has traces of its own.
        var all = await spans.EndedAsync(16, root: "/api/chat");
        foreach (var trace in all.GroupBy(span => span.TraceId))
        {
            var at = trace.Single(span => span.DisplayName == "/api/chat");
            var id = at.GetTagItem("chasqui.request.id");
            Assert.Equal(8, trace.Count());
            foreach (var name in new[] { "node local", "engine", "chat", "node local", "engine" })
            {
                at = trace.Single(span => span.ParentSpanId == at.SpanId && span.DisplayName != "queue");
                Assert.Equal(name, at.DisplayName);
                Assert.True(name != "chat" || id!.Equals(at.GetTagItem("chasqui.request.id")));
            }
        }

        Assert.Equal(2, all.Select(span => span.TraceId).Distinct().Count());
        Assert.Contains(all, span => span.TraceId.ToHexString() == TraceId);
    }

    [Fact]
    public async Task A_gateway_that_traces_nothing_passes_a_trace_on_as_it_came()
    {
        var seen = new TaskCompletionSource<(string? Id, string? Parent, string? State)>();
        var engine = new ScriptedEngine
        {
            Answer = (_, token) =>
            {
                seen.TrySetResult((RequestContext.Current?.RequestId, RequestContext.Current?.TraceParent, RequestContext.Current?.TraceState));
                return ScriptedEngine.TokensAsync(["a"], token);
            },
        };
        await using var back = await RunningGateway.StartAsync(engine);
        await using var remote = new RemoteEngine(new ChasquiClient(GatewayHost.WireAddresses(back.App)[0]));
        await using var front = await RunningGateway.StartAsync(remote);

        using var answer = await SendAsync(front, Chat, Parent, "id-4");

        Assert.Equal(("id-4", Parent, "vendor=1"), await seen.Task.WaitAsync(Cancellation));
    }

    [Fact]
    public async Task What_fails_says_so_in_its_span()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => ScriptedEngine.FailAfterAsync(["a"], new EngineFailedException("broke"), token) });
        using var spans = SpanWatch.Of(gateway);

        using var answer = await SendAsync(gateway, Chat, null, null);

        var ended = await spans.EndedAsync(4);
        // That it waited was no failure.
        Assert.All(ended, span => Assert.Equal(span.DisplayName == "queue" ? ActivityStatusCode.Unset : ActivityStatusCode.Error, span.Status));
        Assert.Equal("engine_failed", ended[^1].GetTagItem("error.type"));
        Assert.Matches("^[0-9a-f]{16}$", answer.Headers.GetValues("X-Request-Id").Single());
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("!~[]{}\"'\\%s", true)]
    [InlineData("", false)]
    [InlineData("two words", false)]
    [InlineData("tab\tbed", false)]
    [InlineData("a\r\nX-Request-Id: b", false)]
    public async Task An_id_is_taken_if_it_is_sane_and_else_made(string id, bool taken)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        foreach (var path in new[] { "/api/chat", "/nowhere", "/healthz" })
        {
            using var raw = await RawHttp.ConnectAsync(gateway.Address);
            await raw.SendAsync($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: {id}\r\n\r\n");
            var (_, headers) = await raw.ReadHeadAsync();
            if (taken)
                Assert.Equal(id, headers["X-Request-Id"]);
            else
                Assert.Matches(MadeId(), headers["X-Request-Id"]);
        }
    }

    [Theory]
    [InlineData(128, true)]
    [InlineData(129, false)]
    [InlineData(8_000, false)]
    public async Task A_long_id_is_not_taken(int length, bool taken)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine());
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        using var spans = SpanWatch.Of(gateway);
        var id = new string('x', length);

        using var answer = await SendAsync(gateway, Chat, null, id);
        await DrainAsync(client.ChatAsync(_chat, new CallOptions { RequestId = id }, Cancellation));

        Assert.Equal(taken, id == answer.Headers.GetValues("X-Request-Id").Single());
        Assert.All((await spans.EndedAsync(8)).Where(span => span.Kind == ActivityKind.Server), span => Assert.Equal(taken, id.Equals(span.GetTagItem("chasqui.request.id"))));
    }

    private static async Task<HttpResponseMessage> SendAsync(RunningGateway gateway, string body, string? parent, string? id)
    {
        // The client's own spans would take the place of the given one.
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/chat") { Content = new StringContent(body) };
        if (parent is not null)
        {
            request.Headers.Add("traceparent", parent);
            request.Headers.Add("tracestate", "vendor=1");
        }

        if (id is not null)
            request.Headers.Add("X-Request-Id", id);
        return await gateway.Http.SendAsync(request, Cancellation);
    }

    private static async Task DrainAsync(IAsyncEnumerable<Messages.GenerationUpdate> updates)
    {
        await foreach (var _ in updates)
        {
            // Only its end matters.
        }
    }

    [GeneratedRegex("^[0-9a-f]{16}$")]
    private static partial Regex MadeId();
}
