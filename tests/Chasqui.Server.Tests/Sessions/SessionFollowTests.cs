using System.Globalization;
using Chasqui.Gateway.Sessions;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>Those who follow a session, from wherever they were.</summary>
public sealed class SessionFollowTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(SyncMode.Immediate, 0)]
    [InlineData(SyncMode.Local, 3)]
    public async Task Each_change_comes_once_and_in_order_while_many_write(SyncMode mode, long after)
    {
        await using var open = new OpenLog();
        await open.CreateAsync(mode);
        for (var i = 0; i < 5; i++)
            await open.SayAsync("before");
        var behind = 20;
        var caughtUp = new TaskCompletionSource();
        var followers = Enumerable.Range(0, 20).Select(_ => ReadAsync(open.Log, after, version =>
        {
            if (version == 306 && Interlocked.Decrement(ref behind) == 0)
                caughtUp.SetResult();
        })).ToList();

        await Task.WhenAll(Enumerable.Range(0, 300).Select(i => open.SayAsync("x")));
        // What is deleted is gone, also for whoever has not read it yet.
        await caughtUp.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
        await open.Log.WriteAsync(new DeleteSession(OpenLog.Key(), open.Log.Now, null), Cancellation);

        foreach (var versions in await Task.WhenAll(followers))
            Assert.Equal(Enumerable.Range((int)after + 1, 307 - (int)after).Select(i => (long)i), versions);
        Assert.Equal(0, open.Log.Events.Followers);
    }

    [Fact]
    public async Task Whoever_is_slow_misses_nothing_and_is_told()
    {
        await using var open = new OpenLog();
        await open.CreateAsync();
        await using var slow = open.Log.FollowAsync(OpenLog.Key(), 0, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await slow.MoveNextAsync());
        var next = slow.MoveNextAsync().AsTask();

        // Far more than is kept for him.
        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => open.SayAsync(i.ToString(CultureInfo.InvariantCulture))));
        var lagged = 0;
        for (var version = 2; version <= 501; version++)
        {
            Assert.True(await next);
            Assert.Equal(version, slow.Current.Change.Version);
            lagged += slow.Current.Lagged ? 1 : 0;
            if (version < 501)
                next = slow.MoveNextAsync().AsTask();
        }

        Assert.InRange(lagged, 1, 10);
    }

    [Fact]
    public async Task A_name_that_is_used_again_goes_on_with_its_numbers()
    {
        await using var open = new OpenLog();
        await open.CreateAsync();
        await open.SayAsync("one");
        await open.Log.WriteAsync(new DeleteSession(OpenLog.Key(), open.Log.Now, 2), Cancellation);

        var again = await open.CreateAsync();

        Assert.Equal(4, again.Change!.Version);
        Assert.Empty(await open.TextsAsync());
        // Whoever comes now does not meet the end of the other one.
        Assert.Equal([(4, ChangeKind.Created)], (await open.Log.ReadAsync(OpenLog.Key(), 0, 10, cancellationToken: Cancellation)).Select(change => ((int)change.Version, change.Kind)));
    }

    [Fact]
    public async Task A_batched_write_whose_writer_has_left_is_told_all_the_same()
    {
        await using var open = new OpenLog();
        await open.CreateAsync(SyncMode.Batched);
        // From then on nothing is waited for on the way to the store.
        await open.SayAsync("first");
        await using var follower = open.Log.FollowAsync(OpenLog.Key(), 2, Cancellation).GetAsyncEnumerator(Cancellation);
        var next = follower.MoveNextAsync().AsTask();
        var gate = new TaskCompletionSource();
        open.Store.Gate = gate.Task;
        using var leaves = new CancellationTokenSource();
        var writing = open.Log.WriteAsync(new AppendTurns(OpenLog.Key(), open.Log.Now, null, [new SessionMessage(new ChatMessage { Role = "user", Content = "x" }, 1)]), leaves.Token);

        await leaves.CancelAsync();
        gate.SetResult();

        Assert.Equal(3, (await writing).Change!.Version);
        Assert.True(await next.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        Assert.Equal(3, follower.Current.Change.Version);
    }

    private static async Task<List<long>> ReadAsync(SessionLog log, long after, Action<long> seen)
    {
        List<long> versions = [];
        await foreach (var (change, _) in log.FollowAsync(OpenLog.Key(), after, Cancellation))
        {
            versions.Add(change.Version);
            seen(change.Version);
        }
        return versions;
    }
}
