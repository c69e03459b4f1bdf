using System.Text;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;

namespace Chasqui.Server.Tests.Merging;

/// <summary>Equal requests at the same time before a node whose requests are counted.</summary>
public sealed class SharedGenerationTests
{
    private static readonly DoubleScript _node = new() { Models = [new DoubleModel { Name = "mini", AnswerTokens = 40 }] };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<NodeKind, string, bool> Calls()
    {
        var data = new TheoryData<NodeKind, string, bool>();
        foreach (var call in ApiCall.Generating)
            data.Add(NodeKind.Ollama, call.Path, call.Stream);
        data.Add(NodeKind.OpenAi, "/api/chat", true);
        data.Add(NodeKind.OpenAi, "/api/chat", false);
        data.Add(NodeKind.OpenAi, "/v1/chat/completions", true);
        return data;
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task A_hundred_are_one_upstream_and_each_gets_all(NodeKind kind, string path, bool stream)
    {
        await using var fleet = await StartAsync(kind);
        fleet.Double.Script = _node with { Faults = [new Fault { Kind = FaultKind.SlowFirstByte, DelayMilliseconds = 400 }] };
        var body = Fixed(ApiCall.Of(path, stream).Body, path);
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => SendAsync(fleet, path, body)));

        Assert.Equal(1, Posts(fleet));
        Assert.Equal(CallEnd.Whole, ApiCall.Of(path, stream).End(200, answers[0].Text));
        Assert.All(answers, answer => Assert.Equal(answers[0].Text, answer.Text));
        Assert.Equal(99, answers.Count(answer => answer.IsShared));
        Assert.Distinct(answers.Select(answer => answer.Id));
    }

    [Theory]
    [InlineData("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false}""")]
    [InlineData("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false,"options":{"temperature":0.1}}""")]
    [InlineData("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false,"options":{"seed":-1}}""")]
    [InlineData("/v1/chat/completions", """{"model":"mini","messages":[{"role":"user","content":"x"}]}""")]
    public async Task What_may_be_answered_otherwise_is_not_shared(string path, string body)
    {
        await using var fleet = await StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => SendAsync(fleet, path, body)));
        Assert.Equal(5, Posts(fleet));
    }

    [Fact]
    public async Task Whoever_comes_late_gets_what_was_said_and_the_rest_and_the_first_may_leave()
    {
        await using var fleet = await StartAsync();
        fleet.Double.Script = _node with { TokenMilliseconds = 20 };
        const string Body = """{"model":"mini","prompt":"x","options":{"seed":7}}""";
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var first = await fleet.BeginAsync("/api/generate", Body, leave.Token);
        await using var begun = await first.Content.ReadAsStreamAsync(Cancellation);
        Assert.NotEqual(0, await begun.ReadAsync(new byte[1], Cancellation));
        using var late = await fleet.BeginAsync("/api/generate", Body, Cancellation);
        Assert.True(late.Headers.Contains("X-Chasqui-Shared"));
        await leave.CancelAsync();
        var text = await late.Content.ReadAsStringAsync(Cancellation);
        Assert.Equal(41, text.TrimEnd('\n').Split('\n').Length);
        Assert.Contains("\"done\":true", text, StringComparison.Ordinal);
        Assert.Equal((1, 0), (Posts(fleet), fleet.Double.State.Cancelled));
    }

    [Fact]
    public async Task The_last_one_who_leaves_ends_it()
    {
        await using var fleet = await StartAsync();
        fleet.Double.Script = _node with { Faults = [new Fault { Kind = FaultKind.HangMidStream, AfterTokens = 2 }] };
        const string Body = """{"model":"mini","prompt":"x","options":{"seed":7}}""";
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var one = await fleet.BeginAsync("/api/generate", Body, Cancellation);
        var two = await fleet.BeginAsync("/api/generate", Body, leave.Token);
        two.Dispose();
        Assert.Equal(1, fleet.Double.State.Computing);
        one.Dispose();
        await fleet.UntilAsync(state => state.Cancelled == 1 && state.Computing == 0);
    }

    [Theory]
    [InlineData(FaultKind.DropMidStream, true)]
    [InlineData(FaultKind.ErrorLine, true)]
    [InlineData(FaultKind.Status, false)]
    [InlineData(FaultKind.Status, true)]
    public async Task A_failure_is_told_to_all_in_the_form_of_the_api(FaultKind kind, bool stream)
    {
        await using var fleet = await StartAsync();
        fleet.Double.Script = _node with { TokenMilliseconds = 10, Faults = [new Fault { Kind = kind, AfterTokens = 20, Status = 500, DelayMilliseconds = 100 }] };
        var call = ApiCall.Of("/api/chat", stream);
        var body = Fixed(call.Body, call.Path);
        var results = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => (call with { Body = body }).SendAsync(fleet.Gateway.Http, Cancellation)));
        Assert.All(results, result => Assert.True(result.End == (kind == FaultKind.Status ? CallEnd.Refused : CallEnd.Broken), result.ToString()));
    }

    [Fact]
    public async Task One_that_is_longer_than_the_bound_takes_nobody_in_and_is_whole_all_the_same()
    {
        await using var fleet = await StartAsync(change: merging => merging with { ShareBuffer = 4 << 10 });
        fleet.Double.Script = _node with { Models = [_node.Models[0] with { AnswerTokens = 2_000 }] };
        const string Body = """{"model":"mini","prompt":"x","options":{"seed":7,"num_predict":2000}}""";
        using var first = await fleet.BeginAsync("/api/generate", Body, Cancellation);
        await using var begun = await first.Content.ReadAsStreamAsync(Cancellation);
        using var whole = new MemoryStream();
        var buffer = new byte[4096];
        while (whole.Length < 16 << 10)
            whole.Write(buffer, 0, await begun.ReadAsync(buffer, Cancellation));
        using var late = await fleet.BeginAsync("/api/generate", Body, Cancellation);
        Assert.False(late.Headers.Contains("X-Chasqui-Shared"));
        await begun.CopyToAsync(whole, Cancellation);
        Assert.Equal(2_001, Encoding.UTF8.GetString(whole.ToArray()).TrimEnd('\n').Split('\n').Length);
        Assert.Equal(2, Posts(fleet));
    }

    private static async Task<Fleet> StartAsync(NodeKind kind = NodeKind.Ollama, Func<MergingOptions, MergingOptions>? change = null)
    {
        var fleet = await Fleet.StartAsync(_node, kind: kind, change: options => options with
        {
            Merging = change?.Invoke(options.Merging) ?? options.Merging,
            Cache = options.Cache with { Enabled = false },
        });
        await fleet.WarmAsync();
        fleet.Double.Reset();
        return fleet;
    }

    private static long Posts(Fleet fleet) => fleet.Double.State.RequestsByPath.Where(entry => entry.Key.StartsWith("POST", StringComparison.Ordinal)).Sum(entry => entry.Value);

    private static string Fixed(string body, string path) =>
        body[..^1] + (path.StartsWith("/api/", StringComparison.Ordinal) ? ",\"options\":{\"temperature\":0}}" : ",\"temperature\":0}");

    private static async Task<(string Text, bool IsShared, string Id)> SendAsync(Fleet fleet, string path, string body)
    {
        using var response = await fleet.BeginAsync(path, body, Cancellation);
        var text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, text);
        Assert.Equal("n0", response.Headers.GetValues("X-Chasqui-Node").Single());
        return (text, response.Headers.Contains("X-Chasqui-Shared"), response.Headers.GetValues("X-Request-Id").Single());
    }
}
