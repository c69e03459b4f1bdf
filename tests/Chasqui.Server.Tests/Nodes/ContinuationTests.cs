using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Chasqui.Client;
using Chasqui.Doubles;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Keys;
using Microsoft.Extensions.DependencyInjection;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>Answers whose node fails in the middle, and that another one goes on with.</summary>
public sealed class ContinuationTests
{
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"Tell a story."}],"options":{"num_predict":30}}""";

    private static readonly DoubleScript _well = new() { Models = [new DoubleModel { Name = "mini", AnswerTokens = 20, Size = 20_000_000_000, Capabilities = ["completion", "tools"] }] };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(FaultKind.ErrorLine)]
    [InlineData(FaultKind.NoDone)]
    [InlineData(FaultKind.EngineDies)]
    public async Task Another_node_goes_on_where_one_fails(FaultKind fault)
    {
        await using var fleet = await StartAsync(fault);
        await using var alone = await Fleet.StartAsync(_well);
        var expected = await TextAsync(alone, Chat);

        var (text, last) = await TextAsync(fleet, Chat);

        Assert.Equal(expected.Text, text);
        Assert.Equal(1, last.GetProperty("continuations").GetInt32());
        Assert.Equal(20, last.GetProperty("eval_count").GetInt32());
        Assert.Equal(expected.Last.GetProperty("done_reason").GetString(), last.GetProperty("done_reason").GetString());
    }

    [Theory]
    [InlineData("/api/chat", FaultKind.ErrorLine)]
    [InlineData("/api/chat", FaultKind.NoDone)]
    [InlineData("/api/chat", FaultKind.EngineDies)]
    [InlineData("/v1/chat/completions", FaultKind.NoDone)]
    [InlineData("/v1/chat/completions", FaultKind.EngineDies)]
    public async Task What_passes_by_unread_is_gone_on_with_too(string path, FaultKind fault)
    {
        const string Body = """{"model":"mini","stream":true,"messages":[{"role":"user","content":"Tell a story."}]}""";
        await using var fleet = await StartAsync(fault);
        await using var alone = await Fleet.StartAsync(_well);
        var expected = await PassedAsync(alone, path, Body);

        var passed = await PassedAsync(fleet, path, Body);

        Assert.Equal(expected.Text, passed.Text);
        Assert.Equal(1, fleet.Doubles[1].State.RequestsByPath.GetValueOrDefault("POST /api/chat"));
        Assert.Single(passed.Ids);
        Assert.True(passed.HasEnded);
        Assert.Equal(1, passed.Continuations);
    }

    [Fact]
    public async Task What_passes_by_unread_and_cannot_be_gone_on_with_ends_with_an_error()
    {
        await using var fleet = await StartAsync(FaultKind.EngineDies, after: 2);
        var body = Chat[..^1] + ""","format":"json"}""";
        using var answer = await fleet.Gateway.Http.PostAsync("/api/chat", new StringContent(body), Cancellation);

        var lines = (await answer.Content.ReadAsStringAsync(Cancellation)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        using var last = JsonDocument.Parse(lines[^1]);
        Assert.Contains("cannot be gone on with elsewhere", last.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.All(lines[..^1], line => Assert.DoesNotContain("\"error\"", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_another_gateway_said_over_MCP_is_gone_on_with_when_its_connection_is_lost()
    {
        var asked = 0;
        var engine = new ScriptedEngine { Models = KeyModels.Engine().Models, Answer = (_, token) => Interlocked.Increment(ref asked) == 1 ? HangAsync(token) : WholeAsync() };
        await using var a = await RunningGateway.StartAsync(engine);
        await using var b = await RunningGateway.StartAsync(engine);
        await using var toA = new CuttingProxy(a.Wire, () => int.MaxValue);
        await using var toB = new CuttingProxy(b.Wire, () => int.MaxValue);
        await using var front = await RunningGateway.StartAsync(new ScriptedEngine(), options => options with
        {
            EngineEnabled = false,
            Nodes = [new NodeOptions { Name = "a", Url = toA.Endpoint, Kind = NodeKind.Chasqui }, new NodeOptions { Name = "b", Url = toB.Endpoint, Kind = NodeKind.Chasqui }],
        });
        await front.App.Services.GetRequiredService<NodeSet>().RefreshAsync(Cancellation);
        await using var client = new ChasquiClient(GatewayHost.WireAddresses(front.App)[0]);
        var request = new Messages.ChatRequest { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = "x" } } };

        var text = new StringBuilder();
        var continuations = 0;
        await foreach (var update in client.ChatAsync(request, null, Cancellation))
        {
            if (text.Length == 0)
                await Task.WhenAll(toA.CutAsync(), toB.CutAsync());
            text.Append(update.Text);
            continuations = update.Result?.Continuations ?? 0;
        }

        Assert.Equal("Once upon the end", text.ToString());
        Assert.Equal(1, continuations);
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task One_that_has_other_weights_does_not_go_on()
    {
        var other = _well with { Models = [new DoubleModel { Name = "mini", AnswerTokens = 20, Size = 20_000_000_000, Digest = "sha256:" + new string('b', 64) }] };
        await using var fleet = await StartAsync(FaultKind.NoDone, other: other);

        var (text, last) = await TextAsync(fleet, Chat);

        Assert.NotEmpty(text);
        Assert.Contains("n0", last.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model":"mini","format":"json","messages":[{"role":"user","content":"Tell a story."}]}""", "prescribed format")]
    [InlineData("""{"model":"mini","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"messages":[{"role":"user","content":"Tell a story."}]}""", "tools")]
    public async Task What_cannot_be_gone_on_with_ends_with_an_error_that_says_so(string body, string why)
    {
        await using var fleet = await StartAsync(FaultKind.NoDone, after: 1);

        var (_, last) = await TextAsync(fleet, body);

        Assert.True(last.TryGetProperty("error", out var _), last.ToString());
        var error = last.GetProperty("error").GetString();
        Assert.Contains("cannot be gone on with elsewhere", error, StringComparison.Ordinal);
        Assert.Contains(why, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_does_not_want_it_gets_the_error()
    {
        await using var fleet = await StartAsync(FaultKind.NoDone);

        var (_, last) = await TextAsync(fleet, Chat, ("X-Chasqui-Continue", "false"));

        Assert.True(last.TryGetProperty("error", out _));
        Assert.Equal(0, fleet.Doubles[1].State.RequestsByPath.GetValueOrDefault("POST /api/chat"));
    }

    private static async Task<(string Text, HashSet<string> Ids, bool HasEnded, int Continuations)> PassedAsync(Fleet fleet, string path, string body)
    {
        using var answer = await fleet.Gateway.Http.PostAsync(path, new StringContent(body), Cancellation);
        var (text, ids, hasEnded, continuations) = (new StringBuilder(), new HashSet<string>(), false, 0);
        foreach (var line in (await answer.Content.ReadAsStringAsync(Cancellation)).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            hasEnded = line == "data: [DONE]";
            if (hasEnded)
                continue;
            using var json = JsonDocument.Parse(line.StartsWith("data: ", StringComparison.Ordinal) ? line[6..] : line);
            var root = json.RootElement;
            if (root.TryGetProperty("continuations", out var times))
                continuations = times.GetInt32();
            if (root.TryGetProperty("choices", out var choices))
            {
                ids.Add(root.GetProperty("id").GetString()!);
                foreach (var choice in choices.EnumerateArray())
                    text.Append(choice.GetProperty("delta").TryGetProperty("content", out var content) ? content.GetString() : "");
                continue;
            }
            Assert.True(root.TryGetProperty("message", out var message), line);
            ids.Add(root.GetProperty("model").GetString()!);
            text.Append(message.GetProperty("content").GetString());
            hasEnded = root.GetProperty("done").GetBoolean();
        }
        return (text.ToString(), ids, hasEnded, continuations);
    }

    private static async IAsyncEnumerable<GenerationUpdate> HangAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new GenerationUpdate { Text = "Once " };
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    private static async IAsyncEnumerable<GenerationUpdate> WholeAsync()
    {
        await Task.Yield();
        yield return new GenerationUpdate { Text = "Once upon " };
        yield return new GenerationUpdate { Text = "the end" };
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 1, CompletionTokens = 4 } };
    }

    private static DoubleScript Failing(FaultKind fault, int after = 7) => _well with { Faults = [new Fault { Kind = fault, AfterTokens = after }] };

    /// <summary>The first node has the model in memory, and so is asked first.</summary>
    private static async Task<Fleet> StartAsync(FaultKind fault, int after = 7, DoubleScript? other = null)
    {
        var fleet = await Fleet.StartAsync([Failing(fault, after), other ?? _well]);
        using var node = new HttpClient { BaseAddress = fleet.Double.Address };
        using var loaded = await node.PostAsync("/api/generate", new StringContent("""{"model":"mini"}"""), Cancellation);
        Assert.True(loaded.IsSuccessStatusCode);
        await fleet.Nodes.RefreshAsync(Cancellation);
        return fleet;
    }

    /// <summary>A chat that is a turn of a session goes by its types.</summary>
    private static async Task<(string Text, JsonElement Last)> TextAsync(Fleet fleet, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/chat") { Content = new StringContent(body) };
        request.Headers.Add("X-Chasqui-Session", "new");
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        using var answer = await fleet.Gateway.Http.SendAsync(request, Cancellation);
        var text = new StringBuilder();
        JsonElement last = default;
        foreach (var line in (await answer.Content.ReadAsStringAsync(Cancellation)).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            last = JsonElement.Parse(line);
            if (last.TryGetProperty("message", out var message))
                text.Append(message.GetProperty("content").GetString());
        }
        return (text.ToString(), last);
    }
}
