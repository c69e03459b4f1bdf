using System.Text.Json;

namespace Chasqui.Server.Tests;

public sealed class ErrorMapTests
{
    public static TheoryData<string, int, string> Failures() => new()
    {
        { "not found", 404, "model 'nope' not found" },
        { "near", 404, "model 'mini3' not found; did you mean 'mini:latest' or 'mini2:latest'?" },
        { "name", 400, "invalid model name" },
        { "option", 400, "option \"top_p\" is 3, but must be a number from 0 to 1" },
        { "context", 400, "the input length exceeds the context length: 9 tokens, where 8 fit" },
        { "capability", 400, "\"m\" does not support vision" },
        { "load", 500, "model 'm' cannot be loaded: it is truncated" },
        { "memory", 503, "model 'm' needs 2.0 GiB of memory, but only 1.0 GiB can be had; use a smaller model or a smaller num_ctx, or unload another model" },
        { "busy", 503, "64 requests wait" },
        { "gone", 503, "no libraries for this platform" },
        { "failed", 500, "decoding failed" },
        { "bug", 500, "internal error; the server's log has the details" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_failure_before_the_first_word_has_its_status_streamed_or_not(string which, int status, string error)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.FailAfterAsync([], Make(which), token),
        });

        foreach (var stream in (bool[])[true, false])
        {
            using var response = await gateway.PostAsync("/api/generate", $$"""{"model":"m","prompt":"x","stream":{{(stream ? "true" : "false")}}}""");
            var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
            Assert.Equal(error, body.GetProperty("error").GetString());
            Assert.Equal(status, (int)response.StatusCode);
            Assert.Equal(which == "busy" ? TimeSpan.FromSeconds(3) : null, response.Headers.RetryAfter?.Delta);
        }
    }

    [Theory]
    [InlineData("/api/generate", "model 'nope' not found")]
    [InlineData("/api/chat", "model 'nope' not found")]
    [InlineData("/api/show", "model 'nope:latest' not found")]
    [InlineData("/api/embed", "model \"nope\" not found, try pulling it first")]
    [InlineData("/api/embeddings", "model \"nope\" not found, try pulling it first")]
    public async Task A_missing_model_is_worded_as_Ollama_does_on_that_path(string path, string error)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.FailAfterAsync([], Make("not found"), token),
            Failure = () => Make("not found"),
        });

        using var response = await gateway.PostAsync(path, """{"model":"nope","prompt":"x","input":"x","messages":[{"role":"user","content":"x"}]}""");

        Assert.Equal($$"""{"error":"{{error.Replace("\"", "\\\"", StringComparison.Ordinal)}}"}""",
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(404, (int)response.StatusCode);
    }

    private static Exception Make(string which) => which switch
    {
        "not found" => new ModelNotFoundException("nope", []),
        "near" => new ModelNotFoundException("mini3", ["mini:latest", "mini2:latest"]),
        "name" => new InvalidModelNameException("a b"),
        "option" => new InvalidOptionException("top_p", "3", "a number from 0 to 1"),
        "context" => new ContextLengthExceededException(9, 8),
        "capability" => new UnsupportedCapabilityException("m", "vision"),
        "load" => new ModelLoadException("m", "it is truncated"),
        "memory" => new InsufficientMemoryException("m", 2L << 30, 1L << 30),
        "busy" => new EngineOverloadedException("64 requests wait") { RetryAfter = TimeSpan.FromSeconds(2.5) },
        "gone" => new EngineUnavailableException("no libraries for this platform"),
        "failed" => new EngineFailedException("decoding failed"),
        _ => new InvalidOperationException("a secret detail"),
    };
}
