using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server.Tests;

public sealed class StreamingTests
{
    private const string Generate = """{"model":"m","prompt":"x"}""";
    private const string Chat = """{"model":"m","messages":[{"role":"user","content":"x"}]}""";

    [Fact]
    public async Task A_token_arrives_before_the_next_one_is_made()
    {
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => PausedAsync(goOn.Task, token) });

        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/generate") { Content = new StringContent(Generate) };
        using var response = await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));

        Assert.Equal("one", Parse(await lines.ReadLineAsync(TestContext.Current.CancellationToken)).GetProperty("response").GetString());
        goOn.SetResult();
        Assert.Equal("two", Parse(await lines.ReadLineAsync(TestContext.Current.CancellationToken)).GetProperty("response").GetString());
        var last = Parse(await lines.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.True(last.GetProperty("done").GetBoolean());
        Assert.Equal("", last.GetProperty("response").GetString());
        Assert.Null(await lines.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType!.ToString());
    }

    [Fact]
    public async Task Each_line_is_an_HTTP_chunk_of_its_own()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.TokensAsync(["a", "", "b", "c"], token),
        });
        using var raw = await RawHttp.ConnectAsync(gateway.Address);

        await raw.PostAsync("/api/chat", System.Text.Encoding.UTF8.GetBytes(Chat));
        var (status, headers) = await raw.ReadHeadAsync();

        Assert.Equal(200, status);
        Assert.Equal("chunked", headers["Transfer-Encoding"]);
        foreach (var text in (string[])["a", "b", "c", ""])
        {
            var chunk = await raw.ReadChunkAsync();
            Assert.EndsWith("}\n", chunk, StringComparison.Ordinal);
            Assert.Equal(text, Parse(chunk).GetProperty("message").GetProperty("content").GetString());
        }
        Assert.Equal("", await raw.ReadChunkAsync());
    }

    [Theory]
    [InlineData("/api/generate", Generate)]
    [InlineData("/api/chat", Chat)]
    public async Task An_engine_that_fails_midway_ends_the_stream_with_an_error_line(string path, string body)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.FailAfterAsync(["one"], new EngineFailedException("the engine broke"), token),
        });

        using var response = await gateway.PostAsync(path, body);
        var lines = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Split('\n');

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal(["""{"error":"the engine broke"}""", ""], lines[1..]);
    }

    [Fact]
    public async Task An_engine_that_just_stops_is_an_error_too()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => StopAsync(token) });

        using var response = await gateway.PostAsync("/api/generate", Generate);
        var lines = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Split('\n');

        Assert.True(Parse(lines[^2]).TryGetProperty("error", out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_leaves_cancels_the_engine(bool stream)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => HangAsync(begun, cancelled, token) });
        using (var raw = await RawHttp.ConnectAsync(gateway.Address))
        {
            await raw.PostAsync("/api/generate", System.Text.Encoding.UTF8.GetBytes($$"""{"model":"m","prompt":"x","stream":{{(stream ? "true" : "false")}}}"""));
            await begun.Task.WaitAsync(TestContext.Current.CancellationToken);
            if (stream)
                await raw.ReadHeadAsync();
        }

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_client_that_reads_slowly_holds_the_engine_back()
    {
        var made = 0;
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine
        {
            Answer = (_, token) => ScriptedEngine.TokensAsync(Flood(() => Interlocked.Increment(ref made)), token),
        });
        using var raw = await RawHttp.ConnectAsync(gateway.Address);

        await raw.PostAsync("/api/generate", System.Text.Encoding.UTF8.GetBytes(Generate));
        await raw.ReadHeadAsync();

        // 200 MB could be made. What lies between engine and reader is never more than the buffers of the sockets.
        for (var read = 1; read <= 500; read++)
        {
            Assert.Contains("xxx", await raw.ReadChunkAsync(), StringComparison.Ordinal);
            Assert.InRange(Volatile.Read(ref made) - read, 0, 2_000);
        }
    }

    [Fact]
    public async Task Logs_say_what_was_asked_of_which_model_and_never_what_was_said()
    {
        var lines = new ConcurrentQueue<string>();
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine(), configure: builder => builder.Services.AddSingleton<ILoggerProvider>(new Collector(lines)));

        using var response = await gateway.PostAsync("/api/generate", """{"model":"m2","prompt":"SECRET"}""");
        await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        await gateway.DisposeAsync();

        var line = Assert.Single(lines);
        Assert.Matches(@"^POST /api/generate 200 [0-9.]+ ms, model m2, node local, 3 prompt tokens, 1 answer tokens$", line);
    }

    private static IEnumerable<string> Flood(Action count)
    {
        var text = new string('x', 10_000);
        for (var i = 0; i < 20_000; i++)
        {
            count();
            yield return text;
        }
    }

    private static async IAsyncEnumerable<GenerationUpdate> PausedAsync(Task pause, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new GenerationUpdate { Text = "one" };
        await pause.WaitAsync(cancellationToken);
        yield return new GenerationUpdate { Text = "two", Result = new GenerationResult { Reason = FinishReason.Stop } };
    }

    private static async IAsyncEnumerable<GenerationUpdate> StopAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        yield return new GenerationUpdate { Text = "one" };
    }

    private static async IAsyncEnumerable<GenerationUpdate> HangAsync(
        TaskCompletionSource begun, TaskCompletionSource cancelled, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new GenerationUpdate { Text = "one" };
        begun.SetResult();
        try
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        finally
        {
            cancelled.TrySetResult();
        }
    }

    private static JsonElement Parse(string? line) => JsonDocument.Parse(line!).RootElement;

    private sealed class Collector(ConcurrentQueue<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void Dispose() { }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue(formatter(state, exception));
    }
}
