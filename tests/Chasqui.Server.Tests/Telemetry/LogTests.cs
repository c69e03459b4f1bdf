using System.Text;
using System.Text.Json;
using Chasqui.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests;

/// <summary>The log: whose line it is, what is never in it, and that it stands in nobody's way.</summary>
public sealed class LogTests
{
    private const string Canary = "xylophonecanary";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(LogFormat.Text)]
    [InlineData(LogFormat.Json)]
    public async Task Every_line_of_a_request_has_its_id(LogFormat format)
    {
        var log = new MemoryStream();
        await using (var gateway = await StartAsync(log, format, new ScriptedEngine { Answer = (_, token) => ScriptedEngine.FailAfterAsync([], new InvalidOperationException("broke\nit"), token) }))
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/generate") { Content = new StringContent("""{"model":"m","prompt":"x"}""") };
            request.Headers.Add("X-Request-Id", "the-id");
            using var answer = await gateway.Http.SendAsync(request, Cancellation);
            await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
            await Assert.ThrowsAsync<ClientException>(async () => await DrainAsync(client.GenerateAsync(
                new Messages.GenerateRequest { Model = "m", Prompt = "x" }, new CallOptions { RequestId = "the-id" }, Cancellation)));
        }

        var text = Encoding.UTF8.GetString(log.ToArray());
        // For each of the two an error, with its stack, why it went where it went, and the request's own line.
        if (format == LogFormat.Text)
        {
            Assert.Equal(6, text.Split('\n').Count(line => line.EndsWith(" [the-id]", StringComparison.Ordinal)));
            Assert.Matches(@"\d\d:\d\d:\d\d error: /api/generate failed unexpectedly \[the-id\]\n  System.InvalidOperationException: broke", text);
            Assert.Matches(@"\d\d:\d\d:\d\d POST /api/generate 500 \d+\.\d ms, model m, node local, 0 prompt tokens, 0 answer tokens \[the-id\]\n", text);
            Assert.Matches(@"\d\d:\d\d:\d\d MCP generate 500 \d+\.\d ms, model m, node local, 0 prompt tokens, 0 answer tokens \[the-id\]\n", text);
        }
        else
        {
            var lines = text.TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement)
                .Where(line => line.TryGetProperty("requestId", out _)).ToList();
            Assert.Equal(6, lines.Count);
            Assert.All(lines, line => Assert.Equal("the-id", line.GetProperty("requestId").GetString()));
            var fields = lines.Single(line => line.GetProperty("message").GetString()!.StartsWith("POST", StringComparison.Ordinal)).GetProperty("fields");
            Assert.Equal(("POST", "/api/generate", "500", "m"), (fields.GetProperty("Method").GetString(), fields.GetProperty("Path").GetString(),
                fields.GetProperty("Status").GetString(), fields.GetProperty("Model").GetString()));
            Assert.Contains(lines, line => line.TryGetProperty("exception", out var exception) && exception.GetString()!.Contains("broke", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Loggers_of_others_have_the_id_as_a_scope()
    {
        var scopes = new ScopeLog();
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine(), configure: builder => builder.Logging.AddProvider(scopes));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/nothing");
        request.Headers.Add("X-Request-Id", "the-id");

        using var answer = await gateway.Http.SendAsync(request, Cancellation);

        var (message, id) = await scopes.First.Task.WaitAsync(Cancellation);
        Assert.StartsWith("GET /api/nothing 404", message);
        Assert.Equal("the-id", id);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Prompts_are_in_the_log_only_where_that_is_asked_for(bool asked)
    {
        var log = new MemoryStream();
        var answers = new ScriptedEngine { Answer = (_, token) => ScriptedEngine.TokensAsync([Canary], token), Models = [] };
        await using (var gateway = await StartAsync(log, LogFormat.Json, answers, asked))
        {
            var body = $$"""
                {"model":"m","prompt":"{{Canary}}","input":"{{Canary}}","system":"{{Canary}}","content":"{{Canary}}","stream":false,"max_tokens":5,
                 "messages":[{"role":"user","content":"{{Canary}}"}]}
                """;
            foreach (var path in ApiRoutes.All.Select(route => route.Path))
            {
                using var good = await gateway.PostAsync(path, body);
                using var bad = await gateway.PostAsync(path, "{" + Canary);
                using var wrong = await gateway.PostAsync(path, $$"""{"model":["{{Canary}}"],"prompt":{"{{Canary}}":1},"messages":"{{Canary}}"}""");
            }

            await using var client = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
            await DrainAsync(client.GenerateAsync(new Messages.GenerateRequest { Model = "m", Prompt = Canary }, cancellationToken: Cancellation));
            await DrainAsync(client.ChatAsync(new Messages.ChatRequest { Model = "m", Messages = { new Messages.ChatMessage { Role = "user", Content = Canary } } }, cancellationToken: Cancellation));
            await Assert.ThrowsAsync<ClientException>(() => client.EmbedAsync(new Messages.EmbedRequest { Model = "m", Inputs = { Canary } }, cancellationToken: Cancellation));
            await Assert.ThrowsAsync<ClientException>(() => client.TokenizeAsync(new Messages.TokenizeRequest { Model = "m", Text = Canary }, cancellationToken: Cancellation));
            await using var http = await client.HttpAsync("POST", "/api/chat", Encoding.UTF8.GetBytes(body), cancellationToken: Cancellation);
            await http.ReadBodyAsync(cancellationToken: Cancellation);
        }

        var text = Encoding.UTF8.GetString(log.ToArray());
        Assert.Contains("POST /api/chat 200", text);
        Assert.Contains("MCP embed 503", text);
        if (asked)
            Assert.InRange(text.Split("Prompt: ").Count(part => part.Contains(Canary, StringComparison.Ordinal)), 5, int.MaxValue);
        else
            Assert.DoesNotContain(Canary, text);
    }

    [Fact]
    public async Task What_callers_write_begins_no_line_and_moves_no_cursor()
    {
        var log = new MemoryStream();
        await using (var gateway = await StartAsync(log, LogFormat.Text, new ScriptedEngine { Answer = (_, token) => ScriptedEngine.FailAfterAsync([], new EngineFailedException("a\r\nb\u001b[2Jc\u009bd"), token) }))
        {
            using var path = await gateway.GetAsync("/a%0Ab%1B%5B2J");
            using var model = await gateway.PostAsync("/api/generate", """{"model":"m\u001b\n12:00:00 forged","prompt":"x"}""");
            using var failed = await gateway.PostAsync("/api/generate", """{"model":"m","prompt":"x"}""");
        }

        var text = Encoding.UTF8.GetString(log.ToArray());
        Assert.DoesNotContain('\u001b', text);
        Assert.DoesNotContain('\u009b', text);
        Assert.DoesNotContain("\n12:00:00 forged", text);
        Assert.Contains("a b [2Jc d", text);
        Assert.All(text.TrimEnd('\n').Split('\n'), line => Assert.Matches(@"^\d\d:\d\d:\d\d ", line));
    }

    [Theory]
    [InlineData(LogFormat.Text)]
    [InlineData(LogFormat.Json)]
    public async Task An_exception_that_nobody_foresaw_moves_no_cursor_either(LogFormat format)
    {
        var log = new MemoryStream();
        var unforeseen = new InvalidOperationException("a\r\nb\u001b[2Jc\u009bd\u007f", new FormatException("\u001b]0;title\u0007"));
        await using (var gateway = await StartAsync(log, format, new ScriptedEngine { Answer = (_, token) => ScriptedEngine.FailAfterAsync([], unforeseen, token) }))
        {
            using var failed = await gateway.PostAsync("/api/generate", """{"model":"m","prompt":"x"}""");
            Assert.Equal(500, (int)failed.StatusCode);
        }

        var text = Encoding.UTF8.GetString(log.ToArray());
        Assert.Contains("InvalidOperationException", text);
        Assert.DoesNotContain(text, c => char.IsControl(c) && c != '\n');
        // Lines of an exception are indented, or in the JSON of its entry.
        Assert.All(text.TrimEnd('\n').Split('\n'), line => Assert.Matches(format == LogFormat.Json ? @"^\{.*\}$" : @"^(\d\d:\d\d:\d\d |  )", line));
    }

    [Fact]
    public void Lines_gather_and_are_written_together_and_urgent_ones_at_once()
    {
        var time = new FakeTimeProvider();
        var output = new MemoryStream();
        using var writer = new LineWriter(output, time);

        writer.Write("a\n"u8, urgent: false);
        time.Advance(LineWriter.Patience / 2);
        writer.Write("b\n"u8, urgent: false);
        Assert.Equal("", Written(output));
        time.Advance(LineWriter.Patience / 2);
        Assert.Equal("a\nb\n", Written(output));
        writer.Write("c\n"u8, urgent: true);
        time.Advance(TimeSpan.Zero);
        Assert.Equal("a\nb\nc\n", Written(output));
        writer.Write("d\n"u8, urgent: false);
        writer.Dispose();
        writer.Write("e\n"u8, urgent: true);
        Assert.Equal("a\nb\nc\nd\n", Written(output));
    }

    [Fact]
    public void Lines_that_nobody_takes_are_dropped_counted_and_told()
    {
        var time = new FakeTimeProvider();
        var output = new MemoryStream();
        using var writer = new LineWriter(output, time, capacity: 10);

        for (var i = 0; i < 8; i++)
            writer.Write("line\n"u8, urgent: false);
        time.Advance(LineWriter.Patience);
        writer.Write("more\n"u8, urgent: false);
        time.Advance(LineWriter.Patience);

        Assert.Equal(6, writer.Dropped);
        Assert.Equal("line\nline\n6 lines of the log were dropped here: they were not taken fast enough\nmore\n", Written(output));
    }

    [Fact]
    public void A_log_that_cannot_be_written_stops_nothing()
    {
        var time = new FakeTimeProvider();
        var output = new MemoryStream();
        using var writer = new LineWriter(output, time);
        output.Dispose();

        writer.Write("a\n"u8, urgent: true);
        time.Advance(LineWriter.Patience);
        writer.Write("b\n"u8, urgent: true);
        time.Advance(LineWriter.Patience);

        Assert.Equal(0, writer.Dropped);
    }

    private static string Written(MemoryStream output) => Encoding.UTF8.GetString(output.ToArray());

    private static Task<RunningGateway> StartAsync(MemoryStream log, LogFormat format, IEngine engine, bool prompts = false) => RunningGateway.StartAsync(
        engine,
        options => options with { Telemetry = options.Telemetry with { LogPrompts = prompts } },
        builder =>
        {
            builder.Services.AddSingleton<ILoggerProvider>(_ => new LineLogProvider(log, format, TimeProvider.System));
            builder.Logging.AddFilter("Chasqui", LogLevel.Trace);
        });

    private static async Task DrainAsync(IAsyncEnumerable<Messages.GenerationUpdate> updates)
    {
        await foreach (var _ in updates)
        {
            // Only its end matters.
        }
    }

    /// <summary>Takes the first line of a request and the field <c>RequestId</c> of its scope.</summary>
    private sealed class ScopeLog : ILoggerProvider, ISupportExternalScope, ILogger
    {
        private IExternalScopeProvider? _scopes;

        public TaskCompletionSource<(string Message, string? Id)> First { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ILogger CreateLogger(string categoryName) => this;

        public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => _scopes!.Push(state);

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            string? id = null;
            _scopes!.ForEachScope((scope, _) => id = scope is IReadOnlyList<KeyValuePair<string, object?>> fields
                ? fields.FirstOrDefault(field => field.Key == "RequestId").Value?.ToString() ?? id : id, 0);
            if (eventId.Name == "RequestEnded")
                First.TrySetResult((formatter(state, exception), id));
        }

        public void Dispose()
        {
        }
    }
}
