using System.Net;
using System.Text;
using Chasqui.Server.Tests.Keys;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>Generations whose readers lose their connection and come back.</summary>
public sealed class ResumeTests
{
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"Tell me a story."}],"options":{"temperature":0,"num_predict":40} }""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/chat", Chat)]
    [InlineData("/v1/chat/completions", """{"model":"mini","messages":[{"role":"user","content":"Tell me a story."}],"temperature":0,"max_tokens":40,"stream":true}""")]
    [InlineData("/v1/messages", """{"model":"mini","messages":[{"role":"user","content":"Tell me a story."}],"temperature":0,"max_tokens":40,"stream":false}""")]
    public async Task Wherever_it_is_cut_the_rest_is_exactly_what_was_missing(string path, string body)
    {
        await using var gateway = await RunningGateway.StartAsync(options => options with { Models = options.Models with { Folders = [Path.GetDirectoryName(Repository.Mini)!] } });
        using var whole = await gateway.Http.SendAsync(Request(path, body), Cancellation);
        var expected = await whole.Content.ReadAsByteArrayAsync(Cancellation);
        var id = whole.Headers.GetValues("X-Chasqui-Generation").Single();

        // Each byte of it is a place where it may be cut; several readers at once.
        foreach (var offsets in Enumerable.Range(0, expected.Length + 1).Chunk(64))
        {
            await Task.WhenAll(offsets.Select(async offset =>
            {
                using var rest = await gateway.Http.GetAsync($"/api/generations/{id}?offset={offset}", Cancellation);
                Assert.Equal(whole.StatusCode, rest.StatusCode);
                Assert.Equal(whole.Content.Headers.ContentType, rest.Content.Headers.ContentType);
                Assert.Equal(expected[offset..], await rest.Content.ReadAsByteArrayAsync(Cancellation));
            }));
        }
        using var beyond = await gateway.Http.GetAsync($"/api/generations/{id}?offset={expected.Length + 1}", Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, beyond.StatusCode);
    }

    [Fact]
    public async Task It_runs_on_when_its_reader_is_gone_is_recorded_and_heard_by_whoever_comes_back()
    {
        var go = new TaskCompletionSource();
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (_, token) => WaitAsync(go.Task, token) });
        string id;
        using (var request = Request("/api/chat", Chat))
        {
            request.Headers.Add("X-Chasqui-Session", "s");
            using var cut = await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
            id = cut.Headers.GetValues("X-Chasqui-Generation").Single();
        }
        using var back = new HttpRequestMessage(HttpMethod.Get, $"/api/generations/{id}") { Headers = { { "Range", "bytes=10-" } } };
        using var rest = await gateway.Http.SendAsync(back, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Equal("10", rest.Headers.GetValues("X-Chasqui-Offset").Single());

        go.SetResult();
        var text = await rest.Content.ReadAsStringAsync(Cancellation);

        Assert.Contains("the end", text, StringComparison.Ordinal);
        Assert.Contains("\"version\":2", text, StringComparison.Ordinal);
        Assert.Contains("\"message_count\":2", await gateway.Http.GetStringAsync("/api/sessions/s", Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_cancelled_when_nobody_comes_back_or_when_somebody_says_so()
    {
        var (time, alone) = (new SignallingTime(), TimeSpan.FromSeconds(37));
        var ends = new[] { new TaskCompletionSource(), new TaskCompletionSource() };
        var count = -1;
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine { Answer = (_, token) => EndlessAsync(ends[Interlocked.Increment(ref count)], token) }, options =>
                options with { Resume = options.Resume with { RunOn = alone } }, builder =>
                builder.Services.AddSingleton<TimeProvider>(time));
        var generations = gateway.App.Services.GetRequiredService<Generations>();
        using (await gateway.Http.SendAsync(Request("/api/chat", Chat), HttpCompletionOption.ResponseHeadersRead, Cancellation))
            Assert.Equal(1, generations.Count);
        // Its time begins when the server has seen that its reader has left.
        await time.TimerAsync(alone).WaitAsync(Cancellation);
        time.Advance(alone);
        Assert.Equal(0, generations.Count);
        await ends[0].Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        using var second = await gateway.Http.SendAsync(Request("/api/chat", Chat), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        using var ended = await gateway.Http.DeleteAsync($"/api/generations/{second.Headers.GetValues("X-Chasqui-Generation").Single()}", Cancellation);
        Assert.Equal(HttpStatusCode.NoContent, ended.StatusCode);
        await ends[1].Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }

    [Fact]
    public async Task Nobody_else_hears_it_and_who_hangs_up_without_asking_cancels()
    {
        var left = new TaskCompletionSource();
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Answer = (request, token) => ((ChatRequest)request).Messages.Count == 2 ? EndlessAsync(left, token) : WaitAsync(Task.CompletedTask, token) });
        var (a, b) = (await gateway.AddKeyAsync("a", caller => caller with { Tenant = "one" }), await gateway.AddKeyAsync("b", caller => caller with { Tenant = "two" }));
        using var answer = await gateway.Http.SendAsync(Request("/api/chat", Chat).With(a), Cancellation);
        var path = "/api/generations/" + answer.Headers.GetValues("X-Chasqui-Generation").Single();

        using var own = await gateway.SendAsync(HttpMethod.Get, path, a);
        using var foreign = await gateway.SendAsync(HttpMethod.Get, path, b);
        using var unknown = await gateway.SendAsync(HttpMethod.Get, "/api/generations/g-x", a);
        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.NotFound, HttpStatusCode.NotFound], new[] { own, foreign, unknown }.Select(one => one.StatusCode));

        using (var plain = new HttpRequestMessage(HttpMethod.Post, "/api/chat") { Content = new StringContent("""{"model":"mini","messages":[{"role":"system","content":"x"},{"role":"user","content":"y"}]}""") })
        using (await gateway.Http.SendAsync(plain.With(a), HttpCompletionOption.ResponseHeadersRead, Cancellation))
            Assert.False(left.Task.IsCompleted);
        await left.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }

    private static HttpRequestMessage Request(string path, string body) =>
        new(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json"), Headers = { { "X-Chasqui-Resume", "true" } } };

    private static async IAsyncEnumerable<GenerationUpdate> WaitAsync(Task go, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken token)
    {
        yield return new GenerationUpdate { Text = "Once upon a time" };
        await go.WaitAsync(token);
        yield return new GenerationUpdate { Text = " it was the end." };
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 3, CompletionTokens = 2 } };
    }

    private static async IAsyncEnumerable<GenerationUpdate> EndlessAsync(TaskCompletionSource left, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken token)
    {
        using var registration = token.Register(() => left.TrySetResult());
        yield return new GenerationUpdate { Text = "Well, it is a long story." };
        await Task.Delay(Timeout.Infinite, token);
    }
}
