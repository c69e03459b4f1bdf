using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Chasqui.Client;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Bench.Hostile;

/// <summary>A call of a caller that does nothing wrong.</summary>
/// <param name="Milliseconds">From its beginning to the end of its answer.</param>
/// <param name="Error">What went wrong; null for nothing.</param>
internal sealed record HealthyCall(double Milliseconds, string? Error);

/// <summary>A caller that chats over HTTP and over MCP/1, one short answer at a time on each, and notes how long each took.</summary>
/// <param name="http">Where HTTP is.</param>
/// <param name="wire">Where MCP/1 is, e.g. <c>tcp://127.0.0.1:11436</c>.</param>
/// <param name="key">Its key.</param>
/// <param name="patience">When a call counts as failed.</param>
internal sealed class HealthyCaller(Uri http, string wire, string key, TimeSpan patience) : IAsyncDisposable
{
    // As a person reads: the answer, then the next question.
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    private readonly HttpClient _http = new() { BaseAddress = http, Timeout = Timeout.InfiniteTimeSpan, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", key) } };
    private readonly ChasquiClient _wire = new(new ChasquiClientOptions { Endpoint = wire, ApiKey = key });
    private readonly Lock _lock = new();
    private List<HealthyCall> _calls = [];
    private int _number;

    /// <summary>Calls until it is cancelled; calls that have begun are ended first.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(LoopAsync("HTTP", HttpAsync, cancellationToken), LoopAsync("MCP", WireAsync, cancellationToken));

    /// <summary>One call each way, at the same time.</summary>
    public Task OnceAsync() => Task.WhenAll(CallAsync("HTTP", HttpAsync), CallAsync("MCP", WireAsync));

    /// <summary>The calls since it was last asked for them.</summary>
    public IReadOnlyList<HealthyCall> Take()
    {
        lock (_lock)
        {
            var calls = _calls;
            _calls = [];
            return calls;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _wire.DisposeAsync().ConfigureAwait(false);
    }

    private async Task LoopAsync(string way, Func<string, CancellationToken, Task<string?>> call, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await CallAsync(way, call).ConfigureAwait(false);
            await Task.Delay(_pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task CallAsync(string way, Func<string, CancellationToken, Task<string?>> call)
    {
        // No two are equal, or they would be answered together.
        var prompt = string.Create(CultureInfo.InvariantCulture, $"Tell me story {Interlocked.Increment(ref _number)}.");
        using var limit = new CancellationTokenSource(patience);
        var clock = Stopwatch.StartNew();
        string? error;
        try
        {
            error = await call(prompt, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ClientException or OperationCanceledException)
        {
            error = limit.IsCancellationRequested ? $"no answer within {patience.TotalSeconds:0} s" : $"{e.GetType().Name}: {e.Message}";
        }
        lock (_lock)
            _calls.Add(new HealthyCall(clock.Elapsed.TotalMilliseconds, error is null ? null : $"{way}: {error}"));
    }

    private async Task<string?> HttpAsync(string prompt, CancellationToken cancellationToken)
    {
        using var content = new StringContent($$"""{"model":"bench","messages":[{"role":"user","content":"{{prompt}}"}]}""", Encoding.UTF8, "application/json");
        using var answer = await _http.PostAsync(new Uri("api/chat", UriKind.Relative), content, cancellationToken).ConfigureAwait(false);
        var text = await answer.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
        return answer.StatusCode != HttpStatusCode.OK ? $"status {(int)answer.StatusCode}: {text}"
            : text.Contains("\"done\":true", StringComparison.Ordinal) ? null
            : "the answer broke off: " + text[Math.Max(0, text.Length - 200)..];
    }

    private async Task<string?> WireAsync(string prompt, CancellationToken cancellationToken)
    {
        var request = new Messages.ChatRequest { Model = "bench", Messages = { new Messages.ChatMessage { Role = "user", Content = prompt } } };
        await foreach (var update in _wire.ChatAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false))
        {
            if (update.Result is not null)
                return null;
        }
        return "the answer broke off";
    }
}
