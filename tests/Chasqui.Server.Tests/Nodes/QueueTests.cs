using System.Text.Json;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.Gateway.Dispatch;
using Chasqui.OllamaDouble;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>More requests than there are slots: who waits, who is refused, and what they are told.</summary>
public sealed class QueueTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_node_never_has_more_than_its_slots_and_everybody_is_served()
    {
        await using var fleet = await Fleet.StartAsync((DoubleScript[])[new() { NumParallel = 3, TokenMilliseconds = 1 }, new() { NumParallel = 2, TokenMilliseconds = 1 }]);
        var calls = Enumerable.Range(0, 60).Select(i => ApiCall.Generating[i % ApiCall.Generating.Count].SendAsync(fleet.Gateway.Http, Cancellation)).ToList();

        var results = await Task.WhenAll(calls);

        Assert.All(results, result => Assert.Equal(CallEnd.Whole, result.End));
        Assert.All(fleet.Doubles, node => Assert.True(node.State.MaxComputing <= node.Script.NumParallel));
        Assert.Equal(60, fleet.Doubles.Sum(node => node.State.Completions));
        Assert.Equal(0, Waiting(fleet));
    }

    [Fact]
    public async Task One_more_than_may_wait_is_refused_in_the_form_of_its_API()
    {
        await using var busy = await BusyAsync(new QueueOptions { MaxWaiting = 0 });
        foreach (var call in ApiCall.Generating)
        {
            using var request = Fleet.Post(call.Path, call.Body);

            using var response = await busy.Fleet.Gateway.Http.SendAsync(request, Cancellation);
            var body = await response.Content.ReadAsStringAsync(Cancellation);

            Assert.Equal(503, (int)response.StatusCode);
            Assert.Equal(CallEnd.Refused, call.End(503, body));
            Assert.Contains("server busy, please try again.  maximum pending requests exceeded: 0 wait already", body, StringComparison.Ordinal);
            Assert.True(response.Headers.RetryAfter!.Delta >= TimeSpan.FromSeconds(1));
            Assert.Equal("1", response.Headers.GetValues("X-Chasqui-Queue-Position").Single());
            Assert.True(response.Headers.Contains("X-Chasqui-Expected-Wait"));
        }
        Assert.Equal(1, busy.Fleet.Double.State.RequestsByPath.Where(path => path.Key.StartsWith("POST", StringComparison.Ordinal) && path.Key != "POST /api/show").Sum(path => path.Value));
    }

    [Fact]
    public async Task One_caller_too_many_is_refused_with_another_status()
    {
        await using var busy = await BusyAsync(new QueueOptions { MaxWaitingPerCaller = 0 });
        var fleet = busy.Fleet;

        using var response = await fleet.BeginAsync("/api/chat", ApiCall.Of("/api/chat", false).Body, Cancellation);

        Assert.Equal(429, (int)response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
    }

    [Fact]
    public async Task Who_would_wait_longer_than_he_will_is_refused_at_once()
    {
        await using var busy = await BusyAsync(new QueueOptions());
        var fleet = busy.Fleet;
        using var request = Fleet.Post("/v1/chat/completions", ApiCall.Of("/v1/chat/completions", false).Body);
        request.Headers.Add("X-Chasqui-Max-Wait", "1ms");

        using var response = await fleet.Gateway.Http.SendAsync(request, Cancellation);

        Assert.Equal(503, (int)response.StatusCode);
        Assert.Contains("but the request allows", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_has_waited_for_as_long_as_he_may_is_told_so()
    {
        await using var busy = await BusyAsync(new QueueOptions { MaxWait = TimeSpan.FromSeconds(30) });
        var fleet = busy.Fleet;
        var call = fleet.BeginAsync("/api/generate", ApiCall.Of("/api/generate", false).Body, Cancellation);
        await UntilAsync(fleet, 1);

        _time.Advance(TimeSpan.FromSeconds(30));

        using var response = await call;
        Assert.Equal(503, (int)response.StatusCode);
        Assert.Contains("no slot was free for 30 s", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal(0, Waiting(fleet));
    }

    [Theory]
    [InlineData("X-Chasqui-Priority", "urgent", "must be interactive, normal or batch")]
    [InlineData("X-Chasqui-Max-Wait", "soon", "must be a duration")]
    public async Task A_header_that_says_nothing_is_refused_by_name(string header, string value, string expected)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript());
        using var request = Fleet.Post("/api/chat", ApiCall.Of("/api/chat", false).Body);
        request.Headers.Add(header, value);

        using var response = await fleet.Gateway.Http.SendAsync(request, Cancellation);
        var body = await response.Content.ReadAsStringAsync(Cancellation);

        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains(header, body, StringComparison.Ordinal);
        Assert.Contains(expected, body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_urgent_one_is_served_first_and_is_told_how_long_it_waited()
    {
        await using var busy = await BusyAsync(new QueueOptions());
        var fleet = busy.Fleet;
        var batch = SendAsync(fleet, "batch");
        await UntilAsync(fleet, 1);
        var urgent = SendAsync(fleet, "interactive");
        await UntilAsync(fleet, 2);

        _time.Advance(TimeSpan.FromSeconds(2.5));
        busy.Held.Dispose();

        using var first = await urgent;
        using var last = await batch;
        Assert.Equal((200, 200), ((int)first.StatusCode, (int)last.StatusCode));
        Assert.Equal("2.5", first.Headers.GetValues("X-Chasqui-Queue-Wait").Single());
        Assert.Matches("interactive.*batch", string.Concat(fleet.Double.Requests.Where(request => request.Path == "/api/generate").Select(request => request.Body)));
    }

    [Fact]
    public async Task Who_leaves_the_line_costs_the_node_nothing()
    {
        await using var busy = await BusyAsync(new QueueOptions());
        var fleet = busy.Fleet;
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var calls = Enumerable.Range(0, 20).Select(i => fleet.BeginAsync("/api/chat", ApiCall.Of("/api/chat", i % 2 == 0).Body, leave.Token)).ToList();
        await UntilAsync(fleet, 20);

        await leave.CancelAsync();

        foreach (var call in calls)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await UntilAsync(fleet, 0);
        Assert.Equal(1, fleet.Double.State.RequestsByPath.Where(path => path.Key is "POST /api/chat" or "POST /api/generate").Sum(path => path.Value));
    }

    [Fact]
    public async Task A_client_that_wants_to_know_is_told_its_place_in_the_stream()
    {
        await using var busy = await BusyAsync(new QueueOptions());
        var fleet = busy.Fleet;
        using var request = Fleet.Post("/v1/chat/completions", ApiCall.Of("/v1/chat/completions", true).Body);
        request.Headers.Add("X-Chasqui-Queue-Progress", "true");
        var sending = fleet.Gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await UntilAsync(fleet, 1);
        _time.Advance(TimeSpan.FromSeconds(1.1));

        using var response = await sending;
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.Matches("^: queue position=1 expected=[0-9.]+s waited=1\\.[0-9]s$", await reader.ReadLineAsync(Cancellation));
        busy.Held.Dispose();
        Assert.EndsWith("data: [DONE]\n\n", await reader.ReadToEndAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_queue_can_be_looked_at()
    {
        await using var busy = await BusyAsync(new QueueOptions());
        var fleet = busy.Fleet;
        var waiting = SendAsync(fleet, "batch");
        await UntilAsync(fleet, 1);

        using var json = JsonDocument.Parse(await fleet.Gateway.Http.GetStringAsync(new Uri("/api/queue", UriKind.Relative), Cancellation));

        var line = json.RootElement.GetProperty("lines")[0];
        Assert.Equal(("mini:latest", 1, "slot"), (line.GetProperty("model").GetString(), line.GetProperty("batch").GetInt32(), line.GetProperty("waits_for").GetString()));
        Assert.Equal(1, json.RootElement.GetProperty("nodes")[0].GetProperty("running").GetInt32());
        busy.Held.Dispose();
        using var served = await waiting;
    }

    [Fact]
    public async Task Over_MCP_too_who_waits_in_vain_is_told_when_to_come_again()
    {
        await using var busy = await BusyAsync(new QueueOptions { MaxWaiting = 0 });
        var fleet = busy.Fleet;
        await using var client = new ChasquiClient($"ws://127.0.0.1:{fleet.Gateway.Address.Port}/ws");

        var refused = await Assert.ThrowsAsync<ClientException>(async () =>
        {
            await foreach (var _ in client.GenerateAsync(new Protocol.Messages.GenerateRequest { Model = "mini", Prompt = "Hello!" }, cancellationToken: Cancellation))
                Assert.Fail("it was answered");
        });

        Assert.Equal("overloaded", refused.Error!.Code);
        Assert.True(refused.Error.RetryAfterMs >= 1000);
        Assert.Equal("1", refused.Error.Details["position"]);
    }

    /// <summary>One slot, and somebody has it until he leaves.</summary>
    private async Task<Busy> BusyAsync(QueueOptions queue)
    {
        var script = new DoubleScript { Faults = [new Fault { Kind = FaultKind.HangMidStream, Requests = 1 }] };
        var fleet = await Fleet.StartAsync(script, change: options => options with { Queue = queue }, time: _time);
        return new Busy(fleet, await fleet.BeginAsync("/api/generate", """{"model":"mini","prompt":"Hold it"}""", Cancellation));
    }

    private static Task<HttpResponseMessage> SendAsync(Fleet fleet, string priority)
    {
        var request = Fleet.Post("/api/generate", $$"""{"model":"mini","prompt":"{{priority}}","stream":false}""");
        request.Headers.Add("X-Chasqui-Priority", priority);
        return fleet.Gateway.Http.SendAsync(request, Cancellation);
    }

    private static int Waiting(Fleet fleet) => fleet.Gateway.App.Services.GetRequiredService<Dispatcher>().Queue.Waiting;

    private static async Task UntilAsync(Fleet fleet, int waiting)
    {
        while (Waiting(fleet) != waiting)
        {
            Cancellation.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>A node whose only slot is taken, by whoever holds this answer.</summary>
    private sealed record Busy(Fleet Fleet, HttpResponseMessage Held) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            // A gateway does not end before its answers.
            Held.Dispose();
            await Fleet.DisposeAsync();
        }
    }
}
