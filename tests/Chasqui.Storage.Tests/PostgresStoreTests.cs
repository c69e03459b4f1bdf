using Chasqui.Gateway.Sessions;

namespace Chasqui.Storage.Tests;

/// <summary>The store in a real PostgreSQL, which several gateways share.</summary>
public sealed class PostgresStoreTests(PostgresServer server) : StoreTests
{
    private string _place = "";

    [Fact]
    public async Task Two_gateways_that_write_to_one_session_lose_nothing()
    {
        await using var other = await PostgresSessionStore.OpenAsync(_place, TimeProvider.System, Cancellation);
        await DoAsync(new CreateSession(Key("s"), DateTimeOffset.UnixEpoch, new SessionSettings()));

        await Task.WhenAll(Enumerable.Range(0, 50).SelectMany(i => new[] { Store, other }.Select(store => store.CommitAsync(
            [new AppendTurns(Key("s"), DateTimeOffset.UnixEpoch, null, [Turn("x")]), new AppendTurns(Key("s"), DateTimeOffset.UnixEpoch, null, [Turn("y")])], Cancellation))));

        Assert.Equal(Enumerable.Range(1, 201).Select(i => (long)i), (await Store.ReadAsync(Key("s"), 0, 1_000, long.MaxValue, Cancellation)).Select(change => change.Version));
    }

    [Fact]
    public async Task What_another_gateway_writes_is_heard()
    {
        await using var other = await PostgresSessionStore.OpenAsync(_place, TimeProvider.System, Cancellation);
        await DoAsync(new CreateSession(Key("s"), DateTimeOffset.UnixEpoch, new SessionSettings()));
        var (hears, heard) = (new TaskCompletionSource(), new TaskCompletionSource<(SessionKey?, long)>());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var watching = Store.WatchAsync(Tell, stop.Token);
        await hears.Task.WaitAsync(Cancellation);

        await other.CommitAsync([new AppendTurns(Key("s"), DateTimeOffset.UnixEpoch, 1, [Turn("x")])], Cancellation);

        void Tell(SessionKey? key, long version) => _ = key is null ? hears.TrySetResult() : heard.TrySetResult((key, version));
        Assert.Equal((Key("s"), 2L), await heard.Task.WaitAsync(Cancellation));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);
    }

    [Theory]
    [InlineData("nonsense", "no connection string")]
    [InlineData("Host=127.0.0.1;Port=1;Timeout=5", "cannot be reached")]
    public async Task A_database_that_is_not_there_is_named(string connection, string expected)
    {
        var error = await Assert.ThrowsAsync<SessionStoreException>(() => PostgresSessionStore.OpenAsync(connection, TimeProvider.System, Cancellation));
        Assert.Equal(StoreFault.Unavailable, error.Fault);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    protected override async Task<ISessionStore> OpenAsync()
    {
        _place = await server.NewDatabaseAsync();
        return await PostgresSessionStore.OpenAsync(_place, TimeProvider.System, Cancellation);
    }
}
