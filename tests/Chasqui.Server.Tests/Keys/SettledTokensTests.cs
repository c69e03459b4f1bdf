using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.Logging;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>Every way of an answer is settled by what it took in truth, in limits and log alike.</summary>
public sealed class SettledTokensTests : IDisposable
{
    private const string Id = "g-aaaaaaaaaaaaaaaa";

    // Forty characters are about ten tokens.
    private const string Prompt = "Tell me a story that is long, and then 1";

    private readonly EndedRequests _ended = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _ended.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Over_MCP_with_an_id_and_without(bool hasId)
    {
        await using var gateway = await StartAsync(new ScriptedEngine { Answer = (_, token) => ScriptedEngine.TokensAsync(Words(20), token) });
        var key = await AddKeyAsync(gateway);
        await using var client = Client(gateway, key);

        await client.GenerateAsync(Story, Options(hasId), Cancellation).ToListAsync(Cancellation);
        var ended = await _ended.NextAsync("generate");

        Assert.Equal((3, 20), (ended.Prompt, ended.Completion));
        Assert.Equal(23, Used(gateway));
    }

    [Fact]
    public async Task Over_MCP_who_begins_pays_for_all_of_it_though_another_connection_reads_the_rest()
    {
        var go = new TaskCompletionSource();
        await using var gateway = await StartAsync(new ScriptedEngine { Answer = (_, token) => WaitAsync(go.Task, token) });
        var key = await AddKeyAsync(gateway);
        await using var second = Client(gateway, key);
        await using (var first = Client(gateway, key))
        {
            await using var begun = first.GenerateAsync(Story, Options(true), Cancellation).GetAsyncEnumerator(Cancellation);
            Assert.True(await begun.MoveNextAsync());
            // It has joined when it has the piece that is there already; only then may the first one leave.
            await using var reading = second.ResumeAsync(Id, 0, null, Cancellation).GetAsyncEnumerator(Cancellation);
            Assert.True(await reading.MoveNextAsync());
            await first.DisposeAsync();
            Assert.Equal((10, 1), await TokensAsync("generate"));
            go.SetResult();
            while (await reading.MoveNextAsync())
            {
                // To its end.
            }
        }

        Assert.Equal((3, 10), await TokensAsync("generation.resume"));
        await second.ResumeAsync(Id, 1, null, Cancellation).ToListAsync(Cancellation);
        Assert.Equal((0, 9), await TokensAsync("generation.resume"));
        Assert.Equal(13, Used(gateway));
    }

    [Theory]
    [InlineData("/api/chat", true)]
    [InlineData("/api/generate", true)]
    [InlineData("/v1/chat/completions", true)]
    [InlineData("/v1/completions", true)]
    [InlineData("/v1/messages", true)]
    [InlineData("/v1/responses", true)]
    [InlineData("/api/chat", false)]
    [InlineData("/api/generate", false)]
    [InlineData("/v1/chat/completions", false)]
    [InlineData("/v1/completions", false)]
    [InlineData("/v1/messages", false)]
    [InlineData("/v1/responses", false)]
    public async Task By_what_the_node_counts_before_a_node_and_before_an_engine_and_resumed(string path, bool stream)
    {
        await using var fleet = await FleetAsync(new DoubleModel { Name = "mini", AnswerTokens = 50 });
        var key = await AddKeyAsync(fleet.Gateway);

        var plain = await SendAsync(fleet.Gateway, key, path, stream);
        var first = Used(fleet.Gateway);
        var resumed = await SendAsync(fleet.Gateway, key, path, stream, resumes: true);

        Assert.Equal((50, 50), (plain.Completion, resumed.Completion));
        Assert.InRange(plain.Prompt, 1, 40);
        Assert.Equal(plain.Prompt, resumed.Prompt);
        Assert.Equal(plain.Prompt + 50, first);
        Assert.Equal(2 * first, Used(fleet.Gateway));
    }

    [Theory]
    [InlineData("/v1/chat/completions", false)]
    [InlineData("/v1/completions", false)]
    [InlineData("/v1/chat/completions", true)]
    [InlineData("/v1/completions", true)]
    public async Task A_node_that_counts_nothing_is_no_way_around_the_limit(string path, bool resumes)
    {
        await using var fleet = await FleetAsync(new DoubleModel { Name = "mini", AnswerTokens = 20_000, CountsTokens = false });
        var key = await AddKeyAsync(fleet.Gateway, new TrafficLimit { TokensPerMinute = 1000 });

        var ended = await SendAsync(fleet.Gateway, key, path, stream: true, resumes);
        using var next = await fleet.Gateway.SendAsync(HttpMethod.Post, path, key, Body(path, true));

        // Of words the double makes more than four bytes now and then.
        Assert.InRange(ended.Completion, 20_000, 40_000);
        Assert.InRange(ended.Prompt, 10, 12);
        Assert.Equal(429, (int)next.StatusCode);
        Assert.InRange(next.Headers.RetryAfter!.Delta!.Value.TotalMinutes, 18.9, 40);
    }

    [Theory]
    [InlineData("/api/chat", "\"content\":\"")]
    [InlineData("/api/generate", "\"response\":\"")]
    [InlineData("/v1/chat/completions", "\"content\":\"")]
    [InlineData("/v1/completions", "\"text\":\"")]
    [InlineData("/v1/messages", "\"text_delta\"")]
    [InlineData("/v1/responses", "\"response.output_text.delta\"")]
    public async Task Of_an_answer_that_a_client_leaves_what_went_by_counts(string path, string sign)
    {
        await using var fleet = await Fleet.StartAsync(
            new DoubleScript { Models = [new DoubleModel { Name = "mini", AnswerTokens = 1000 }], Faults = [new Fault { Kind = FaultKind.HangMidStream, AfterTokens = 300 }] },
            change: options => options with { Routing = options.Routing with { HedgeAfter = TimeSpan.Zero } }, log: _ended);
        var key = await AddKeyAsync(fleet.Gateway);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var request = Fleet.Post(path, Body(path, true)).With(key);
        using var answer = await fleet.Gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leave.Token);
        using (var body = new StreamReader(await answer.Content.ReadAsStreamAsync(leave.Token)))
        {
            for (var pieces = 0; pieces < 300;)
            {
                if ((await body.ReadLineAsync(leave.Token))!.Contains(sign, StringComparison.Ordinal))
                    pieces++;
            }
            await leave.CancelAsync();
        }

        var ended = await _ended.NextAsync(path);

        // Of 300 pieces of about 1,690 bytes.
        Assert.Equal(422, ended.Completion);
        Assert.InRange(ended.Prompt, 9, 15);
        Assert.Equal(ended.Prompt + ended.Completion, Used(fleet.Gateway));
    }

    private static Messages.GenerateRequest Story => new() { Model = "mini", Prompt = Prompt };

    private static CallOptions Options(bool hasId) => hasId ? new CallOptions { Resume = true, GenerationId = Id } : new CallOptions { Resume = false };

    private static IEnumerable<string> Words(int count) => Enumerable.Repeat("a ", count);

    private static async IAsyncEnumerable<GenerationUpdate> WaitAsync(Task go, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new GenerationUpdate { Text = "a " };
        await go.WaitAsync(cancellationToken);
        await foreach (var update in ScriptedEngine.TokensAsync(Words(9), cancellationToken))
            yield return update.Result is { } result ? update with { Result = result with { CompletionTokens = 10 } } : update;
    }

    private static string Body(string path, bool stream)
    {
        var end = stream ? ",\"stream\":true}" : ",\"stream\":false}";
        return path switch
        {
            "/api/generate" or "/v1/completions" => $$"""{"model":"mini","prompt":"{{Prompt}}"{{end}}""",
            "/v1/responses" => $$"""{"model":"mini","input":"{{Prompt}}"{{end}}""",
            "/v1/messages" => $$"""{"model":"mini","max_tokens":100000,"messages":[{"role":"user","content":"{{Prompt}}"}]{{end}}""",
            _ => $$"""{"model":"mini","messages":[{"role":"user","content":"{{Prompt}}"}]{{end}}""",
        };
    }

    private static Task<string> AddKeyAsync(RunningGateway gateway, TrafficLimit? limit = null) => gateway.AddKeyAsync("ci", caller => caller with { Limit = limit ?? KeyedGateway.Counted });

    /// <summary>Tokens that the key has taken.</summary>
    private static long Used(RunningGateway gateway) => gateway.UsedTokens("ci");

    private static ChasquiClient Client(RunningGateway gateway, string key) => new(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key });

    private Task<RunningGateway> StartAsync(IEngine engine) => RunningGateway.StartAsync(engine, configure: builder => builder.Logging.AddProvider(_ended));

    private Task<Fleet> FleetAsync(DoubleModel model) => Fleet.StartAsync(new DoubleScript { Models = [model], ContextLength = 100_000 }, log: _ended);

    private async Task<(int Prompt, int Completion)> TokensAsync(string path) => await _ended.NextAsync(path) is var ended ? (ended.Prompt, ended.Completion) : default;

    private async Task<EndedRequest> SendAsync(RunningGateway gateway, string key, string path, bool stream, bool resumes = false)
    {
        using var request = Fleet.Post(path, Body(path, stream)).With(key);
        if (resumes)
            request.Headers.Add("X-Chasqui-Resume", "true");
        using var answer = await gateway.Http.SendAsync(request, Cancellation);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        return await _ended.NextAsync(path);
    }
}
