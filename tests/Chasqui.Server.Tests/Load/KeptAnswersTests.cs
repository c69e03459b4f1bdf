using System.Net;
using System.Runtime.CompilerServices;
using Chasqui.Server.Tests.Keys;
using Chasqui.Server.Tests.Nodes;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Load;

/// <summary>An answer that goes on without its client is one of its caller's requests at a time, and to come back to it takes no second place.</summary>
public sealed class KeptAnswersTests : IDisposable
{
    private const string Id = "g-aaaaaaaaaaaaaaaa";

    private readonly EndedRequests _ended = new();
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _ended.Dispose();

    [Theory]
    [InlineData("/api/chat")]
    [InlineData("/api/generate")]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/completions")]
    [InlineData("/v1/responses")]
    [InlineData("/v1/messages")]
    public async Task Over_HTTP_it_holds_the_place_until_it_ends(string path)
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Concurrency = 1 });
        var kept = await LeaveAsync(gateway, path, key);

        using var another = await gateway.SendAsync(HttpMethod.Post, path, key, Body(path));
        Assert.Equal(HttpStatusCode.TooManyRequests, another.StatusCode);
        using (var back = await gateway.Http.SendAsync(new HttpRequestMessage(HttpMethod.Get, kept).With(key), HttpCompletionOption.ResponseHeadersRead, Cancellation))
        {
            Assert.Equal(HttpStatusCode.OK, back.StatusCode);
            using var beside = await gateway.SendAsync(HttpMethod.Post, path, key, Body(path));
            using var twice = await gateway.SendAsync(HttpMethod.Get, kept, key);
            Assert.Equal((HttpStatusCode.TooManyRequests, HttpStatusCode.TooManyRequests), (beside.StatusCode, twice.StatusCode));
            _end.SetResult();
            Assert.Contains("end", await back.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        }
        // The two that were refused, and the one that read to its end.
        await _ended.NextAsync(RequestEntry.Printable(kept));
        await _ended.NextAsync(RequestEntry.Printable(kept));

        using var next = await gateway.SendAsync(HttpMethod.Post, path, key, Body(path));
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        using var whole = await gateway.SendAsync(HttpMethod.Get, kept, key);
        Assert.Equal(HttpStatusCode.OK, whole.StatusCode);
    }

    [Fact]
    public async Task Who_has_no_place_left_may_still_end_one_and_may_ask_for_no_other()
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Concurrency = 1 });
        var kept = await LeaveAsync(gateway, "/api/chat", key);

        using var none = await gateway.SendAsync(HttpMethod.Get, "/api/generations/g-none", key);
        using var ended = await gateway.SendAsync(HttpMethod.Delete, kept, key);

        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NoContent), (none.StatusCode, ended.StatusCode));
    }

    [Theory]
    [InlineData("chat")]
    [InlineData("generation.resume")]
    public async Task Over_MCP_it_is_the_same(string op)
    {
        await using var gateway = await StartAsync();
        var key = await gateway.AddKeyAsync("ci", caller => caller with { Concurrency = 1 });
        await using (var first = await WirePeer.OpenAsync(gateway, key))
        {
            await using var begun = await first.Connection.StartAsync(WirePeer.Head("chat").Add("generation", Id), WirePeer.Chat(1), end: true, ct: Cancellation);
            Assert.Equal("200", (await begun.GetResponseAsync(Cancellation))["status"]);
            (await begun.ReadAsync(Cancellation))?.Dispose();
            // Its connection breaks; to reset the call would end the answer.
            await first.Connection.DisposeAsync();
            await _ended.NextAsync("chat");
        }
        await using var peer = await WirePeer.OpenAsync(gateway, key);

        var another = await peer.CallAsync("chat", WirePeer.Chat(1));
        await using var other = await peer.Connection.StartAsync(WirePeer.Head("chat").Add("generation", Id + "b"), WirePeer.Chat(1), end: true, ct: Cancellation);
        var kept = await WirePeer.AnswerAsync(other);
        Assert.Equal(("429", "429"), (another.Status, kept.Status));
        // What is refused has gone when it is logged.
        await _ended.NextAsync("chat");
        await _ended.NextAsync("chat");
        var (head, message) = op == "chat"
            ? (WirePeer.Head(op).Add("generation", Id).Add("offset", "1"), WirePeer.Chat(1))
            : (WirePeer.Head(op), new Messages.ResumeRequest { Id = Id, Offset = 1 }.ToByteArray());
        await using (var back = await peer.Connection.StartAsync(head, message, end: true, ct: Cancellation))
        {
            _end.SetResult();
            var (status, text) = await WirePeer.AnswerAsync(back);
            Assert.Equal("200", status);
            Assert.Contains("end", text, StringComparison.Ordinal);
            await _ended.NextAsync(op);
        }

        Assert.Equal("200", (await peer.CallAsync("chat", WirePeer.Chat(1))).Status);
    }

    private static string Body(string path) => path switch
    {
        "/api/generate" or "/v1/completions" => """{"model":"mini","prompt":"x","stream":true}""",
        "/v1/responses" => """{"model":"mini","store":false,"input":"x","stream":true}""",
        _ => """{"model":"mini","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"x"}]}""",
    };

    private Task<RunningGateway> StartAsync() => RunningGateway.StartAsync(
        new ScriptedEngine { Models = KeyModels.Engine().Models, Resident = KeyModels.Engine().Resident, Answer = (_, token) => TellAsync(token) },
        configure: builder => builder.Logging.AddProvider(_ended));

    /// <summary>Begins an answer that is kept, and leaves it.</summary>
    /// <returns>Where it is.</returns>
    private async Task<string> LeaveAsync(RunningGateway gateway, string path, string key)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var request = Fleet.Post(path, Body(path)).With(key);
        request.Headers.Add("X-Chasqui-Resume", "true");
        using var begun = await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leave.Token);
        Assert.Equal(HttpStatusCode.OK, begun.StatusCode);
        begun.Dispose();
        await _ended.NextAsync(path);
        return $"/api/generations/{begun.Headers.GetValues("X-Chasqui-Generation").Single()}";
    }

    private async IAsyncEnumerable<GenerationUpdate> TellAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new GenerationUpdate { Text = "the " };
        await _end.Task.WaitAsync(cancellationToken);
        yield return new GenerationUpdate { Text = "end" };
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 3, CompletionTokens = 2, TotalDuration = TimeSpan.FromMilliseconds(1) } };
    }
}
