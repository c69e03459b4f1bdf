using Microsoft.Extensions.Time.Testing;

namespace Chasqui.OllamaDouble.Tests;

/// <summary>Against what was measured on a real Ollama (behaviours.json).</summary>
public sealed class SchedulerTests
{
    private const string Busy = """{"error":"server busy, please try again.  maximum pending requests exceeded"}""";
    private const string Ask = """{"model":"mini","prompt":"Hello!","stream":false}""";

    private static readonly DoubleScript _small = new() { MaxQueue = 2, MaxLoadedModels = 1, Models = [new() { Name = "mini" }, new() { Name = "big" }] };

    [Fact]
    public async Task Six_at_once_on_a_loaded_model_are_all_answered_one_at_a_time()
    {
        await using var node = await Node.StartAsync(_small);
        Assert.Equal(200, (await node.AskAsync("/api/generate", Ask)).Status);

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => node.AskAsync("/api/generate", Ask)));

        Assert.All(answers, answer => Assert.Equal(200, answer.Status));
        Assert.Equal((1, 1, 0), (node.Double.State.MaxComputing, node.Double.State.Loads, node.Double.State.Busy));
    }

    [Fact]
    public async Task Six_at_once_on_a_cold_model_are_three_answers_and_three_503()
    {
        var time = new FakeTimeProvider();
        await using var node = await Node.StartAsync(_small with { LoadMilliseconds = 500 }, time);
        var asked = new List<Task<(int Status, string Body)>> { node.AskAsync("/api/generate", Ask) };
        await node.UntilAsync(state => state.Loading == 1);
        for (var i = 1; i < 6; i++)
            asked.Add(node.AskAsync("/api/generate", Ask));
        await node.UntilAsync(state => state is { Busy: 3, PendingLoads: 2 });
        time.Advance(TimeSpan.FromMilliseconds(500));

        var answers = await Task.WhenAll(asked);

        Assert.Equal(3, answers.Count(answer => answer.Status == 200));
        Assert.Equal(3, answers.Count(answer => answer is { Status: 503, Body: Busy }));
        Assert.Equal(1, node.Double.State.Loads);
    }

    [Theory]
    [InlineData("/v1/chat/completions", """{"error":{"message":"server busy, please try again.  maximum pending requests exceeded","type":"api_error","param":null,"code":null}}""")]
    [InlineData("/v1/messages", """{"type":"error","error":{"type":"overloaded_error","message":"server busy, please try again.  maximum pending requests exceeded"},"request_id":"req_""")]
    public async Task A_full_queue_is_told_in_the_form_of_the_API(string path, string begin)
    {
        await using var node = await Node.StartAsync(_small with { LoadMilliseconds = 3_600_000, MaxQueue = 0 }, new FakeTimeProvider());
        using var leave = new CancellationTokenSource();
        var first = node.PostAsync("/api/generate", Ask, false, leave.Token);
        await node.UntilAsync(state => state.Loading == 1);

        var (status, body) = await node.AskAsync(path, """{"model":"mini","max_tokens":8,"messages":[{"role":"user","content":"x"}]}""");

        Assert.Equal(503, status);
        Assert.StartsWith(begin, body, StringComparison.Ordinal);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
    }

    [Fact]
    public async Task Runner_options_reload_and_sampling_options_do_not()
    {
        await using var node = await Node.StartAsync(new DoubleScript { Models = [new() { Name = "mini", ContextLength = 1024 }] });
        // behaviours.json, reload_sequence: the options and whether the load took 255 ms.
        (string Options, bool Loads)[] steps =
        [
            ("{}", true), ("{}", false), ("""{"num_ctx":512}""", true), ("""{"num_ctx":512}""", false), ("{}", true), ("""{"num_ctx":4096}""", false),
            ("""{"num_ctx":1024}""", false), ("""{"num_batch":256}""", true), ("""{"num_thread":1}""", true), ("""{"temperature":0.1}""", true),
            ("""{"temperature":0.9,"top_k":3}""", false), ("""{"use_mmap":false}""", false), ("""{"num_gpu":0}""", true), ("{}", false),
        ];
        foreach (var (options, loads) in steps)
        {
            var before = node.Double.State.Loads;
            Assert.Equal(200, (await node.AskAsync("/api/generate", $$"""{"model":"mini","prompt":"x","stream":false,"options":{{options}}}""")).Status);
            Assert.True(loads == (node.Double.State.Loads == before + 1), options);
        }
        Assert.Equal(6, node.Double.State.Reloads);
        Assert.Equal(1024, Assert.Single(node.Double.State.Loaded).ContextLength);
    }

    [Fact]
    public async Task A_client_that_leaves_mid_stream_cancels_and_the_model_stays()
    {
        await using var node = await Node.StartAsync(_small with { TokenMilliseconds = 10, Models = [new() { Name = "mini", AnswerTokens = 100_000 }] });
        using (var answer = await node.PostAsync("/api/generate", """{"model":"mini","prompt":"Hello!"}""", true, TestContext.Current.CancellationToken))
        {
            using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
            Assert.Contains("\"done\":false", await lines.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        var state = await node.UntilAsync(state => state is { Cancelled: 1, Computing: 0, InFlight: 0 });

        Assert.Equal("mini:latest", Assert.Single(state.Loaded).Name);
        Assert.Equal(0, state.Completions);
    }

    [Fact]
    public async Task A_client_that_leaves_during_the_load_aborts_it()
    {
        await using var node = await Node.StartAsync(_small with { LoadMilliseconds = 60_000 }, new FakeTimeProvider());
        using var leave = new CancellationTokenSource();
        var asked = node.PostAsync("/api/generate", Ask, false, leave.Token);
        await node.UntilAsync(state => state.Loading == 1);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);

        var state = await node.UntilAsync(state => state is { AbortedLoads: 1, Loading: 0 });

        Assert.Empty(state.Loaded);
        Assert.Equal("""{"models":[]}""", await node.GetAsync("/api/ps"));
    }

    [Fact]
    public async Task Another_model_waits_for_the_running_requests_and_for_its_load()
    {
        await using var node = await Node.StartAsync(_small with { Faults = [new() { Kind = FaultKind.HangMidStream, Models = ["mini"] }] });
        using var leave = new CancellationTokenSource();
        var running = node.PostAsync("/api/generate", Ask, false, leave.Token);
        await node.UntilAsync(state => state.Computing == 1);
        var waiting = node.AskAsync("/api/generate", """{"model":"big","prompt":"x","stream":false}""");
        await node.UntilAsync(state => state.Requests == 2);
        Assert.Equal(("mini:latest", 1, 1), (node.Double.State.Loaded[0].Name, node.Double.State.Loaded[0].Requests, node.Double.State.Loaded.Count));
        Assert.False(waiting.IsCompleted);

        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal(200, (await waiting).Status);
        Assert.Equal("big:latest", Assert.Single(node.Double.State.Loaded).Name);
    }

    [Fact]
    public async Task keep_alive_sticks_and_ends()
    {
        var time = new FakeTimeProvider();
        await using var node = await Node.StartAsync(time: time);
        await node.AskAsync("/api/generate", """{"model":"mini","keep_alive":"20m"}""");
        await node.AskAsync("/api/generate", """{"model":"mini"}""");
        await node.UntilAsync(state => state.Loaded is [{ Requests: 0 }]);
        time.Advance(TimeSpan.FromMinutes(19));
        Assert.Single(node.Double.State.Loaded);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(node.Double.State.Loaded);
        Assert.Contains("\"unload\"", (await node.AskAsync("/api/generate", """{"model":"mini","keep_alive":0}""")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Blocks_are_warm_the_second_time_and_the_oldest_leave()
    {
        await using var node = await Node.StartAsync(new DoubleScript { PrefixCache = new() { Blocks = 3 } });
        await node.AskAsync("/api/generate", """{"model":"mini","prompt":"x","stream":false,"options":{"prompt_blocks":[1,2]}}""");
        await node.AskAsync("/api/generate", """{"model":"mini","prompt":"x","stream":false,"options":{"prompt_blocks":[1,2,3]}}""");
        Assert.Equal((2, 3), (node.Double.State.WarmBlocks, node.Double.State.ColdBlocks));
        await node.AskAsync("/api/generate", """{"model":"mini","prompt":"x","stream":false,"options":{"prompt_blocks":[9,8,7]}}""");
        await node.AskAsync("/api/generate", """{"model":"mini","prompt":"x","stream":false,"options":{"prompt_blocks":[1,2]}}""");
        Assert.Equal((2, 8), (node.Double.State.WarmBlocks, node.Double.State.ColdBlocks));
    }
}
