using Chasqui.Gateway.Sessions;
using Microsoft.Data.Sqlite;

namespace Chasqui.Storage.Tests;

/// <summary>The store in a file, and what can happen to a file.</summary>
public sealed class SqliteStoreTests : StoreTests
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("chasqui-store-");

    private string Path => System.IO.Path.Combine(_folder.FullName, "sessions.db");

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    protected override Task<ISessionStore> OpenAsync() => Task.FromResult<ISessionStore>(SqliteSessionStore.Open(Path));

    [Fact]
    public async Task What_was_committed_is_there_when_it_is_opened_again_and_nobody_else_may_read_it()
    {
        await DoAsync(new CreateSession(Key("s"), DateTimeOffset.UnixEpoch, new SessionSettings()));
        await Store.DisposeAsync();

        await using var again = SqliteSessionStore.Open(Path);
        Assert.Equal(1, (await again.FindAsync(Key("s"), Cancellation))!.Version);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
    }

    [Fact]
    public async Task A_backup_is_whole_while_others_write()
    {
        await DoAsync(new CreateSession(Key("s"), DateTimeOffset.UnixEpoch, new SessionSettings()));
        var writing = Task.WhenAll(Enumerable.Range(0, 200).Select(i => DoAsync(new AppendTurns(Key("s"), DateTimeOffset.UnixEpoch, null, [Turn($"{i}")]))));
        var copy = System.IO.Path.Combine(_folder.FullName, "copy.db");
        await ((SqliteSessionStore)Store).BackupAsync(copy, Cancellation);
        await writing;

        await using var restored = SqliteSessionStore.Open(copy);
        var session = (await restored.FindAsync(Key("s"), Cancellation))!;
        Assert.Equal(Enumerable.Range(1, (int)session.Version).Select(i => (long)i), (await restored.ReadAsync(Key("s"), 0, 1_000, long.MaxValue, Cancellation)).Select(change => change.Version));
    }

    [Fact]
    public async Task A_file_that_somebody_has_locked_is_named_and_can_be_read()
    {
        await DoAsync(new CreateSession(Key("s"), DateTimeOffset.UnixEpoch, new SessionSettings()));
        await using (var other = new SqliteConnection($"Data Source={Path};Pooling=False"))
        {
            await other.OpenAsync(Cancellation);
            await using var transaction = other.BeginTransaction(deferred: false);
            var error = await Assert.ThrowsAsync<SessionStoreException>(() => DoAsync(new AppendTurns(Key("s"), DateTimeOffset.UnixEpoch, null, [Turn("x")])));
            Assert.Equal(StoreFault.Locked, error.Fault);
            Assert.Contains(Path, error.Message, StringComparison.Ordinal);
            Assert.NotNull(await Store.FindAsync(Key("s"), Cancellation));
        }

        Assert.Equal(2, (await DoAsync(new AppendTurns(Key("s"), DateTimeOffset.UnixEpoch, null, [Turn("x")]))).Change!.Version);
    }

    [Fact]
    public async Task A_full_disk_is_told_loses_nothing_and_can_be_read()
    {
        await DoAsync(new CreateSession(Key("s"), DateTimeOffset.UnixEpoch, new SessionSettings()));
        ((SqliteSessionStore)Store).LimitPages(30);

        var error = await Assert.ThrowsAsync<SessionStoreException>(() => DoAsync(new AppendTurns(Key("s"), DateTimeOffset.UnixEpoch, null, [Turn(new string('x', 1_000_000))])));

        Assert.Equal(StoreFault.Full, error.Fault);
        Assert.Equal(1, (await Store.FindAsync(Key("s"), Cancellation))!.Version);
        ((SqliteSessionStore)Store).LimitPages(1_000_000);
        Assert.Equal(2, (await DoAsync(new AppendTurns(Key("s"), DateTimeOffset.UnixEpoch, null, [Turn(new string('x', 1_000_000))]))).Change!.Version);
    }

    [Fact]
    public async Task A_file_that_is_damaged_is_refused_and_left_as_it_is()
    {
        await DoAsync(new CreateSession(Key("s"), DateTimeOffset.UnixEpoch, new SessionSettings()));
        await Store.DisposeAsync();
        var bytes = await File.ReadAllBytesAsync(Path, Cancellation);
        foreach (var damaged in new[] { "This is no database, but a text that is long enough to look at."u8.ToArray(), bytes[..5_000], [.. bytes[..100], .. new byte[bytes.Length - 100]] })
        {
            await File.WriteAllBytesAsync(Path, damaged, Cancellation);
            var error = Assert.Throws<SessionStoreException>(() => SqliteSessionStore.Open(Path));
            Assert.Equal(StoreFault.Corrupt, error.Fault);
            Assert.Contains(Path, error.Message, StringComparison.Ordinal);
            Assert.Equal(damaged, await File.ReadAllBytesAsync(Path, Cancellation));
        }
    }

    [Fact]
    public async Task A_file_of_a_newer_version_is_refused()
    {
        await Store.DisposeAsync();
        await using (var other = new SqliteConnection($"Data Source={Path};Pooling=False"))
        {
            await other.OpenAsync(Cancellation);
            await using var command = other.CreateCommand();
            command.CommandText = "PRAGMA user_version = 99";
            await command.ExecuteNonQueryAsync(Cancellation);
        }

        var error = Assert.Throws<SessionStoreException>(() => SqliteSessionStore.Open(Path));
        Assert.Contains("newer version", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_place_where_nothing_can_be_is_named()
    {
        var file = System.IO.Path.Combine(_folder.FullName, "file");
        File.WriteAllText(file, "no folder");

        var error = Assert.Throws<SessionStoreException>(() => SqliteSessionStore.Open(System.IO.Path.Combine(file, "sessions.db")));

        Assert.Equal(StoreFault.Unavailable, error.Fault);
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_made_for_its_user_alone()
    {
        var folder = System.IO.Path.Combine(_folder.FullName, "not", "there");

        await using var store = SqliteSessionStore.Open(System.IO.Path.Combine(folder, "sessions.db"));

        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
    }
}
