using Chasqui.Client;
using Chasqui.Doubles;
using Chasqui.Server.Tests.Keys;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>Sessions by the .NET client.</summary>
public sealed class SessionClientTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_clients_write_read_and_follow_one_session_in_step()
    {
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine());
        await using var network = new CuttingProxy(gateway.Wire, () => int.MaxValue);
        await using var a = new ChasquiClient(GatewayHost.WireAddresses(gateway.App)[0]);
        await using var b = new ChasquiClient(new ChasquiClientOptions { Endpoint = network.Endpoint, MinBackoff = TimeSpan.FromMilliseconds(1) });
        var made = await a.Sessions.CreateAsync(new SessionDraft { Id = "s", Title = "One", Policy = "keep-all" }, Cancellation);
        Assert.Equal(("s", 1L, "One", "keep-all"), (made.Id, made.Version, made.Title, made.Policy));
        await using var follower = b.Sessions.FollowAsync("s", 0, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.Equal("created", (await NextAsync(follower)).Kind);

        var appended = await b.Sessions.AppendAsync("s", [new SessionMessage { Content = "Hello" }], 1, Cancellation);
        Assert.Equal(2, appended.Version);
        Assert.Equal("Hello", (await NextAsync(follower)).Messages.Single().Content);
        var stale = await Assert.ThrowsAsync<ClientException>(() => a.Sessions.AppendAsync("s", [new SessionMessage { Content = "Late" }], 1, Cancellation));
        Assert.Equal(("session_conflict", "2"), (stale.Error.Code, stale.Error.Details["version"]));

        // What happens while a follower is cut off, he hears afterwards, once.
        await network.CutAsync();
        await foreach (var update in a.ChatAsync(
            new Messages.ChatRequest { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = "And?" } } }, new CallOptions { Session = "s", SessionVersion = 2 }, Cancellation))
        {
            if (update.Result is { } result)
                Assert.Equal(("s", 3L), (result.Session.Id, result.Session.Version));
        }
        Assert.Equal(["And?", "Hi"], (await NextAsync(follower)).Messages.Select(message => message.Content));

        var fork = await a.Sessions.ForkAsync("s", 2, new SessionDraft { Title = "Two" }, Cancellation);
        Assert.Equal((new SessionVersion("s", 2), 1, "Two"), (fork.ForkedFrom, fork.MessageCount, fork.Title));
        Assert.Equal("Three", (await a.Sessions.UpdateAsync(fork.Id, new SessionDraft { Title = "Three" }, fork.Version, Cancellation)).Title);
        Assert.Equal([fork.Id, "s"], (await b.Sessions.ListAsync(cancellationToken: Cancellation)).Sessions.Select(session => session.Id));
        Assert.Equal(["Hello", "And?", "Hi"], (await b.Sessions.GetAsync("s", Cancellation)).Messages.Select(message => message.Content));

        using var lines = new MemoryStream();
        await a.Sessions.ExportAsync("s", lines, Cancellation);
        var copy = await a.Sessions.ImportAsync(lines.ToArray(), "copy", Cancellation);
        Assert.Equal(("copy", 3), (copy.Id, copy.MessageCount));

        await a.Sessions.DeleteAsync("s", null, Cancellation);
        Assert.Equal("deleted", (await NextAsync(follower)).Kind);
        Assert.False(await follower.MoveNextAsync());
        Assert.Equal("session_not_found", (await Assert.ThrowsAsync<ClientException>(() => b.Sessions.GetAsync("s", Cancellation))).Error.Code);
        Assert.Equal("session_exists", (await Assert.ThrowsAsync<ClientException>(() => b.Sessions.CreateAsync(new SessionDraft { Id = "copy" }, Cancellation))).Error.Code);
    }

    private static async Task<SessionChange> NextAsync(IAsyncEnumerator<SessionChange> follower)
    {
        Assert.True(await follower.MoveNextAsync());
        return follower.Current;
    }
}
