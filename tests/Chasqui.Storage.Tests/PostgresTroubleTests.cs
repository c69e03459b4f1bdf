using System.Net;
using Chasqui.Doubles;
using Chasqui.Gateway.Sessions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace Chasqui.Storage.Tests;

/// <summary>A PostgreSQL that comes late, falls silent, or is locked by others.</summary>
public sealed class PostgresTroubleTests(PostgresServer server)
{
    private static readonly PostgresTimes _quick = new() { PingInterval = TimeSpan.FromMilliseconds(200), PingTimeout = TimeSpan.FromSeconds(1) };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_changed_during_a_silent_cut_is_asked_for_again()
    {
        var place = await server.NewDatabaseAsync();
        await using var network = Network(place, () => int.MaxValue);
        await using var store = await PostgresSessionStore.OpenAsync(Through(network, place), TimeProvider.System, _quick, null, Cancellation);
        await using var other = await PostgresSessionStore.OpenAsync(place, TimeProvider.System, Cancellation);
        await CreateAsync(other, "s");
        var (hears, heard, missed) = (new TaskCompletionSource(), new TaskCompletionSource(), new TaskCompletionSource());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var watching = store.WatchAsync((key, _) => Tell(key), stop.Token);
        await hears.Task.WaitAsync(Cancellation);
        void Tell(SessionKey? key) => _ = key is not null ? heard.TrySetResult() : hears.TrySetResult() || missed.TrySetResult();
        await SayAsync(other, "s");
        await heard.Task.WaitAsync(Cancellation);
        Assert.False(missed.Task.IsCompleted);

        network.Silence();
        for (var i = 0; i < 5; i++)
            await SayAsync(other, "s");

        // No byte says that the connection is gone.
        await missed.Task;
        Assert.Equal((await other.FindAsync(Key("s"), Cancellation))!.Version, (await store.FindAsync(Key("s"), Cancellation))!.Version);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);
    }

    [Fact]
    public async Task A_session_that_another_program_has_locked_holds_up_no_other()
    {
        var place = await server.NewDatabaseAsync();
        await using var store = await PostgresSessionStore.OpenAsync(place, TimeProvider.System, new PostgresTimes { LockTimeout = TimeSpan.FromMinutes(5) }, null, Cancellation);
        await CreateAsync(store, "locked");
        await CreateAsync(store, "free");
        List<Task> waiting;
        await using (await LockAsync(place, "locked"))
        {
            // More than there are connections.
            waiting = [.. Enumerable.Range(0, 40).Select(_ => SayAsync(store, "locked"))];

            await SayAsync(store, "free");
            await CreateAsync(store, "new");
            Assert.NotNull(await store.FindAsync(Key("locked"), Cancellation));
            Assert.All(waiting, task => Assert.False(task.IsCompleted));
        }

        await Task.WhenAll(waiting);
        Assert.Equal(41, (await store.FindAsync(Key("locked"), Cancellation))!.Version);
    }

    [Fact]
    public async Task A_lock_is_waited_for_no_longer_than_is_said()
    {
        var place = await server.NewDatabaseAsync();
        await using var store = await PostgresSessionStore.OpenAsync(place, TimeProvider.System, new PostgresTimes { LockTimeout = TimeSpan.FromMilliseconds(100) }, null, Cancellation);
        await CreateAsync(store, "s");
        await using var held = await LockAsync(place, "s");

        var errors = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Assert.ThrowsAsync<SessionStoreException>(() => SayAsync(store, "s"))));

        Assert.All(errors, error => Assert.Equal(StoreFault.Locked, error.Fault));
        Assert.All(errors, error => Assert.Contains("locked", error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_statement_takes_no_longer_than_is_said()
    {
        var place = await server.NewDatabaseAsync();
        await using var store = await PostgresSessionStore.OpenAsync(place, TimeProvider.System, new PostgresTimes { StatementTimeout = TimeSpan.FromMilliseconds(300) }, null, Cancellation);
        await using var source = NpgsqlDataSource.Create(place);
        await using var connection = await source.OpenConnectionAsync(Cancellation);
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        await using var command = new NpgsqlCommand("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE", connection, transaction);
        await command.ExecuteNonQueryAsync(Cancellation);

        var error = await Assert.ThrowsAsync<SessionStoreException>(() => store.FindAsync(Key("s"), Cancellation));

        Assert.Equal(StoreFault.Locked, error.Fault);
    }

    [Fact]
    public async Task A_database_that_comes_late_is_waited_for()
    {
        var place = await server.NewDatabaseAsync();
        var tries = 0;
        // The first connections end before a byte has come, as those to a server that starts.
        await using var network = Network(place, () => ++tries <= 2 ? 0 : int.MaxValue);
        List<string> told = [];

        await using var store = await PostgresSessionStore.OpenAsync(
            Through(network, place), TimeProvider.System, new PostgresTimes { StartWait = TimeSpan.FromMinutes(5), Retry = TimeSpan.FromMilliseconds(1) }, told.Add, Cancellation);

        Assert.NotEmpty(told);
        Assert.All(told, reason => Assert.Contains("cannot be reached", reason, StringComparison.Ordinal));
        await CreateAsync(store, "s");
    }

    [Fact]
    public async Task A_database_that_does_not_come_is_named_with_how_long_it_was_waited_for()
    {
        var time = new FakeTimeProvider();
        var tries = 0;
        var times = new PostgresTimes { StartWait = TimeSpan.FromSeconds(25), Retry = TimeSpan.Zero };
        void Waits(string reason)
        {
            tries++;
            time.Advance(TimeSpan.FromSeconds(10));
        }

        var error = await Assert.ThrowsAsync<SessionStoreException>(() => PostgresSessionStore.OpenAsync("Host=127.0.0.1;Port=1;Database=d", time, times, Waits, Cancellation));

        Assert.Equal(3, tries);
        Assert.Contains("PostgreSQL 127.0.0.1:1/d cannot be reached", error.Message, StringComparison.Ordinal);
        Assert.Contains("tried for 25 s (Sessions:DatabaseWait)", error.Message, StringComparison.Ordinal);
    }

    private static SessionKey Key(string id) => new("t", id);

    private static CuttingProxy Network(string place, Func<int> bytes) => new(new IPEndPoint(IPAddress.Loopback, new NpgsqlConnectionStringBuilder(place).Port), bytes);

    private static string Through(CuttingProxy network, string place) => new NpgsqlConnectionStringBuilder(place) { Port = new Uri(network.Endpoint).Port }.ToString();

    private static async Task CreateAsync(PostgresSessionStore store, string id) =>
        await store.CommitAsync([new CreateSession(Key(id), DateTimeOffset.UnixEpoch, new SessionSettings())], Cancellation);

    private static async Task SayAsync(PostgresSessionStore store, string id) => await store.CommitAsync(
        [new AppendTurns(Key(id), DateTimeOffset.UnixEpoch, null, [new SessionMessage(new ChatMessage { Role = "user", Content = "x" }, 1)])], Cancellation);

    /// <summary>Locks a session as a gateway does that is in the middle of a write.</summary>
    private static async Task<NpgsqlConnection> LockAsync(string place, string id)
    {
        var connection = new NpgsqlConnection(place + ";Pooling=false");
        await connection.OpenAsync(Cancellation);
        await using var command = new NpgsqlCommand("SELECT pg_advisory_lock($1)", connection) { Parameters = { new NpgsqlParameter { Value = PostgresSessionStore.Hash(Key(id)) } } };
        await command.ExecuteNonQueryAsync(Cancellation);
        return connection;
    }
}
