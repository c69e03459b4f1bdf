using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Microsoft.Extensions.Time.Testing;
using Double = Chasqui.OllamaDouble.OllamaDouble;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Models that are brought into memory.</summary>
public sealed class LoadTests
{
    private static readonly DoubleScript _slowLoad = new() { LoadMilliseconds = 3_600_000 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat", true)]
    [InlineData("/api/generate", false)]
    [InlineData("/v1/messages", true)]
    public async Task A_load_is_finished_although_each_client_leaves_before_its_end(string path, bool stream)
    {
        // Ollama aborts a load when its client leaves, so that impatient clients would make it load for ever.
        var time = new FakeTimeProvider();
        var node = await Double.StartAsync(new DoubleScript { LoadMilliseconds = 60_000, NumParallel = 4 }, time, cancellation: Cancellation);
        await using var fleet = await Fleet.StartAsync([node]);
        for (var i = 0; i < 3; i++)
        {
            using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            var call = fleet.BeginAsync(path, ApiCall.Of(path, stream).Body, leave.Token);
            await node.WaitForAsync(state => state.Loading == 1 && state.InFlight == Math.Min(2, i + 1), Cancellation);
            time.Advance(TimeSpan.FromSeconds(15));
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
            // The first goes on alone; those that came after it wait for it, and end at once.
            await node.WaitForAsync(state => state.InFlight == 1, Cancellation);
        }
        time.Advance(TimeSpan.FromSeconds(15));

        await node.WaitForAsync(state => state is { Loads: 1, InFlight: 0 }, Cancellation);
        var served = await ApiCall.Of(path, stream).SendAsync(fleet.Gateway.Http, Cancellation);
        Assert.Equal(CallEnd.Whole, served.End);
        Assert.Equal((1, 0), (node.State.Loads, node.State.AbortedLoads));
    }

    [Fact]
    public async Task A_load_whose_client_has_left_ends_with_the_gateway()
    {
        await using var fleet = await Fleet.StartAsync(_slowLoad);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var call = fleet.BeginAsync("/api/chat", ApiCall.Of("/api/chat", true).Body, leave.Token);
        await fleet.UntilAsync(state => state.Loading == 1);

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        // Whether the gateway has seen him leave by then or not.
        fleet.Gateway.App.Lifetime.StopApplication();

        await fleet.UntilAsync(state => state is { Loading: 0, AbortedLoads: 1 });
    }

    [Theory]
    [InlineData("strip", 0, "num_ctx stripped")]
    [InlineData("clamp", 0, "num_ctx ")]
    [InlineData("bucket", 0, "num_ctx ")]
    [InlineData("keep", 3, null)]
    public async Task Clients_that_want_different_contexts_reload_the_model_only_without_a_policy(string treatment, int reloads, string? told)
    {
        // aider #4764: each client with a num_ctx of its own makes Ollama load the model anew for all.
        var rule = treatment switch
        {
            "strip" => new OptionRule(OptionTreatment.Strip, []),
            "clamp" => new OptionRule(OptionTreatment.Clamp, [16_384, 16_384]),
            "bucket" => new OptionRule(OptionTreatment.Bucket, [32_768]),
            _ => OptionRule.Keep,
        };
        await using var fleet = await Fleet.StartAsync(new DoubleScript(), change: options => options with { Policies = [new ModelPolicy { Models = ["mini*"], NumCtx = rule }] });
        foreach (var context in new[] { 8_192, 12_288, 20_480, 28_672 })
        {
            using var response = await fleet.BeginAsync("/api/chat",
                $$$"""{"model":"mini","messages":[{"role":"user","content":"x"}],"options":{"num_ctx":{{{context}}}}}""", Cancellation);
            await response.Content.ReadAsStringAsync(Cancellation);

            Assert.True(response.IsSuccessStatusCode);
            Assert.Equal(told is not null, response.Headers.TryGetValues("X-Chasqui-Options", out var changes));
            if (told is not null)
                Assert.StartsWith(told, Assert.Single(changes!), StringComparison.Ordinal);
        }
        Assert.Equal((1L + reloads, (long)reloads), (fleet.Double.State.Loads, fleet.Double.State.Reloads));
    }

    [Theory]
    [InlineData(NodeKind.Ollama, "/api/chat", "{\"model\":\"mini\"")]
    [InlineData(NodeKind.Ollama, "/api/generate", "{\"model\":\"mini\"")]
    [InlineData(NodeKind.Ollama, "/v1/chat/completions", ": waiting")]
    [InlineData(NodeKind.Ollama, "/v1/completions", ": waiting")]
    [InlineData(NodeKind.Ollama, "/v1/responses", ": waiting")]
    [InlineData(NodeKind.Ollama, "/v1/messages", ": waiting")]
    public async Task Who_waits_for_a_long_load_hears_something_valid_early(NodeKind kind, string path, string begins)
    {
        var time = new FakeTimeProvider();
        await using var fleet = await Fleet.StartAsync(_slowLoad, kind: kind, time: time);
        var call = fleet.BeginAsync(path, ApiCall.Of(path, true).Body, Cancellation);
        await fleet.UntilAsync(state => state.Loading == 1);

        time.Advance(TimeSpan.FromSeconds(10.2));
        using var response = await call;
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal(path.StartsWith("/api/", StringComparison.Ordinal) ? "application/x-ndjson" : "text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith(begins, await reader.ReadLineAsync(Cancellation), StringComparison.Ordinal);
        // What comes too late is told in the stream.
        time.Advance(TimeSpan.FromMinutes(11));
        var rest = await reader.ReadToEndAsync(Cancellation);
        Assert.Equal(CallEnd.Broken, ApiCall.Of(path, true).End(200, rest));
        Assert.Contains("has sent no first token within 600 s", rest, StringComparison.Ordinal);
    }
}
