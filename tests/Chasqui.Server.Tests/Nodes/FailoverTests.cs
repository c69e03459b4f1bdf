using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Many clients before nodes that fail in turn. <c>./test FailoverTests</c> prints the table of outcomes.</summary>
public sealed class FailoverTests
{
    private const int Clients = 200;
    private const int RequestsEach = 4;

    private static readonly DoubleScript _well = new()
    {
        Models = [new DoubleModel { Name = "mini", AnswerTokens = 8 }],
        NumParallel = 8,
        TokenMilliseconds = 2,
    };

    private static readonly RoutingOptions _routing = new()
    {
        RefreshInterval = TimeSpan.FromMilliseconds(200),
        StallAfter = TimeSpan.FromSeconds(1),
        BreakerPause = TimeSpan.FromMilliseconds(100),
        RampUp = TimeSpan.FromMilliseconds(200),
        CanaryAfter = TimeSpan.Zero,
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_200_clients_none_fails_that_had_not_heard_a_byte_while_nodes_are_killed_hang_and_answer_503_in_turn()
    {
        await using var fleet = await Fleet.StartAsync([_well, _well, _well], _routing);
        await fleet.WarmAsync();
        var table = new StringBuilder("while                 requests  whole  of them moved  error before a byte  error after the first  wrong form\n");
        var wrong = new List<CallResult>();

        async Task PhaseAsync(string name, Func<Task> strike, Func<Task> heal)
        {
            var results = await RunAsync(fleet, strike);
            await heal();
            table.AppendLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-20} {results.Count,9} {Count(CallEnd.Whole),6} {results.Count(result => result is { End: CallEnd.Whole, Moved: true }),14} {Count(CallEnd.Refused),20} {Count(CallEnd.Broken),22} {Count(CallEnd.Wrong),11}"));
            wrong.AddRange(results.Where(result => result.End is CallEnd.Refused or CallEnd.Wrong));
            int Count(CallEnd end) => results.Count(result => result.End == end);
        }

        await PhaseAsync("all are well", () => Task.CompletedTask, () => Task.CompletedTask);
        await PhaseAsync("n0 is killed", fleet.Doubles[0].StopListeningAsync, () => fleet.Doubles[0].ListenAsync(Cancellation));
        await fleet.WarmAsync();
        await PhaseAsync("n1 hangs", () => PlayAsync(1, new Fault { Kind = FaultKind.Hang }), () => PlayAsync(1));
        await PhaseAsync("n2 answers 503", () => PlayAsync(2, new Fault { Kind = FaultKind.Status }), () => PlayAsync(2));
        await PhaseAsync("all are well again", () => Task.CompletedTask, () => Task.CompletedTask);

        TestContext.Current.TestOutputHelper?.WriteLine(table.ToString());
        Assert.True(wrong.Count == 0, $"{table}\n{string.Join('\n', wrong.Take(10))}");

        Task PlayAsync(int node, params Fault[] faults)
        {
            fleet.Doubles[node].Script = fleet.Doubles[node].Script with { Faults = faults };
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task A_model_that_cannot_do_what_was_asked_says_nothing_of_its_nodes()
    {
        await using var fleet = await Fleet.StartAsync([_well, _well], _routing);
        await fleet.WarmAsync();
        for (var i = 0; i < 5; i++)
        {
            using var response = await fleet.BeginAsync("/api/embed", """{"model":"mini","input":"a cat"}""", Cancellation);
            Assert.Equal(501, (int)response.StatusCode);
        }
        Assert.All(fleet.Nodes.All, node => Assert.Equal((NodeState.Up, 0.0), (node.Health.State, node.Health.FailureRate)));
        Assert.Equal(5, fleet.Doubles.Sum(node => node.State.Errors));
    }

    // The fault strikes when a quarter of the requests are answered and the rest are under way.
    private static async Task<List<CallResult>> RunAsync(Fleet fleet, Func<Task> strike)
    {
        var results = new ConcurrentBag<CallResult>();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var done = 0;
        var clients = Enumerable.Range(0, Clients).Select(async client =>
        {
            for (var i = 0; i < RequestsEach; i++)
            {
                var call = ApiCall.Generating[(client + i) % ApiCall.Generating.Count];
                results.Add(await call.SendAsync(fleet.Gateway.Http, Cancellation));
                if (Interlocked.Increment(ref done) == Clients * RequestsEach / 4)
                    reached.SetResult();
            }
        }).ToList();
        await reached.Task.WaitAsync(Cancellation);
        await strike();
        await Task.WhenAll(clients);
        return [.. results];
    }

    [Fact]
    public async Task A_node_that_refuses_at_once_does_not_draw_all_requests_from_a_slow_one()
    {
        // olla #144: the one that fails fast looks idle, and its health endpoints are green.
        var slow = _well with { NumParallel = 2, TokenMilliseconds = 5 };
        await using var fleet = await Fleet.StartAsync([slow, slow], _routing);
        await fleet.WarmAsync();
        fleet.Doubles[1].Script = slow with { Faults = [new Fault { Kind = FaultKind.Status }] };

        var results = new ConcurrentBag<CallResult>();
        for (var i = 0; i < 24; i++)
            results.Add(await ApiCall.Generating[i % ApiCall.Generating.Count].SendAsync(fleet.Gateway.Http, Cancellation));
        await Task.WhenAll(Enumerable.Range(0, 96).Select(async i => results.Add(await ApiCall.Generating[i % ApiCall.Generating.Count].SendAsync(fleet.Gateway.Http, Cancellation))));

        Assert.All(results, result => Assert.True(result.End == CallEnd.Whole, result.ToString()));
        // It is found out by few, not by each.
        Assert.InRange(fleet.Doubles[1].State.Faults, 1, 60);
    }
}
