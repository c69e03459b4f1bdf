using System.Text.RegularExpressions;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests.Caching;

/// <summary>A model that becomes another while the gateway runs: what was kept of the old one is told no more.</summary>
public sealed class ChangedModelTests
{
    private static readonly DoubleModel _model = new() { Name = "mini", Capabilities = ["completion", "embedding"], Answer = "old" };
    private static readonly DoubleModel _other = _model with { Digest = new string('a', 64), Answer = "new", EmbeddingLength = 64 };
    private static readonly DoubleScript _node = new() { Models = [_model] };

    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Calls => new()
    {
        { "/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false,"options":{"temperature":0}}""" },
        { "/api/generate", """{"model":"mini","prompt":"x","options":{"seed":1}}""" },
        { "/v1/chat/completions", """{"model":"mini","messages":[{"role":"user","content":"x"}],"temperature":0}""" },
        { "/v1/messages", """{"model":"mini","max_tokens":50,"messages":[{"role":"user","content":"x"}],"temperature":0}""" },
        { "/api/embed", """{"model":"mini","input":["a","b"]}""" },
        { "/v1/embeddings", """{"model":"mini","input":"a"}""" },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task One_that_is_changed_at_the_node_is_another_with_the_next_look_at_it(string path, string body)
    {
        await using var fleet = await StartAsync();
        var old = await AskAsync(fleet, path, body);
        Assert.Equal(("hit", old.Text), await AskAsync(fleet, path, body));
        fleet.Double.Script = _node with { Models = [_other] };
        await fleet.Nodes.RefreshAsync(Cancellation);

        var made = await AskAsync(fleet, path, body);
        var again = await AskAsync(fleet, path, body);

        Assert.Equal(("miss", "hit", made.Text), (made.Cache, again.Cache, again.Text));
        Assert.NotEqual(old.Text, made.Text);
        // What was there before is there again: it is the same model.
        fleet.Double.Script = _node;
        await fleet.Nodes.RefreshAsync(Cancellation);
        Assert.Equal(("hit", old.Text), await AskAsync(fleet, path, body));
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task One_that_is_made_anew_through_the_gateway_is_another_at_once(string path, string body)
    {
        await using var fleet = await StartAsync();
        await CacheTests.SendAsync(fleet, path, body);
        // The node is slow to tell, so that what the gateway did itself is what makes it doubt.
        fleet.Double.Script = fleet.Double.Script with { Faults = [new Fault { Kind = FaultKind.SlowFirstByte, DelayMilliseconds = 200, Requests = 1, Paths = ["/api/tags"] }] };

        await CacheTests.SendAsync(fleet, "/api/create", """{"model":"mini","from":"mini","system":"Be brief.","stream":false}""");

        Assert.NotEqual("hit", (await AskAsync(fleet, path, body)).Cache);
        // The one under way, and one after it.
        await fleet.Nodes.RefreshAsync(Cancellation);
        await fleet.Nodes.RefreshAsync(Cancellation);
        await AskAsync(fleet, path, body);
        Assert.Equal("hit", (await AskAsync(fleet, path, body)).Cache);
    }

    [Fact]
    public async Task The_gateway_looks_by_itself()
    {
        const string Body = """{"model":"mini","prompt":"x","options":{"seed":1}}""";
        await using var fleet = await StartAsync();
        await CacheTests.SendAsync(fleet, "/api/generate", Body);
        fleet.Double.Script = _node with { Models = [_other] };
        Assert.Equal("hit", (await CacheTests.SendAsync(fleet, "/api/generate", Body)).Cache);

        fleet.Double.Reset();
        _time.Advance(fleet.Nodes.Routing.RefreshInterval);
        await fleet.UntilAsync(state => state.RequestsByPath.GetValueOrDefault("GET /api/tags") > 0);
        // That look, or one after it.
        await fleet.Nodes.RefreshAsync(Cancellation);

        Assert.Equal("miss", (await CacheTests.SendAsync(fleet, "/api/generate", Body)).Cache);
    }

    private async Task<Fleet> StartAsync()
    {
        var fleet = await Fleet.StartAsync(_node, time: _time);
        await fleet.WarmAsync();
        return fleet;
    }

    private static async Task<(string? Cache, string Text)> AskAsync(Fleet fleet, string path, string body)
    {
        var answer = await CacheTests.SendAsync(fleet, path, body);
        // Vectors are kept, and how long it took to find them is not.
        return (answer.Cache, path == "/api/embed" ? Regex.Replace(answer.Text, ",\"[a-z]+_duration\":[0-9]+", "") : answer.Text);
    }
}
