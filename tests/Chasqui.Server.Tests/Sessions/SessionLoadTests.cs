using System.Globalization;
using Chasqui.Gateway.Sessions;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>A session that somebody else deletes while it is being read: what is given is one session, whole, and never parts of two.</summary>
public sealed class SessionLoadTests
{
    /// <summary>More than are read at once.</summary>
    private const int Turns = 300;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Turns + 2)] // The session was found, and nothing of it was read yet.
    [InlineData(Turns + 2 - 64)] // The first page of it was read.
    public async Task One_that_is_made_anew_meanwhile_is_read_again(int read)
    {
        await using var open = new OpenLog();
        await FillAsync(open);
        open.Store.BeforeRead = (read, async () =>
        {
            await DeleteAsync(open);
            await open.CreateAsync();
            await open.SayAsync("new");
        }
        );

        var (session, part) = await open.Log.LoadAsync(OpenLog.Key(), _ => long.MaxValue, Cancellation);

        Assert.Null(open.Store.BeforeRead);
        Assert.Equal((Turns + 4, 1), ((int)session.Version, session.Messages));
        Assert.Equal(["new"], part.Turns.Select(turn => turn.Message.Content));
        // Nor is anything else remembered.
        await open.SayAsync("newer");
        Assert.Equal(["new", "newer"], await open.TextsAsync());
    }

    [Theory]
    [InlineData(Turns + 2)]
    [InlineData(Turns + 2 - 64)]
    public async Task One_that_is_deleted_meanwhile_is_not_there(int read)
    {
        await using var open = new OpenLog();
        await FillAsync(open);
        open.Store.BeforeRead = (read, () => DeleteAsync(open));

        await Assert.ThrowsAsync<SessionNotFoundException>(() => open.Log.LoadAsync(OpenLog.Key(), _ => long.MaxValue, Cancellation));

        Assert.Null(open.Store.BeforeRead);
    }

    [Fact]
    public async Task One_that_grows_meanwhile_is_read_as_it_was()
    {
        await using var open = new OpenLog();
        await FillAsync(open);
        open.Store.BeforeRead = (Turns + 2 - 64, () => open.SayAsync("late"));

        var (session, part) = await open.Log.LoadAsync(OpenLog.Key(), _ => long.MaxValue, Cancellation);

        Assert.Equal(Turns + 1, session.Version);
        Assert.Equal(Enumerable.Range(0, Turns).Select(Name), part.Turns.Select(turn => turn.Message.Content));
        Assert.Equal("late", (await open.TextsAsync())[^1]);
    }

    /// <summary>A session of version <see cref="Turns"/> + 1, in one commit.</summary>
    private static async Task FillAsync(OpenLog open)
    {
        await open.CreateAsync();
        await open.Store.CommitAsync(
            [.. Enumerable.Range(0, Turns).Select(i => new AppendTurns(OpenLog.Key(), open.Log.Now, null, [new SessionMessage(new ChatMessage { Role = "user", Content = Name(i) }, 1)]))], Cancellation);
    }

    private static Task<WriteOutcome> DeleteAsync(OpenLog open) => open.Log.WriteAsync(new DeleteSession(OpenLog.Key(), open.Log.Now, null), Cancellation);

    private static string Name(int i) => i.ToString(CultureInfo.InvariantCulture);
}
