using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Clients that leave.</summary>
public sealed class LeavingTests
{
    private static readonly DoubleScript _endless = new() { Models = [new DoubleModel { Name = "mini", AnswerTokens = 1_000 }], TokenMilliseconds = 0 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<NodeKind, string, bool> Calls()
    {
        var data = new TheoryData<NodeKind, string, bool>();
        foreach (var call in ApiCall.Generating)
            data.Add(NodeKind.Ollama, call.Path, call.Stream);
        foreach (var path in new[] { "/api/chat", "/api/generate" })
        {
            data.Add(NodeKind.OpenAi, path, true);
            data.Add(NodeKind.OpenAi, path, false);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Who_leaves_while_the_node_generates_frees_it_at_once(NodeKind kind, string path, bool stream)
    {
        await using var fleet = await Fleet.StartAsync(_endless, kind: kind);
        await fleet.WarmAsync("""{"model":"mini","prompt":"x","stream":false,"options":{"num_predict":1}}""");
        fleet.Double.Script = _endless with { Faults = [new Fault { Kind = FaultKind.HangMidStream, AfterTokens = 2 }] };
        fleet.Double.Reset();
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);

        var call = fleet.BeginAsync(path, ApiCall.Of(path, stream).Body, leave.Token);
        if (stream)
        {
            using var response = await call;
            await using var body = await response.Content.ReadAsStreamAsync(Cancellation);
            Assert.NotEqual(0, await body.ReadAsync(new byte[1], Cancellation));
            await leave.CancelAsync();
        }
        else
        {
            await fleet.UntilAsync(state => state.Computing == 1);
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        }

        await fleet.UntilAsync(state => state is { Computing: 0, InFlight: 0, Cancelled: 1 });
        Assert.Equal(NodeState.Up, fleet.Node.Health.State);
    }

    [Theory]
    [InlineData(NodeKind.Ollama, "/api/chat", true)]
    [InlineData(NodeKind.Ollama, "/v1/chat/completions", false)]
    [InlineData(NodeKind.Ollama, "/v1/messages", true)]
    [InlineData(NodeKind.OpenAi, "/api/chat", true)]
    [InlineData(NodeKind.OpenAi, "/api/generate", false)]
    public async Task Who_leaves_before_the_first_byte_frees_the_node_at_once(NodeKind kind, string path, bool stream)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript(), kind: kind);
        await fleet.WarmAsync();
        fleet.Double.Script = new DoubleScript { Faults = [new Fault { Kind = FaultKind.Hang }] };
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var call = fleet.BeginAsync(path, ApiCall.Of(path, stream).Body, leave.Token);
        await fleet.UntilAsync(state => state is { Faults: 1, InFlight: 1 });

        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await fleet.UntilAsync(state => state.InFlight == 0);
    }

    [Fact]
    public async Task A_node_is_not_punished_for_clients_that_hang_up()
    {
        // olla: five aborts close a healthy node for half a minute.
        await using var fleet = await Fleet.StartAsync(new DoubleScript());
        await fleet.WarmAsync();
        var slow = new DoubleScript { Faults = [new Fault { Kind = FaultKind.HangMidStream, AfterTokens = 1 }] };
        for (var i = 0; i < 30; i++)
        {
            fleet.Double.Script = slow;
            fleet.Double.Reset();
            using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            var asked = ApiCall.Generating[i % ApiCall.Generating.Count];
            var call = asked.SendAsync(fleet.Gateway.Http, leave.Token);
            await fleet.UntilAsync(state => state.Computing == 1);
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
            await fleet.UntilAsync(state => state.InFlight == 0);
            Assert.Equal((NodeState.Up, 0), (fleet.Node.Health.State, fleet.Node.Health.FailureRate));
        }

        fleet.Double.Script = new DoubleScript();
        var served = await ApiCall.Of("/api/chat", true).SendAsync(fleet.Gateway.Http, Cancellation);
        Assert.Equal((CallEnd.Whole, "n0"), (served.End, served.Node));
    }
}
