using System.Runtime.CompilerServices;
using Chasqui.Client;
using Chasqui.Gateway.Telemetry;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>
/// What answers cost that are not made for one reader alone: shared ones, kept ones, those that are come back to and those that another node goes on with. None costs nothing,
/// and none costs twice.
/// </summary>
public sealed class SharedTokensTests : IDisposable
{
    // Twelve characters are three tokens, as the engine counts them.
    private const string Prompt = "Once upon a ";

    private readonly EndedRequests _ended = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _ended.Dispose();

    [Theory]
    [InlineData("/api/generate", true)]
    [InlineData("/api/chat", true)]
    [InlineData("/api/chat", false)]
    [InlineData("/v1/chat/completions", true)]
    [InlineData("/v1/completions", false)]
    [InlineData("/v1/messages", true)]
    [InlineData("/v1/responses", true)]
    public async Task Each_who_shares_an_answer_of_HTTP_pays_for_it(string path, bool stream)
    {
        var go = new TaskCompletionSource();
        var asked = 0;
        await using var gateway = await StartAsync(new ScriptedEngine { Models = KeyModels.Engine().Models, Answer = (_, token) => TellAsync(go.Task, () => asked++, token) });
        using var watch = new MeterWatch(gateway.App.Services.GetRequiredService<GatewayTelemetry>());
        string[] names = ["a", "b"];
        var answers = new List<Task<HttpResponseMessage>>();
        foreach (var name in names)
            answers.Add(BeginAsync(gateway, await AddKeyAsync(gateway, name), path, Body(path, stream)));
        await watch.OfAsync("chasqui.share.requests");
        go.SetResult();

        foreach (var answer in answers)
        {
            using var told = await answer;
            Assert.Contains("end", await told.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
            Assert.Equal((3, 2), await TokensAsync(path));
        }
        Assert.Equal(1, asked);
        Assert.All(names, name => Assert.Equal(5, gateway.UsedTokens(name)));
    }

    [Fact]
    public async Task Each_who_shares_an_answer_of_MCP_pays_for_it_and_who_leaves_for_what_it_got()
    {
        var go = new TaskCompletionSource();
        var asked = 0;
        await using var gateway = await StartAsync(new ScriptedEngine { Models = KeyModels.Engine().Models, Answer = (_, token) => TellAsync(go.Task, () => asked++, token) });
        var readers = new List<IAsyncEnumerator<Messages.GenerationUpdate>>();
        var clients = new List<ChasquiClient>();
        foreach (var name in new[] { "a", "b", "c" })
        {
            clients.Add(Client(gateway, await AddKeyAsync(gateway, name)));
            readers.Add(clients[^1].GenerateAsync(Story, new CallOptions { Resume = false }, Cancellation).GetAsyncEnumerator(Cancellation));
            Assert.True(await readers[^1].MoveNextAsync());
        }
        await readers[2].DisposeAsync();
        Assert.Equal((3, 1), await TokensAsync("generate"));
        go.SetResult();
        foreach (var reader in readers[..2])
        {
            while (await reader.MoveNextAsync())
            {
                // To its end.
            }
            Assert.Equal((3, 2), await TokensAsync("generate"));
            await reader.DisposeAsync();
        }
        foreach (var client in clients)
            await client.DisposeAsync();

        Assert.Equal(1, asked);
        Assert.Equal([5, 5, 4], new[] { "a", "b", "c" }.Select(gateway.UsedTokens));
    }

    [Theory]
    [InlineData("/api/generate", true)]
    [InlineData("/api/chat", false)]
    [InlineData("/v1/chat/completions", true)]
    [InlineData("/v1/chat/completions", false)]
    [InlineData("/v1/completions", true)]
    [InlineData("/v1/messages", true)]
    [InlineData("/v1/responses", false)]
    public async Task An_answer_that_is_kept_costs_each_time_what_it_cost_to_make(string path, bool stream)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini", AnswerTokens = 30 }] }, log: _ended);
        var key = await AddKeyAsync(fleet.Gateway, "a");
        for (var time = 1; time <= 3; time++)
        {
            using var answer = await BeginAsync(fleet.Gateway, key, path, Body(path, stream));
            await answer.Content.ReadAsStringAsync(Cancellation);
            var (prompt, completion) = await TokensAsync(path);

            Assert.Equal(time == 1 ? "miss" : "hit", answer.Headers.GetValues("X-Chasqui-Cache").Single());
            Assert.Equal(30, completion);
            Assert.InRange(prompt, 1, 20);
            Assert.Equal(time * (prompt + completion), fleet.Gateway.UsedTokens("a"));
        }
        Assert.Equal(1, fleet.Double.State.Completions);
    }

    [Fact]
    public async Task Vectors_that_are_kept_or_made_with_others_cost_each_caller_its_own_texts()
    {
        var script = new DoubleScript { Models = [new DoubleModel { Name = "mini", Capabilities = ["embedding"] }] };
        await using var fleet = await Fleet.StartAsync(script, log: _ended);
        var (a, b) = (await AddKeyAsync(fleet.Gateway, "a"), await AddKeyAsync(fleet.Gateway, "b"));
        await using var client = Client(fleet.Gateway, b);
        var texts = (string[])[new('x', 400), new('y', 80)];

        var own = await EmbedAsync(fleet, a, texts[0]);
        Assert.Equal(own, await EmbedAsync(fleet, a, texts[0]));
        Assert.Equal(2 * own, fleet.Gateway.UsedTokens("a"));
        await client.EmbedAsync(new Messages.EmbedRequest { Model = "mini", Inputs = { texts[1] } }, null, Cancellation);
        var other = (await _ended.NextAsync("embed")).Prompt;
        Assert.InRange(other, 20, 22);
        Assert.Equal(other, fleet.Gateway.UsedTokens("b"));

        // While one call is under way, the next ones wait for it and then go together.
        fleet.Double.Script = script with { Faults = [new Fault { Kind = FaultKind.SlowFirstByte, DelayMilliseconds = 400, Requests = 1 }] };
        var before = (fleet.Gateway.UsedTokens("a"), fleet.Gateway.UsedTokens("b"));
        var calls = fleet.Double.State.RequestsByPath["POST /api/embed"];
        var first = EmbedAsync(fleet, a, "first");
        await fleet.UntilAsync(state => state.RequestsByPath["POST /api/embed"] == calls + 1);
        var both = await Task.WhenAll(first, EmbedAsync(fleet, a, texts[0] + "z"), EmbedAsync(fleet, b, texts[1] + "z"));

        Assert.Equal(calls + 2, fleet.Double.State.RequestsByPath["POST /api/embed"]);
        var (ofA, ofB) = (fleet.Gateway.UsedTokens("a") - before.Item1, fleet.Gateway.UsedTokens("b") - before.Item2);
        Assert.Equal(both.Sum(), ofA + ofB);
        Assert.InRange(ofB, 19, 23);
        Assert.InRange(ofA, 99, 106);
    }

    [Theory]
    [InlineData("/api/generate")]
    [InlineData("/v1/chat/completions")]
    public async Task Coming_back_to_an_answer_of_HTTP_costs_nothing_more(string path)
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini", AnswerTokens = 30 }] }, log: _ended);
        var key = await AddKeyAsync(fleet.Gateway, "a");
        using var request = Fleet.Post(path, Body(path, true)).With(key);
        request.Headers.Add("X-Chasqui-Resume", "true");
        using var whole = await fleet.Gateway.Http.SendAsync(request, Cancellation);
        var (prompt, completion) = await TokensAsync(path);
        Assert.Equal(30, completion);
        Assert.Equal(prompt + 30, fleet.Gateway.UsedTokens("a"));

        foreach (var offset in new[] { 0, 100 })
        {
            var kept = $"/api/generations/{whole.Headers.GetValues("X-Chasqui-Generation").Single()}";
            using var again = await fleet.Gateway.SendAsync(HttpMethod.Get, $"{kept}?offset={offset}", key);
            await again.Content.ReadAsStringAsync(Cancellation);
            // The log tells what was sent, by whole parts.
            var told = await TokensAsync(RequestEntry.Printable(kept));
            Assert.InRange(told.Completion, 1, 30);
        }
        Assert.Equal(prompt + 30, fleet.Gateway.UsedTokens("a"));
    }

    [Theory]
    [InlineData("/api/chat", true, FaultKind.NoDone)]
    [InlineData("/api/chat", true, FaultKind.EngineDies)]
    [InlineData("/v1/chat/completions", true, FaultKind.NoDone)]
    [InlineData("/v1/chat/completions", true, FaultKind.EngineDies)]
    [InlineData("/api/chat", false, FaultKind.EngineDies)]
    [InlineData("MCP", true, FaultKind.NoDone)]
    [InlineData("MCP with an id", true, FaultKind.NoDone)]
    public async Task An_answer_that_another_node_goes_on_with_costs_as_much_as_one_of_one_node(string path, bool stream, FaultKind fault)
    {
        var well = new DoubleScript { Models = [new DoubleModel { Name = "mini", AnswerTokens = 30 }] };
        await using var alone = await Fleet.StartAsync(well, log: _ended);
        var key = await AddKeyAsync(alone.Gateway, "a");
        var expected = await AskAsync(alone, path, stream, key);
        Assert.Equal(30, expected.Completion);

        await using var fleet = await Fleet.StartAsync([well with { Faults = [new Fault { Kind = fault, AfterTokens = 7 }] }, well], log: _ended);
        using var node = new HttpClient { BaseAddress = fleet.Double.Address };
        using var loaded = await node.PostAsync("/api/generate", new StringContent("""{"model":"mini"}"""), Cancellation);
        await fleet.Nodes.RefreshAsync(Cancellation);
        key = await AddKeyAsync(fleet.Gateway, "a");

        var continued = await AskAsync(fleet, path, stream, key);

        Assert.Equal(1, fleet.Doubles[1].State.Completions);
        Assert.Equal(30, continued.Completion);
        // The double counts a word of an answer as one token, and as more in the prompt of the node that continues it.
        Assert.InRange(continued.Prompt, expected.Prompt, expected.Prompt + 10);
        Assert.Equal(continued.Prompt + 30, fleet.Gateway.UsedTokens("a"));
    }

    private static Messages.GenerateRequest Story => new()
    {
        Model = "mini",
        Prompt = Prompt,
        Common = new Messages.GenerationCommon { Options = new Messages.GenerationOptions { Temperature = 0 } },
    };

    private static string Body(string path, bool stream, bool isFixed = true)
    {
        var options = isFixed ? path.StartsWith("/api", StringComparison.Ordinal) ? ",\"options\":{\"temperature\":0}" : ",\"temperature\":0" : "";
        var end = $"{options},\"stream\":{(stream ? "true" : "false")}}}";
        return path switch
        {
            "/api/generate" or "/v1/completions" => $$"""{"model":"mini","prompt":"{{Prompt}}"{{end}}""",
            "/v1/responses" => $$"""{"model":"mini","store":false,"input":"{{Prompt}}"{{end}}""",
            _ => $$"""{"model":"mini","max_tokens":100,"messages":[{"role":"user","content":"{{Prompt}}"}]{{end}}""",
        };
    }

    private static Task<string> AddKeyAsync(RunningGateway gateway, string name) => gateway.AddKeyAsync(name, caller => caller with { Tenant = "t", Limit = KeyedGateway.Counted });

    private static ChasquiClient Client(RunningGateway gateway, string key) => new(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(gateway.App)[0], ApiKey = key });

    private static Task<HttpResponseMessage> BeginAsync(RunningGateway gateway, string key, string path, string body) =>
        gateway.Http.SendAsync(Fleet.Post(path, body).With(key), HttpCompletionOption.ResponseHeadersRead, Cancellation);

    /// <summary>One piece, and once it may go on another one and the end.</summary>
    private static async IAsyncEnumerable<GenerationUpdate> TellAsync(Task go, Action asked, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        asked();
        yield return new GenerationUpdate { Text = "the " };
        await go.WaitAsync(cancellationToken);
        yield return new GenerationUpdate { Text = "end" };
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop, PromptTokens = 3, CompletionTokens = 2, TotalDuration = TimeSpan.FromMilliseconds(1) } };
    }

    private Task<RunningGateway> StartAsync(IEngine engine) => RunningGateway.StartAsync(engine, configure: builder => builder.Logging.AddProvider(_ended));

    private async Task<(int Prompt, int Completion)> TokensAsync(string path) => await _ended.NextAsync(path) is var ended ? (ended.Prompt, ended.Completion) : default;

    private async Task<int> EmbedAsync(Fleet fleet, string key, string text)
    {
        using var answer = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/embed", key, $$"""{"model":"mini","input":"{{text}}"}""");
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        return (await _ended.NextAsync("/api/embed")).Prompt;
    }

    private async Task<(int Prompt, int Completion)> AskAsync(Fleet fleet, string path, bool stream, string key)
    {
        if (path.StartsWith('/'))
        {
            using var answer = await BeginAsync(fleet.Gateway, key, path, Body(path, stream, isFixed: false));
            var text = await answer.Content.ReadAsStringAsync(Cancellation);
            Assert.True(answer.IsSuccessStatusCode, text);
            return await TokensAsync(path);
        }
        await using var client = Client(fleet.Gateway, key);
        var call = path == "MCP" ? new CallOptions { Resume = false } : new CallOptions { Resume = true, GenerationId = "g-aaaaaaaaaaaaaaaa" };
        var request = new Messages.ChatRequest { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = Prompt } } };
        await client.ChatAsync(request, call, Cancellation).ToListAsync(Cancellation);
        return await TokensAsync("chat");
    }
}
