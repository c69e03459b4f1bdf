using System.Diagnostics;
using Chasqui.Gateway.Telemetry;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests;

/// <summary>What a dispatcher tells of a request becomes spans and measurements.</summary>
public sealed class RequestMeasureTests
{
    private static readonly RequestOrigin _origin = new("http", "/api/chat", "/api/chat");

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_request_that_waits_fails_on_one_node_and_is_answered_by_another_is_one_trace()
    {
        using var telemetry = new GatewayTelemetry(_time);
        using var spans = new SpanWatch(telemetry);
        using var meters = new MeterWatch(telemetry);

        var request = telemetry.Begin(_origin);
        request.Asks("chat", "m");
        request.QueueEntered();
        Assert.Equal(1, meters.Of("chasqui.queue.length").Sum(m => m.Value));
        _time.Advance(TimeSpan.FromSeconds(2));
        var first = request.NodeChosen("a", "ollama", "10.0.0.1", 11434);
        var inFirst = request.TraceParent;
        _time.Advance(TimeSpan.FromSeconds(1));
        first.Ended("unavailable");
        var second = request.NodeChosen("b", "openai", kind: AttemptKind.Retry);
        _time.Advance(TimeSpan.FromSeconds(3));
        request.FirstToken();
        _time.Advance(TimeSpan.FromSeconds(4));
        request.FirstToken();
        request.Tokens(7, 5);
        second.Ended();
        request.Ended(RequestOutcome.Ok);
        request.Ended(RequestOutcome.Failed);

        var ended = spans.EndedAsync(4).Result();
        Assert.Equal(["queue", "node a", "node b", "/api/chat"], ended.Select(span => span.DisplayName));
        var server = ended[3];
        Assert.All(ended.Take(3), span => Assert.Equal((server.TraceId, server.SpanId), (span.TraceId, span.ParentSpanId)));
        Assert.Equal(ended[1].Id, inFirst);
        Assert.Equal((ActivityStatusCode.Error, ActivityStatusCode.Unset, ActivityStatusCode.Unset), (ended[1].Status, ended[2].Status, server.Status));
        Assert.Equal(("10.0.0.1", 11434, "retry"), (ended[1].GetTagItem("server.address"), ended[1].GetTagItem("server.port"), ended[2].GetTagItem("chasqui.attempt")));
        Assert.Equal((7, 5, request.RequestId), (server.GetTagItem("gen_ai.usage.input_tokens"), server.GetTagItem("gen_ai.usage.output_tokens"), server.GetTagItem("chasqui.request.id")));

        Assert.Equal(0, meters.Of("chasqui.queue.length").Sum(m => m.Value));
        Assert.Equal(0, meters.Of("chasqui.requests.active").Sum(m => m.Value));
        Assert.Equal(2, Assert.Single(meters.Of("chasqui.queue.wait")).Value);
        Assert.Equal(6, Assert.Single(meters.Of("gen_ai.server.time_to_first_token")).Value);
        Assert.Equal(1, Assert.Single(meters.Of("gen_ai.server.time_per_output_token")).Value);
        Assert.Equal(10, Assert.Single(meters.Of("gen_ai.server.request.duration")).Value);
        Assert.Equal([1d, 7d], meters.Of("gen_ai.client.operation.duration").Select(m => m.Value));
        Assert.Equal(["unavailable", null], meters.Of("gen_ai.client.operation.duration").Select(m => m.Tags.GetValueOrDefault("error.type")));
        Assert.Equal([("a", "first", "unavailable"), ("b", "retry", "ok")],
            meters.Of("chasqui.node.requests").Select(m => (m.Tags["chasqui.node"], m.Tags["chasqui.attempt"], m.Tags["chasqui.outcome"])));
        Assert.Equal(("ok", "/api/chat"), (Assert.Single(meters.Of("chasqui.requests")).Tags["chasqui.outcome"], meters.Of("chasqui.requests")[0].Tags["chasqui.route"]));
    }

    [Fact]
    public void A_request_that_fails_while_it_waits_leaves_the_queue_and_ends_every_span()
    {
        using var telemetry = new GatewayTelemetry(_time);
        using var spans = new SpanWatch(telemetry);
        using var meters = new MeterWatch(telemetry);

        var request = telemetry.Begin(_origin);
        request.Asks("chat", "m");
        request.QueueEntered();
        request.Failed("overloaded");
        request.Ended(RequestOutcome.Failed, "503");

        Assert.Equal(["queue", "/api/chat"], spans.EndedAsync(2).Result().Select(span => span.DisplayName));
        Assert.Equal(0, meters.Of("chasqui.queue.length").Sum(m => m.Value));
        Assert.Equal("overloaded", Assert.Single(meters.Of("gen_ai.server.request.duration")).Tags["error.type"]);
        Assert.Empty(meters.Of("gen_ai.server.time_to_first_token"));
        Assert.Null(RequestContext.Current);
    }

    [Fact]
    public void Names_that_callers_make_up_are_no_labels()
    {
        using var telemetry = new GatewayTelemetry(_time);
        using var meters = new MeterWatch(telemetry);

        for (var i = 0; i < 50; i++)
            Run(telemetry, $"made-up-{i}", RequestOutcome.Refused);
        Run(telemetry, "real", RequestOutcome.Ok);
        Run(telemetry, "real", RequestOutcome.Failed);
        // A model has many spellings.
        for (var i = 0; i < 2_000; i++)
            Run(telemetry, $"spelling-{i}", RequestOutcome.Ok);
        var learnt = meters.Of("gen_ai.server.request.duration").Select(m => m.Tags["gen_ai.request.model"]).ToHashSet();
        telemetry.ModelExists = name => name == "listed";
        Run(telemetry, "unlisted", RequestOutcome.Ok);

        Assert.DoesNotContain("made-up-0", learnt);
        Assert.Contains("real", learnt);
        Assert.Contains("_other", learnt);
        Assert.InRange(learnt.Count, 500, 1_001);
        Assert.Equal("_other", meters.Of("gen_ai.server.request.duration")[^1].Tags["gen_ai.request.model"]);
    }

    [Fact]
    public void Nodes_are_told_when_asked()
    {
        using var telemetry = new GatewayTelemetry(_time);
        using var meters = new MeterWatch(telemetry);
        telemetry.AddNodes(() => [new NodeMeasure { Name = "a", Active = 3, Queued = 2, Slots = 4, State = NodeMeasure.Returning, Breaker = NodeMeasure.HalfOpen }, new NodeMeasure { Name = "b" }]);

        meters.Observe();

        Assert.Equal([("a", 3d), ("b", 0d)], meters.Of("chasqui.node.requests.active").Select(m => (m.Tags["chasqui.node"], m.Value)));
        Assert.Equal(4, Assert.Single(meters.Of("chasqui.node.slots")).Value);
        Assert.Equal([("a", "recovering"), ("b", "up")], meters.Of("chasqui.node.state").Where(m => m.Value == 1).Select(m => (m.Tags["chasqui.node"], m.Tags["chasqui.state"])));
        Assert.Equal(["half_open", "closed"], meters.Of("chasqui.node.breaker").Where(m => m.Value == 1).Select(m => m.Tags["chasqui.state"]));
        Assert.Equal(6, meters.Of("chasqui.node.state").Count);
    }

    [Theory]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1,b=2", true, true)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=\u00e9", true, false)]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01", "a=1", false, false)]
    [InlineData("nonsense", "a=1", false, false)]
    [InlineData("", null, false, false)]
    public void Without_listeners_a_trace_goes_by_as_it_came_if_it_is_one(string parent, string? state, bool taken, bool stateTaken)
    {
        using var telemetry = new GatewayTelemetry(_time);

        var request = telemetry.Begin(_origin with { TraceParent = parent, TraceState = state });
        request.NodeChosen("a");

        Assert.Null(request.Span);
        Assert.Equal((taken ? parent : null, stateTaken ? state : null), (request.TraceParent, request.TraceState));
        List<KeyValuePair<string, string>> headers = [];
        TraceHeaders.AddTo(headers);
        Assert.Equal(1 + (taken ? 1 : 0) + (stateTaken ? 1 : 0), headers.Count);
        Assert.Equal(new("X-Request-Id", request.RequestId), headers[0]);
        Assert.All(headers, header => Assert.True(TraceHeaders.IsOwn(header.Key)));
    }

    [Fact]
    public void What_nobody_looks_at_costs_one_small_object()
    {
        using var telemetry = new GatewayTelemetry();
        // Warm.
        for (var i = 0; i < 100; i++)
            Run(telemetry, "m", RequestOutcome.Ok);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            Run(telemetry, "m", RequestOutcome.Ok);
        var each = (GC.GetAllocatedBytesForCurrentThread() - before) / 1_000;

        // The measure itself, its id, a node's attempt, and what .NET makes of an AsyncLocal.
        Assert.InRange(each, 1, 648);
    }

    private static void Run(GatewayTelemetry telemetry, string model, RequestOutcome outcome)
    {
        var request = telemetry.Begin(_origin);
        request.Asks("chat", model);
        request.NodeChosen("a").Ended(outcome == RequestOutcome.Ok ? null : "failed");
        request.FirstToken();
        request.Tokens(1, 2);
        request.Ended(outcome, "404");
    }
}

internal static class TaskResults
{
    /// <summary>The result of a task that is done already.</summary>
    public static T Result<T>(this Task<T> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : throw new InvalidOperationException("it is not done");
}
