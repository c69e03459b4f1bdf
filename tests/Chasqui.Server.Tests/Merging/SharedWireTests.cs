using Chasqui.Client;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Merging;

/// <summary>Equal requests at the same time over MCP.</summary>
public sealed class SharedWireTests
{
    private static readonly DoubleScript _node = new() { Models = [new DoubleModel { Name = "mini", AnswerTokens = 40 }] };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_hundred_are_one_upstream_where_the_answer_is_always_the_same(bool isFixed)
    {
        await using var fleet = await Fleet.StartAsync(_node, change: options => options with { Cache = options.Cache with { Enabled = false } });
        await fleet.WarmAsync();
        fleet.Double.Reset();
        fleet.Double.Script = _node with { Faults = [new Fault { Kind = FaultKind.SlowFirstByte, DelayMilliseconds = 400 }], NumParallel = 8 };
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(fleet.Gateway.App)[0]);
        var request = new Messages.GenerateRequest { Model = "mini", Prompt = "x", Common = new Messages.GenerationCommon { Options = new() { Temperature = isFixed ? 0 : 0.5f } } };

        var count = isFixed ? 100 : 4;
        var texts = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => TextAsync(client, request)));

        Assert.Equal(isFixed ? 1 : count, fleet.Double.State.RequestsByPath["POST /api/generate"]);
        Assert.All(texts, text => Assert.Equal(texts[0], text));
        Assert.NotEmpty(texts[0]);
    }

    [Fact]
    public async Task The_last_one_who_leaves_ends_it()
    {
        await using var fleet = await Fleet.StartAsync(_node);
        await fleet.WarmAsync();
        fleet.Double.Reset();
        fleet.Double.Script = _node with { Faults = [new Fault { Kind = FaultKind.HangMidStream, AfterTokens = 2 }] };
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(fleet.Gateway.App)[0]);
        var request = new Messages.GenerateRequest { Model = "mini", Prompt = "x", Common = new Messages.GenerationCommon { Options = new() { Seed = 3 } } };
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var (first, second) = (client.GenerateAsync(request, cancellationToken: leave.Token).GetAsyncEnumerator(leave.Token), client.GenerateAsync(request, cancellationToken: leave.Token).GetAsyncEnumerator(leave.Token));
        Assert.True(await first.MoveNextAsync() && await second.MoveNextAsync());
        Assert.Equal(1, fleet.Double.State.Computing);
        await first.DisposeAsync();
        Assert.True(await second.MoveNextAsync());
        Assert.Equal(1, fleet.Double.State.Computing);
        await leave.CancelAsync();
        await second.DisposeAsync();
        await fleet.UntilAsync(state => state.Cancelled == 1 && state.Computing == 0);
    }

    private static async Task<string> TextAsync(ChasquiClient client, Messages.GenerateRequest request)
    {
        var text = "";
        await foreach (var update in client.GenerateAsync(request, cancellationToken: Cancellation))
            text += update.Text;
        return text;
    }
}
