using System.Globalization;
using Chasqui.Gateway.Sessions;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>When writes are acknowledged, and what is true of them whenever that is.</summary>
public sealed class SessionModesTests
{
    public static TheoryData<SyncMode> Modes => [SyncMode.Immediate, SyncMode.Batched, SyncMode.Local];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_thousand_writers_get_numbers_without_gaps_and_losers_are_told(SyncMode mode)
    {
        await using var open = new OpenLog();
        await open.CreateAsync(mode);
        var lost = 0;

        var versions = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(async i =>
        {
            // Some name the version that all of them saw, and look again when somebody else was faster: all but one of them.
            var seen = i % 4 == 0 ? 1L : (long?)null;
            while (true)
            {
                try
                {
                    return (await open.SayAsync(i.ToString(CultureInfo.InvariantCulture), seen)).Change!.Version;
                }
                catch (SessionConflictException e)
                {
                    Interlocked.Increment(ref lost);
                    Assert.NotEqual(seen, e.Current);
                    seen = e.Current;
                }
            }
        }));

        Assert.Equal(Enumerable.Range(2, 1_000).Select(i => (long)i), versions.Order());
        Assert.True(lost > 0);
        var written = await open.CloseAndReadAsync();
        Assert.Equal(Enumerable.Range(1, 1_001).Select(i => (long)i), written.Select(change => change.Version));
        Assert.Equal(Enumerable.Range(0, 1_000), written.Skip(1).Select(change => int.Parse(change.Messages.Single().Message.Content, CultureInfo.InvariantCulture)).Order());
    }

    [Fact]
    public async Task Writes_of_a_moment_are_one_commit_when_batched_and_one_each_when_immediate()
    {
        await using var open = new OpenLog();
        await open.CreateAsync(SyncMode.Batched, "b");
        await open.CreateAsync(SyncMode.Immediate, "i");
        // From then on it is known which way each goes, and nothing is waited for on the way to the store.
        await open.SayAsync("x", id: "b");
        await open.SayAsync("x", id: "i");
        var gate = new TaskCompletionSource();
        open.Store.Gate = gate.Task;
        open.Store.Commits.Clear();
        var all = Enumerable.Range(0, 110).Select(i => open.SayAsync("x", id: i < 100 ? "b" : "i")).ToList();

        gate.SetResult();
        await Task.WhenAll(all);

        Assert.Equal(110, open.Store.Commits.Sum());
        // Ten of one each; the first ones of the others were on their way already, and the rest went together.
        Assert.InRange(open.Store.Commits.Count, 11, 12);
    }

    [Fact]
    public async Task A_local_write_is_acknowledged_and_seen_before_it_is_written_and_written_when_its_window_ends()
    {
        var time = new FakeTimeProvider();
        await using var open = new OpenLog(time: time);
        await open.CreateAsync(SyncMode.Local);
        open.Store.Commits.Clear();

        await open.SayAsync("one");
        await open.SayAsync("two");
        Assert.Empty(open.Store.Commits);
        Assert.Equal(["one", "two"], await open.TextsAsync());
        Assert.Equal(3, (await open.Log.GetAsync(OpenLog.Key(), Cancellation)).Version);
        Assert.Equal([1, 2, 3], (await open.Log.ReadAsync(OpenLog.Key(), 0, 10, cancellationToken: Cancellation)).Select(change => change.Version));

        var written = await open.CloseAndReadAsync();
        Assert.Equal([2], open.Store.Commits);
        Assert.Equal(["one", "two"], written.SelectMany(change => change.Messages).Select(turn => turn.Message.Content));
    }

    [Fact]
    public async Task What_the_disk_does_not_take_is_kept_tried_again_and_bounded()
    {
        await using var open = new OpenLog(new SessionOptions { LocalWindow = TimeSpan.FromMilliseconds(1), MaxPending = 3 });
        await open.CreateAsync(SyncMode.Local);
        open.Store.Failure = new SessionStoreException(StoreFault.Full, "there is no room left");

        for (var i = 0; i < 3; i++)
            await open.SayAsync($"{i}");
        await open.Store.Failed;
        var refused = await Assert.ThrowsAsync<SessionStoreException>(() => open.SayAsync("more"));
        Assert.Equal(StoreFault.Full, refused.Fault);
        Assert.Equal(["0", "1", "2"], await open.TextsAsync());

        open.Store.Recover();
        Assert.Equal(["0", "1", "2"], (await open.CloseAndReadAsync()).SelectMany(change => change.Messages).Select(turn => turn.Message.Content));
    }

    [Fact]
    public async Task A_change_of_settings_a_fork_and_a_deletion_see_what_is_not_written_yet()
    {
        await using var open = new OpenLog(time: new FakeTimeProvider());
        await open.CreateAsync(SyncMode.Local);
        await open.SayAsync("one");

        var fork = await open.Log.WriteAsync(new ForkSession(OpenLog.Key("f"), open.Log.Now, OpenLog.Key(), null, null), Cancellation);
        await open.SayAsync("two");
        var updated = await open.Log.WriteAsync(new UpdateSession(OpenLog.Key(), open.Log.Now, 3, new SessionSettings { Title = "t", Mode = SyncMode.Local }), Cancellation);
        await open.SayAsync("three");
        var deleted = await open.Log.WriteAsync(new DeleteSession(OpenLog.Key(), open.Log.Now, null), Cancellation);

        Assert.Equal((3, 4, 6), (fork.Change!.Version, updated.Change!.Version, deleted.Change!.Version));
        Assert.Equal(["one"], await open.TextsAsync("f"));
        await Assert.ThrowsAsync<SessionNotFoundException>(() => open.SayAsync("four"));
    }
}
