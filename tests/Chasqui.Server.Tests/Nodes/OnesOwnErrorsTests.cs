using System.Net;
using Chasqui.Gateway;
using Chasqui.OllamaDouble;
using Chasqui.Server.Tests.Keys;

namespace Chasqui.Server.Tests.Nodes;

/// <summary>One caller's requests that nodes answer with errors do not close the nodes for other callers.</summary>
public sealed class OnesOwnErrorsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(NodeKind.Ollama, "/v1/messages", 500)]
    [InlineData(NodeKind.Ollama, "/v1/messages", 403)]
    [InlineData(NodeKind.Ollama, "/api/chat", 500)]
    [InlineData(NodeKind.Ollama, "/api/chat", 403)]
    [InlineData(NodeKind.OpenAi, "/v1/messages", 500)]
    [InlineData(NodeKind.OpenAi, "/api/chat", 403)]
    [InlineData(NodeKind.OpenAi, "/v1/chat/completions", 500)]
    public async Task Another_caller_is_served_by_the_same_nodes(NodeKind kind, string path, int status)
    {
        var script = new DoubleScript
        {
            Models = [new DoubleModel { Name = "mini" }, new DoubleModel { Name = "poison" }],
            Faults = [new Fault { Kind = FaultKind.Status, Status = status, Models = ["poison", "poison:latest"], Message = "the words of the first caller" }],
        };
        await using var fleet = await Fleet.StartAsync([script, script], kind: kind);
        var first = await fleet.Gateway.AddKeyAsync("first", caller => caller with { Scopes = Scopes.Infer });
        var other = await fleet.Gateway.AddKeyAsync("other", caller => caller with { Scopes = Scopes.Infer });

        for (var i = 0; i < 20; i++)
        {
            var (failed, _) = await AskAsync(fleet, path, "poison", first);
            Assert.True((int)failed >= 400);
        }
        var (answered, text) = await AskAsync(fleet, path, "mini", other);

        Assert.Equal(HttpStatusCode.OK, answered);
        Assert.DoesNotContain("the words of the first caller", text);
    }

    [Fact]
    public async Task Where_all_nodes_are_down_a_caller_without_admin_hears_neither_their_names_nor_what_they_said()
    {
        await using var fleet = await Fleet.StartAsync(new DoubleScript { Models = [new DoubleModel { Name = "mini" }] });
        var infer = await fleet.Gateway.AddKeyAsync("infer", caller => caller with { Scopes = Scopes.Infer });
        var admin = await fleet.Gateway.AddKeyAsync("admin", caller => caller with { Scopes = Scopes.Infer | Scopes.Admin });
        fleet.Node.Health.Failed("broke off in the middle", certain: true);

        var (status, text) = await AskAsync(fleet, "/api/chat", "mini", infer);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains("all nodes that have model 'mini:latest' are down; one is tried again in", text);
        Assert.DoesNotContain("n0", text);

        (status, text) = await AskAsync(fleet, "/api/chat", "mini", admin);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains("n0: broke off in the middle", text);
    }

    private static async Task<(HttpStatusCode Status, string Text)> AskAsync(Fleet fleet, string path, string model, string key)
    {
        using var request = Fleet.Post(path, $$"""{"model":"{{model}}","max_tokens":4,"stream":false,"messages":[{"role":"user","content":"hi"}]}""").With(key);
        using var answer = await fleet.Gateway.Http.SendAsync(request, Cancellation);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
    }
}
