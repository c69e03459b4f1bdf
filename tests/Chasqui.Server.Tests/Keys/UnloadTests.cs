using System.Net;
using Chasqui.Client;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Nodes;
using Microsoft.Extensions.Time.Testing;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Keys;

/// <summary>Who may send a model away that others may need.</summary>
public sealed class UnloadTests : IDisposable
{
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false}""";
    private const string Unload = """{"model":"mini","keep_alive":0}""";

    private readonly EndedRequests _ended = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _ended.Dispose();

    [Theory]
    [InlineData("/api/generate", Unload)]
    [InlineData("/api/chat", Unload)]
    [InlineData("/api/embed", """{"model":"mini","input":[],"keep_alive":0}""")]
    public async Task A_model_that_others_use_is_unloaded_with_the_scope_alone(string path, string body)
    {
        await using var fleet = await StartAsync();
        var (a, b) = (await fleet.Gateway.AddKeyAsync("a"), await fleet.Gateway.AddKeyAsync("b"));
        var ops = await fleet.Gateway.AddKeyAsync("ops", caller => caller with { Scopes = Scopes.Infer | Scopes.Models });
        await AskAsync(fleet, a);
        await AskAsync(fleet, b);
        await AskAsync(fleet, a);

        Assert.Equal((HttpStatusCode.Forbidden, """{"error":"key \"a\" may not unload model \"mini\", which is used by others; that takes the scope models"}"""), await SendAsync(fleet, a, body, path));
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(fleet, b, body, path)).Status);
        Assert.Single(fleet.Double.State.Loaded);

        Assert.Equal(HttpStatusCode.OK, (await SendAsync(fleet, ops, Unload)).Status);
        Assert.Empty(fleet.Double.State.Loaded);
    }

    [Fact]
    public async Task Who_uses_it_alone_may_unload_it_and_so_may_another_a_while_after_the_last_use()
    {
        var time = new FakeTimeProvider();
        await using var fleet = await StartAsync(time: time);
        var (a, b) = (await fleet.Gateway.AddKeyAsync("a"), await fleet.Gateway.AddKeyAsync("b"));
        await AskAsync(fleet, a);

        var (status, text) = await SendAsync(fleet, a, Unload);
        Assert.True(status == HttpStatusCode.OK && text.Contains("\"done_reason\":\"unload\"", StringComparison.Ordinal), text);
        Assert.Empty(fleet.Double.State.Loaded);

        await AskAsync(fleet, a);
        time.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromTicks(1));
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(fleet, b, Unload)).Status);
        time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(fleet, b, Unload)).Status);
        Assert.Empty(fleet.Double.State.Loaded);
    }

    [Fact]
    public async Task A_request_of_another_that_is_still_running_counts_whenever_it_began()
    {
        var time = new FakeTimeProvider();
        var script = new DoubleScript { Models = [new DoubleModel { Name = "mini", AnswerTokens = 1000 }], NumParallel = 2 };
        await using var fleet = await StartAsync(script, time: time);
        var (a, b) = (await fleet.Gateway.AddKeyAsync("a"), await fleet.Gateway.AddKeyAsync("b"));
        fleet.Double.Script = script with { Faults = [new Fault { Kind = FaultKind.HangMidStream, AfterTokens = 2, Requests = 1 }] };
        using var request = Fleet.Post("/api/chat", Chat.Replace("false", "true", StringComparison.Ordinal)).With(a);
        using (var running = await fleet.Gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation))
        {
            time.Advance(TimeSpan.FromMinutes(6));
            Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(fleet, b, Unload)).Status);
        }
    }

    [Fact]
    public async Task A_model_that_is_pinned_stays()
    {
        await using var fleet = await StartAsync(new DoubleScript { KeepAlive = "-1" });
        var key = await fleet.Gateway.AddKeyAsync("a");
        await AskAsync(fleet, key);
        await fleet.Nodes.RefreshAsync(Cancellation);

        Assert.Equal((HttpStatusCode.Forbidden, """{"error":"key \"a\" may not unload model \"mini\", which is pinned; that takes the scope models"}"""), await SendAsync(fleet, key, Unload));
        Assert.Single(fleet.Double.State.Loaded);
    }

    [Theory]
    [InlineData(OptionTreatment.Clamp, "keep_alive 0s -> 1m")]
    [InlineData(OptionTreatment.Strip, "keep_alive stripped")]
    public async Task A_policy_holds_a_model_that_a_key_without_the_scope_sends_away(OptionTreatment treatment, string told)
    {
        var policy = new ModelPolicy { KeepAlive = new OptionRule(treatment, treatment == OptionTreatment.Clamp ? [60, 3600] : []) };
        await using var fleet = await StartAsync(change: options => options with { Policies = [policy] });
        var key = await fleet.Gateway.AddKeyAsync("a");
        var ops = await fleet.Gateway.AddKeyAsync("ops", caller => caller with { Scopes = Scopes.Infer | Scopes.Models });
        await AskAsync(fleet, key);

        using var held = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/generate", key, Unload);
        Assert.Contains("\"done_reason\":\"load\"", await held.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal(told, held.Headers.GetValues("X-Chasqui-Options").Single());
        Assert.Single(fleet.Double.State.Loaded);

        Assert.Equal(HttpStatusCode.OK, (await SendAsync(fleet, ops, Unload)).Status);
        Assert.Empty(fleet.Double.State.Loaded);
    }

    [Theory]
    [InlineData("/api/chat", """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false,"keep_alive":STAY}""")]
    [InlineData("/api/generate", """{"model":"mini","prompt":"x","stream":false,"keep_alive":STAY}""")]
    [InlineData("/api/embed", """{"model":"mini","input":"x","keep_alive":STAY}""")]
    [InlineData("MCP", "")]
    public async Task A_short_stay_beside_a_prompt_is_left_out_where_others_use_the_model(string path, string body)
    {
        await using var fleet = await StartAsync();
        var (a, b) = (await fleet.Gateway.AddKeyAsync("a"), await fleet.Gateway.AddKeyAsync("b"));
        var ops = await fleet.Gateway.AddKeyAsync("ops", caller => caller with { Scopes = Scopes.Infer | Scopes.Models });

        var asked = 0;
        Assert.True(await UnloadsAsync(a, 0));
        await AskAsync(fleet, b);
        Assert.False(await UnloadsAsync(a, 0));
        Assert.False(await UnloadsAsync(a, 299));
        Assert.Contains("\"keep_alive\"", Sent().First(), StringComparison.Ordinal);
        Assert.DoesNotContain("\"keep_alive\"", Sent().Last(), StringComparison.Ordinal);
        Assert.False(await UnloadsAsync(a, 600));
        Assert.Contains("\"keep_alive\"", Sent().Last(), StringComparison.Ordinal);
        Assert.True(await UnloadsAsync(ops, 0));

        IEnumerable<string> Sent() => fleet.Double.Requests.Where(request => request.Method == "POST").Select(request => request.Body);

        async Task<bool> UnloadsAsync(string key, int seconds)
        {
            // No vector is known from before.
            var prompt = $"\"x{++asked}\"";
            if (path == "MCP")
            {
                await using var client = new ChasquiClient(new ChasquiClientOptions { Endpoint = GatewayHost.WireAddresses(fleet.Gateway.App)[0], ApiKey = key });
                var request = new Messages.GenerateRequest { Model = "mini", Prompt = "x", Common = new() { KeepAliveNs = seconds * 1_000_000_000L } };
                await client.GenerateAsync(request, null, Cancellation).ToListAsync(Cancellation);
            }
            else
            {
                using var answer = await fleet.Gateway.SendAsync(HttpMethod.Post, path, key, body.Replace("STAY", $"{seconds}", StringComparison.Ordinal).Replace("\"x\"", prompt, StringComparison.Ordinal));
                Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
            }
            return fleet.Double.State.Loaded.Count == 0;
        }
    }

    private Task<Fleet> StartAsync(DoubleScript? script = null, Func<GatewayOptions, GatewayOptions>? change = null, TimeProvider? time = null) =>
        Fleet.StartAsync(script ?? new DoubleScript { Models = [new DoubleModel { Name = "mini", Capabilities = ["completion", "embedding"] }] }, change: change, time: time, log: _ended);

    /// <summary>Asks, and waits until the model is in use no more.</summary>
    private async Task AskAsync(Fleet fleet, string key)
    {
        using var answer = await fleet.Gateway.SendAsync(HttpMethod.Post, "/api/chat", key, Chat);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        await _ended.NextAsync("/api/chat");
    }

    private static async Task<(HttpStatusCode Status, string Text)> SendAsync(Fleet fleet, string key, string body, string path = "/api/generate")
    {
        using var answer = await fleet.Gateway.SendAsync(HttpMethod.Post, path, key, body);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
    }
}
