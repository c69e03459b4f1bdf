using System.Text;
using Chasqui.Gateway.Responses;
using Chasqui.Gateway.Sessions;
using Microsoft.Data.Sqlite;

namespace Chasqui.Storage.Tests;

/// <summary>What is deleted leaves the file, and the disk has its room back.</summary>
public sealed class SqliteDeletionTests : IDisposable
{
    private const string Secret = "the vault opens with 7391";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("chasqui-deleted-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string File => Path.Combine(_folder.FullName, "sessions.db");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task The_text_of_a_deleted_session_is_in_no_file_and_its_room_is_given_back()
    {
        await using var store = SqliteSessionStore.Open(File);
        await SayAsync(store, "kept", "small");
        var before = Bytes();
        await SayAsync(store, "gone", string.Concat(Enumerable.Repeat(Secret, 200_000)));
        Assert.True(Holds(Secret));
        Assert.True(Bytes() > before + 4_000_000);

        await store.CommitAsync([new DeleteSession(new SessionKey("t", "gone"), DateTimeOffset.UnixEpoch, null)], Cancellation);

        Assert.False(Holds(Secret));
        Assert.InRange(Bytes(), 0, before + 200_000);
        Assert.Equal("small", (await store.ReadAsync(new SessionKey("t", "kept"), 1, 1, 1, Cancellation)).Single().Messages.Single().Message.Content);
    }

    [Fact]
    public async Task So_is_that_of_a_response()
    {
        await using var store = SqliteSessionStore.Open(File);
        await store.KeepAsync(new KeptResponse("t", "r", DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes(Secret)), new SessionOptions(), Cancellation);
        Assert.True(Holds(Secret));

        Assert.True(await store.RemoveResponseAsync("t", "r", Cancellation));

        Assert.False(Holds(Secret));
    }

    [Fact]
    public async Task A_file_of_an_older_version_is_cleaned_and_counted()
    {
        await using (var store = SqliteSessionStore.Open(File))
            await SayAsync(store, "s", "old text");
        // As it was before: pages were left as they are, and no bytes were counted.
        await using (var other = new SqliteConnection($"Data Source={File};Pooling=False"))
        {
            await other.OpenAsync(Cancellation);
            foreach (var sql in new[]
            {
                "PRAGMA auto_vacuum = NONE", "VACUUM", "ALTER TABLE sessions DROP COLUMN bytes", "PRAGMA user_version = 2",
                $"CREATE TABLE t AS SELECT '{Secret}' AS x", "PRAGMA secure_delete = OFF", "DROP TABLE t",
            })
            {
                await using var command = other.CreateCommand();
                command.CommandText = sql;
                await command.ExecuteNonQueryAsync(Cancellation);
            }
        }
        Assert.True(Holds(Secret));

        await using var again = SqliteSessionStore.Open(File);

        Assert.False(Holds(Secret));
        var usage = await again.UsageAsync("t", Cancellation);
        Assert.Equal((1, 1, usage.Bytes), (usage.Sessions, usage.Turns, (await again.FindAsync(new SessionKey("t", "s"), Cancellation))!.Bytes));
        Assert.InRange(usage.Bytes, 2 * SessionUsage.OfChange, 2_000);
    }

    private static async Task SayAsync(SqliteSessionStore store, string id, string text) => await store.CommitAsync(
        [
            new CreateSession(new SessionKey("t", id), DateTimeOffset.UnixEpoch, new SessionSettings()),
            new AppendTurns(new SessionKey("t", id), DateTimeOffset.UnixEpoch, null, [new SessionMessage(new ChatMessage { Role = "user", Content = text }, 1)]),
        ], Cancellation);

    private long Bytes() => _folder.EnumerateFiles("sessions.db*").Sum(file => file.Name.EndsWith("-shm", StringComparison.Ordinal) ? 0 : file.Length);

    private bool Holds(string text) => _folder.EnumerateFiles("sessions.db*").Any(file =>
    {
        using var stream = file.Open(FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray().AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
    });
}
