using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Chasqui.Server.Tests;

/// <summary>The API over the embedded engine: what is refused, and that it serves on afterwards.</summary>
public abstract class EmbeddedEngineTests(EngineProcess process) : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("chasqui-models-").FullName;
    private RunningGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        var mini = await File.ReadAllBytesAsync(Repository.Mini);
        await File.WriteAllBytesAsync(Path.Combine(_folder, "mini.gguf"), mini);
        await File.WriteAllBytesAsync(Path.Combine(_folder, "cut.gguf"), mini[..(mini.Length / 2)]);
        await File.WriteAllBytesAsync(Path.Combine(_folder, "junk.gguf"), Encoding.ASCII.GetBytes(new string('?', 100_000)));
        _gateway = await RunningGateway.StartAsync(process, options => options with { Models = options.Models with { Folders = [_folder] } });
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _gateway.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("""{"model":"mimi","prompt":"x"}""", 404, "model 'mimi' not found; did you mean 'mini:latest'?")]
    [InlineData("""{"model":"a b","prompt":"x"}""", 400, "invalid model name")]
    [InlineData("""{"model":"mini","prompt":"x","options":{"top_p":3}}""", 400, "option \"top_p\" is 3, but must be a number from 0 to 1")]
    [InlineData("""{"model":"mini","prompt":"x","options":{"temperature":-1}}""", 400, "option \"temperature\" is -1, but must be a number from 0 to 100")]
    [InlineData("""{"model":"mini","prompt":"x","format":{"type":"wat"}}""", 400, "format: at #: unrecognized type \"wat\"")]
    [InlineData("""{"model":"mini","prompt":"x","template":"{{ .Nope "}""", 400, "template: :1: unclosed action")]
    [InlineData("""{"model":"mini","prompt":"x","suffix":"y"}""", 400, "\"mini\" does not support insert")]
    [InlineData("""{"model":"mini","prompt":"x","think":true}""", 400, "\"mini\" does not support thinking")]
    [InlineData("""{"model":"mini","prompt":"x","context":[123456789]}""", 400, "context holds the token 123456789")]
    [InlineData("""{"model":"cut","prompt":"x"}""", 500, "model 'cut:latest' cannot be loaded: ")]
    [InlineData("""{"model":"junk","prompt":"x"}""", 500, "model 'junk:latest' cannot be loaded: ")]
    public async Task What_cannot_be_done_is_refused_and_the_gateway_serves_on(string body, int status, string error)
    {
        using var refused = await _gateway.PostAsync("/api/generate", body);

        Assert.StartsWith(error, (await JsonAsync(refused)).GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(status, (int)refused.StatusCode);
        using var next = await _gateway.PostAsync("/infer", """{"model":"mini","prompt":"Hello!","options":{"num_predict":4,"temperature":0}}""");
        var answer = await JsonAsync(next);
        Assert.NotEmpty(answer.GetProperty("text").GetString()!);
        Assert.Equal("length", answer.GetProperty("finish_reason").GetString());
        Assert.Equal(4, answer.GetProperty("completion_tokens").GetInt32());
    }

    [Fact]
    public async Task A_prompt_longer_than_the_context_is_cut_and_told_or_refused()
    {
        var prompt = string.Concat(Enumerable.Repeat("The cat is happy. ", 1000));
        var request = $$"""{"model":"mini","prompt":"{{prompt}}","stream":false,"options":{"num_predict":2}""";

        using var cut = await _gateway.PostAsync("/api/generate", request + "}");
        using var refused = await _gateway.PostAsync("/api/generate", request + ",\"truncate\":false}");

        Assert.True(int.Parse(cut.Headers.GetValues("X-Chasqui-Truncated-Tokens").Single(), System.Globalization.CultureInfo.InvariantCulture) > 1000);
        Assert.Equal(400, (int)refused.StatusCode);
        Assert.StartsWith("the input length exceeds the context length: ", (await JsonAsync(refused)).GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/generate", "\"prompt\":\"PROMPT\"")]
    [InlineData("/api/chat", "\"messages\":[{\"role\":\"user\",\"content\":\"PROMPT\"}]")]
    public async Task A_prompt_that_does_not_fit_and_may_not_be_shifted_is_refused_before_a_stream_begins(string path, string prompt)
    {
        prompt = prompt.Replace("PROMPT", string.Concat(Enumerable.Repeat("The cat is happy. ", 400)), StringComparison.Ordinal);

        foreach (var stream in (string[])["true", "false"])
        {
            using var refused = await _gateway.PostAsync(path, $$"""{"model":"mini",{{prompt}},"stream":{{stream}},"shift":false,"options":{"num_predict":2} }""");

            Assert.Equal(
                "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length",
                (await JsonAsync(refused)).GetProperty("error").GetString());
            Assert.Equal((400, "application/json; charset=utf-8"), ((int)refused.StatusCode, refused.Content.Headers.ContentType!.ToString()));
        }
    }

    [Theory]
    [InlineData("/api/generate", "\"prompt\":\"U\",\"system\":\"S\"")]
    [InlineData("/api/chat", "\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"U\"}]")]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"U\"}]")]
    public async Task The_prompt_that_the_template_makes_is_told_and_nothing_runs(string path, string prompt)
    {
        using var told = await _gateway.PostAsync(path, $$"""{"model":"mini",{{prompt}},"_debug_render_only":true}""");

        var json = await JsonAsync(told);
        Assert.True(told.IsSuccessStatusCode, json.ToString());
        Assert.Equal(
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n", json.GetProperty("_debug_info").GetProperty("rendered_template").GetString());
        Assert.False(json.TryGetProperty("eval_count", out _));
    }

    [Theory]
    [InlineData("7", 31, "length")]
    [InlineData("7a", 100, "stop")]
    public async Task An_answer_that_says_one_token_for_ever_ends(string repeated, int times, string reason)
    {
        var body = $$"""{"model":"mini","prompt":"x","stream":false,"format":{"type":"string","pattern":"^({{repeated}}){100}$"},"options":{"temperature":0} }""";

        using var answered = await _gateway.PostAsync("/api/generate", body);

        var json = await JsonAsync(answered);
        Assert.Equal('"' + string.Concat(Enumerable.Repeat(repeated, times)) + (reason == "stop" ? "\"" : ""), json.GetProperty("response").GetString());
        Assert.Equal((true, reason), (json.GetProperty("done").GetBoolean(), json.GetProperty("done_reason").GetString()));
    }

    [Fact]
    public async Task Two_loads_of_the_same_model_at_once_are_one()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _gateway.PostAsync("/api/generate", """{"model":"mini"}""")));

        Assert.All(answers, answer => Assert.Equal(200, (int)answer.StatusCode));
        Assert.Single(await _gateway.Engine.ListResidentAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_model_without_memory_for_it_is_refused()
    {
        await using var poor = await RunningGateway.StartAsync(process, options => options with
        {
            Models = options.Models with { Folders = [_folder] },
            Engine = options.Engine with { MemoryLimitBytes = 1 },
        });

        using var refused = await poor.PostAsync("/api/generate", """{"model":"mini","prompt":"x"}""");

        Assert.Equal(503, (int)refused.StatusCode);
        Assert.Contains("of memory, but only", (await JsonAsync(refused)).GetProperty("error").GetString(), StringComparison.Ordinal);
        using var version = await poor.GetAsync("/api/version");
        Assert.Equal(200, (int)version.StatusCode);
    }

    [Fact]
    public async Task A_client_that_leaves_midway_frees_its_slot()
    {
        var ended = new TaskCompletionSource<GenerationResult?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var observed = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (request, token) => ObserveAsync(_gateway.Engine.GenerateAsync((GenerateRequest)request, token), ended, token),
        });
        using (var raw = await RawHttp.ConnectAsync(observed.Address))
        {
            // A text that cannot end for a long time.
            await raw.PostAsync("/api/generate", """{"model":"mini","prompt":"x","format":{"type":"string","minLength":1500}}"""u8.ToArray());
            await raw.ReadHeadAsync();
            await raw.ReadChunkAsync();
        }

        Assert.Null(await ended.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        await UntilAsync(async () => (await _gateway.Engine.ListResidentAsync(TestContext.Current.CancellationToken)).All(model => model.Running == 0));
    }

    [Fact]
    public async Task Health_is_good()
    {
        // This waits for an engine that is still starting; the health check does not.
        using var list = await _gateway.GetAsync("/api/tags");
        using var response = await _gateway.GetAsync("/healthz");

        Assert.Equal(System.Net.HttpStatusCode.OK, list.StatusCode);
        Assert.Equal("""{"status":"ok"}""", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Passes the updates on and tells how they ended: with a result, or without one.</summary>
    private static async IAsyncEnumerable<GenerationUpdate> ObserveAsync(
        IAsyncEnumerable<GenerationUpdate> updates, TaskCompletionSource<GenerationResult?> ended, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        GenerationResult? result = null;
        try
        {
            await foreach (var update in updates.WithCancellation(cancellationToken))
            {
                result = update.Result;
                yield return update;
            }
        }
        finally
        {
            ended.TrySetResult(result);
        }
    }

    /// <summary>Asks again until it is so; fails after half a minute.</summary>
    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        bound.CancelAfter(TimeSpan.FromSeconds(30));
        while (!await condition())
        {
            bound.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage response) =>
        JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
}

/// <summary>With the engine in a worker process, as it comes.</summary>
public sealed class EmbeddedEngineWorkerTests() : EmbeddedEngineTests(EngineProcess.Worker);

/// <summary>With the engine in the gateway's own process.</summary>
public sealed class EmbeddedEngineGatewayTests() : EmbeddedEngineTests(EngineProcess.Gateway);
