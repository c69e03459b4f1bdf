using System.Text.Json.Nodes;
using Chasqui.Gateway;
using Chasqui.Gateway.Telemetry;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests.Merging;

/// <summary>Requests for vectors before a node of Ollama's kind, whose calls are counted.</summary>
public sealed class MergedEmbeddingsTests
{
    private const string Embed = "POST /api/embed";

    private static readonly DoubleScript _node = new() { Models = [new DoubleModel { Name = "mini", Capabilities = ["completion", "embedding"] }] };

    // So that whatever comes meanwhile is sure to be there before the window ends.
    private static readonly MergingOptions _patient = new() { Window = TimeSpan.FromSeconds(1), MaxInputs = 256 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/embed")]
    [InlineData("/v1/embeddings")]
    public async Task Many_callers_are_answered_by_few_calls_each_with_his_own(string path)
    {
        await using var fleet = await StartAsync();
        using var watch = new MeterWatch(fleet.Gateway.App.Services.GetRequiredService<GatewayTelemetry>());
        var first = await HoldAsync(fleet);
        var all = Enumerable.Range(0, 100).Select(i => SendAsync(fleet, path, $$"""{"model":"mini","input":["text {{i}}","{{new string('x', i + 1)}}"]}""")).ToList();
        var answers = await Task.WhenAll(all);
        await first;

        Assert.InRange(fleet.Double.State.RequestsByPath[Embed], 2, 4);
        Assert.Equal(201, watch.Of("chasqui.merge.inputs").Sum(measured => measured.Value));
        Assert.Equal(101, watch.Of("chasqui.merge.requests").Sum(measured => measured.Value));
        fleet.Double.Reset();
        foreach (var i in new[] { 0, 1, 50, 99 })
        {
            var alone = await SendAsync(fleet, path, $$"""{"model":"mini","input":["text {{i}}","{{new string('x', i + 1)}}"]}""");
            Assert.Equal(Vectors(alone), Vectors(answers[i]));
        }
        Assert.Equal(4, fleet.Double.State.RequestsByPath[Embed]);
        Assert.Distinct(answers.Select(Vectors));
    }

    [Fact]
    public async Task An_answer_has_the_form_that_its_node_would_give_it()
    {
        await using var fleet = await StartAsync();
        using var node = new HttpClient { BaseAddress = fleet.Double.Address };
        foreach (var (path, body) in new[]
        {
            ("/api/embed", """{"model":"mini","input":"one text"}"""),
            ("/api/embed", """{"model":"mini","input":["a","b"],"dimensions":4,"truncate":false,"options":{"num_ctx":512},"keep_alive":"5m"}"""),
            ("/v1/embeddings", """{"model":"mini","input":["a","b"]}"""),
            ("/v1/embeddings", """{"model":"mini","input":["a","b"],"encoding_format":"base64","user":"me"}"""),
        })
        {
            var merged = Plain(await SendAsync(fleet, path, body));
            using var direct = await node.PostAsync(path, new StringContent(body), Cancellation);
            var expected = Plain(await direct.Content.ReadAsStringAsync(Cancellation));
            Assert.True(JsonNode.DeepEquals(expected, merged), $"{expected}\n{merged}");
        }

        // Times are never the same.
        static JsonObject Plain(string json)
        {
            var answer = JsonNode.Parse(json)!.AsObject();
            foreach (var time in (string[])["total_duration", "load_duration"])
                Assert.True(!answer.ContainsKey(time) || answer[time]!.GetValue<long>() >= 0);
            answer.Remove("total_duration");
            answer.Remove("load_duration");
            return answer;
        }
    }

    [Theory]
    [InlineData("/api/embeddings", """{"model":"mini","prompt":"a"}""")]
    [InlineData("/api/embed", """{"model":"mini","input":"a","unheard_of":1}""")]
    [InlineData("/v1/embeddings", """{"model":"mini","input":[1,2,3]}""")]
    public async Task What_the_types_cannot_say_passes_unread(string path, string body)
    {
        await using var fleet = await StartAsync();
        using var response = await fleet.BeginAsync(path, body, Cancellation);
        var asked = fleet.Double.Requests.Last(request => request.Method == "POST");
        Assert.Equal((path, body), (asked.Path, asked.Body));
    }

    [Fact]
    public async Task Who_waits_for_nobody_is_told_so_by_the_strategy()
    {
        await using var fleet = await StartAsync(_patient with { Strategy = MergeStrategy.Realtime });
        await SendAsync(fleet, "/v1/embeddings", """{"model":"mini","input":"a"}""");
        Assert.Equal("/v1/embeddings", fleet.Double.Requests.Last(request => request.Method == "POST").Path);
    }

    [Fact]
    public async Task Too_few_vectors_are_a_failure_for_all_and_of_the_node()
    {
        await using var fleet = await StartAsync();
        await fleet.WarmAsync();
        fleet.Double.Script = _node with { Faults = [new Fault { Kind = FaultKind.FewVectors }] };
        foreach (var body in new[] { """{"model":"mini","input":["a","b"]}""", """{"model":"mini","input":"c"}""" })
        {
            using var response = await fleet.BeginAsync("/api/embed", body, Cancellation);
            Assert.Equal(500, (int)response.StatusCode);
            Assert.Contains("vectors", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        }
        Assert.True(fleet.Node.Health.FailureRate > 0);
    }

    [Fact]
    public async Task The_last_caller_who_leaves_ends_the_call()
    {
        await using var fleet = await StartAsync();
        await fleet.WarmAsync();
        fleet.Double.Script = _node with { Faults = [new Fault { Kind = FaultKind.HangMidStream }] };
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var call = fleet.BeginAsync("/api/embed", """{"model":"mini","input":"a"}""", leave.Token);
        await fleet.UntilAsync(state => state.Computing == 1);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await fleet.UntilAsync(state => state.Cancelled == 1 && state.Computing == 0);
    }

    [Fact]
    public async Task A_refusal_reaches_only_whose_text_it_was()
    {
        await using var fleet = await StartAsync(script: _node with { Models = [_node.Models[0] with { ContextLength = 8 }] });
        var first = await HoldAsync(fleet);
        var all = Enumerable.Range(0, 10).Select(i => fleet.BeginAsync(
            "/api/embed", $$"""{"model":"mini","truncate":false,"input":"{{(i == 3 ? new string('x', 400) : $"text {i}")}}"}""", Cancellation)).ToList();
        for (var i = 0; i < all.Count; i++)
        {
            using var response = await all[i];
            Assert.Equal(i == 3 ? 400 : 200, (int)response.StatusCode);
            if (i == 3)
                Assert.Equal("""{"error":"the input length exceeds the context length"}""", await response.Content.ReadAsStringAsync(Cancellation));
        }
        await first;
    }

    private static Task<Fleet> StartAsync(MergingOptions? merging = null, DoubleScript? script = null) =>
        Fleet.StartAsync(script ?? _node, change: options => options with { Merging = merging ?? _patient, Cache = options.Cache with { Enabled = false } });

    /// <summary>A call that is under way for so long that all others are there before it returns.</summary>
    private static async Task<Task<string>> HoldAsync(Fleet fleet)
    {
        await fleet.WarmAsync();
        fleet.Double.Reset();
        fleet.Double.Script = fleet.Double.Script with { Faults = [new Fault { Kind = FaultKind.SlowFirstByte, DelayMilliseconds = 500, Requests = 1, Paths = ["/api/embed"] }] };
        var first = SendAsync(fleet, "/api/embed", """{"model":"mini","input":"first"}""");
        await fleet.UntilAsync(state => state.InFlight == 1);
        return first;
    }

    private static async Task<string> SendAsync(Fleet fleet, string path, string body)
    {
        using var response = await fleet.BeginAsync(path, body, Cancellation);
        var text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, text);
        Assert.Equal("n0", response.Headers.GetValues("X-Chasqui-Node").Single());
        return text;
    }

    private static string Vectors(string answer) => (JsonNode.Parse(answer)!["embeddings"] ?? JsonNode.Parse(answer)!["data"])!.ToJsonString();
}
